package commands_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/claim"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/tenant"
)

func TestOneSlugHasOneTenant(t *testing.T) {
	log := realLog(t)
	l := []*commands.Ledger{ledger(t, log), ledger(t, log)}
	var won, lost atomic.Int64
	crowd(40, func(i int) {
		_, err := give(t, l[i%2], "createTenant", tenant.Create{Slug: "acme", Name: fmt.Sprint(i), Kind: tenant.Merchant}, plainly())
		switch {
		case err == nil:
			won.Add(1)
		case errors.Is(err, claim.ErrSlugTaken), errors.Is(err, domain.ErrRaced):
			lost.Add(1)
		default:
			t.Error(err)
		}
	})
	if won.Load() != 1 || lost.Load() != 39 {
		t.Fatalf("%d won, %d lost", won.Load(), lost.Load())
	}
}

// Spellings of one business name are one name.
func TestOneBusinessNameHasOneIntegrator(t *testing.T) {
	l := ledger(t, realLog(t))
	won := 0
	for _, name := range []string{"Acme", "ACME", "ａｃｍｅ", "acme\u200b", "Acme "} {
		_, err := give(t, l, "registerIntegrator", integrator.Register{Kind: integrator.Partner, BusinessName: name}, plainly())
		if err == nil {
			won++
		} else if !errors.Is(err, claim.ErrBusinessNameTaken) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if won != 1 {
		t.Fatalf("%d integrators have the name", won)
	}
}

func TestARenamedTenantFreesItsSlug(t *testing.T) {
	l := ledger(t, realLog(t))
	id := newTenant(t, l, "old-name")
	slug := "new-name"
	if _, err := give(t, l, "updateTenantProfile", tenant.UpdateProfile{Tenant: id, Slug: &slug}, plainly()); err != nil {
		t.Fatal(err)
	}
	newTenant(t, l, "old-name")
	if _, err := give(t, l, "createTenant", tenant.Create{Slug: slug, Name: "x", Kind: tenant.Merchant}, plainly()); !errors.Is(err, claim.ErrSlugTaken) {
		t.Fatalf("the new slug: %v", err)
	}
}

// A name that changes only in its spelling stays taken.
func TestANewSpellingKeepsTheName(t *testing.T) {
	l := ledger(t, realLog(t))
	r, err := give(t, l, "registerIntegrator", integrator.Register{Kind: integrator.Partner, BusinessName: "Nord"}, plainly())
	if err != nil {
		t.Fatal(err)
	}
	name := "NORD"
	if _, err := give(t, l, "updateIntegratorProfile", integrator.UpdateProfile{Integrator: domain.IntegratorID(r.ID), BusinessName: &name}, plainly()); err != nil {
		t.Fatal(err)
	}
	if _, err := give(t, l, "registerIntegrator", integrator.Register{Kind: integrator.Partner, BusinessName: "nord"}, plainly()); !errors.Is(err, claim.ErrBusinessNameTaken) {
		t.Fatal(err)
	}
}

// A refused command reserves nothing for good.
func TestARefusedCreateLeavesTheSlugFree(t *testing.T) {
	log := realLog(t)
	l := ledger(t, log)
	id := newTenant(t, l, "first")
	taken := tenant.Create{Tenant: id, Slug: "wanted", Name: "x", Kind: tenant.Merchant}
	if _, err := give(t, l, "createTenant", taken, plainly()); err == nil {
		t.Fatal("a tenant was created twice")
	}
	newTenant(t, l, "wanted")
}

// Two processes give one tenant the same slug at once. Whoever loses must not
// give back what the winner is about to confirm.
func TestALostRaceGivesNothingBackThatTheWinnerHolds(t *testing.T) {
	log := realLog(t)
	id := newTenant(t, ledger(t, log), "old")
	loserDecided, winnerWrote, loserDone := make(chan struct{}), make(chan struct{}), make(chan struct{})
	winner := ledger(t, &gate{Log: log, stream: tenant.Stream(id),
		before: func() { <-loserDecided }, after: func() { close(winnerWrote); <-loserDone }})
	loser := ledger(t, &gate{Log: log, stream: tenant.Stream(id),
		before: sync.OnceFunc(func() { close(loserDecided); <-winnerWrote }), after: func() {}})
	slug := "new"
	var both sync.WaitGroup
	both.Go(func() {
		if _, err := give(t, winner, "updateTenantProfile", tenant.UpdateProfile{Tenant: id, Slug: &slug}, plainly()); err != nil {
			t.Error(err)
		}
	})
	both.Go(func() {
		defer close(loserDone)
		if _, err := give(t, loser, "updateTenantProfile", tenant.UpdateProfile{Tenant: id, Slug: &slug}, plainly()); err != nil {
			t.Error(err)
		}
	})
	both.Wait()
	if _, err := give(t, loser, "createTenant", tenant.Create{Slug: slug, Name: "x", Kind: tenant.Merchant}, plainly()); !errors.Is(err, claim.ErrSlugTaken) {
		t.Fatalf("a second tenant with the slug: %v", err)
	}
}

// A gate stops appends to one stream on their way in and out.
type gate struct {
	commands.Log
	stream        domain.StreamID
	before, after func()
}

func (g *gate) Append(ctx context.Context, stream domain.StreamID, next uint64, m domain.Meta, facts []domain.Proposed) (domain.Receipt, error) {
	if stream != g.stream {
		return g.Log.Append(ctx, stream, next, m, facts)
	}
	g.before()
	r, err := g.Log.Append(ctx, stream, next, m, facts)
	g.after()
	return r, err
}

// A crash between the steps leaves a reservation; the sweeper asks the holder's
// stream whether one of its facts came true.
func TestAnAbandonedReservationIsSettled(t *testing.T) {
	log := realLog(t)
	l := ledger(t, log)
	id := newTenant(t, l, "acme")
	past, err := log.Read(t.Context(), tenant.Stream(id), 0)
	if err != nil {
		t.Fatal(err)
	}
	there, never := past[0].ID, uuid.New()
	later, now := time.Now().Add(time.Minute), time.Now().Add(-time.Minute)
	for name, c := range map[string]struct {
		facts []uuid.UUID
		limit time.Time
		want  claim.Status
	}{
		"the fact is there":         {[]uuid.UUID{there}, later, claim.StatusConfirmed},
		"the fact never came":       {[]uuid.UUID{never}, later, claim.StatusFree},
		"the fact may still come":   {[]uuid.UUID{never}, now, claim.StatusReserved},
		"the first of two is there": {[]uuid.UUID{there, never}, later, claim.StatusConfirmed},
	} {
		t.Run(name, func(t *testing.T) {
			stream := claim.Stream("tenant-slug", uuid.NewString())
			for _, fact := range c.facts {
				reserve := claim.Reserve{Name: stream, Kind: "tenant-slug", Holder: tenant.Stream(id), Command: fact}
				if _, err := commands.Handle(t.Context(), l, "reserve", reserve, plainly()); err != nil {
					t.Fatal(err)
				}
			}
			if err := commands.Settle(t.Context(), l, stream, c.limit); err != nil {
				t.Fatal(err)
			}
			var v claim.Value
			events, err := log.Read(t.Context(), stream, 0)
			for _, e := range events {
				v = v.Evolve(e.Event)
			}
			if err != nil || v.Status != c.want {
				t.Errorf("%q, want %q, %v", v.Status, c.want, err)
			}
		})
	}
}
