package commands_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/platform"
	"github.com/reeve-platform/reeve/domain/quota"
	"github.com/reeve-platform/reeve/domain/tenant"
)

func TestAWarmCommandCostsOneAppendAndNoRead(t *testing.T) {
	log := &spy{Log: realLog(t)}
	l := ledger(t, log)
	id := newTenant(t, l, "acme")
	if _, err := give(t, l, "updateTenantProfile", rename(id, "first"), plainly()); err != nil {
		t.Fatal(err)
	}
	log.reads.Store(0)
	log.appends.Store(0)
	for i := range 10 {
		if _, err := give(t, l, "updateTenantProfile", rename(id, fmt.Sprint(i)), plainly()); err != nil {
			t.Fatal(err)
		}
	}
	if r, a := log.reads.Load(), log.appends.Load(); r != 0 || a != 10 {
		t.Fatalf("10 warm commands took %d reads and %d appends", r, a)
	}
}

func TestARetryGetsTheFirstAnswer(t *testing.T) {
	log := realLog(t)
	l := ledger(t, log)
	id := newTenant(t, l, "acme")
	first, err := give(t, l, "updateTenantProfile", rename(id, "A"), under("k", "A"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := give(t, l, "updateTenantProfile", rename(id, "B"), under("k2", "B")); err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]*commands.Ledger{"the same process": l, "another process": ledger(t, log)} {
		again, err := give(t, l, "updateTenantProfile", rename(id, "A"), under("k", "A"))
		if err != nil || !cmp.Equal(first, again) {
			t.Errorf("%s: %+v, %v; first %+v", name, again, err, first)
		}
		if _, err := give(t, l, "updateTenantProfile", rename(id, "C"), under("k", "C")); !errors.Is(err, commands.ErrKeyReused) {
			t.Errorf("%s: another body under the key: %v", name, err)
		}
	}
}

func TestNothingToDoAddsNothing(t *testing.T) {
	l := ledger(t, realLog(t))
	id := newTenant(t, l, "acme")
	r, err := give(t, l, "updateTenantProfile", rename(id, "acme"), plainly())
	if err != nil || len(r.Events) != 0 || r.Revision != 0 || r.Position == 0 {
		t.Fatalf("%+v, %v", r, err)
	}
}

func TestIfMatch(t *testing.T) {
	log := realLog(t)
	l, other := ledger(t, log), ledger(t, log)
	id := newTenant(t, l, "acme")
	at := func(revision uint64) (err error) {
		r := plainly()
		r.IfMatch = &revision
		_, err = give(t, l, "updateTenantProfile", rename(id, fmt.Sprint("n", revision)), r)
		return err
	}
	if err := at(0); err != nil {
		t.Fatal(err)
	}
	if err := at(0); !errors.Is(err, commands.ErrStale) {
		t.Fatalf("a revision that has passed: %v", err)
	}
	if _, err := give(t, other, "updateTenantProfile", rename(id, "elsewhere"), plainly()); err != nil {
		t.Fatal(err)
	}
	if err := at(1); !errors.Is(err, commands.ErrStale) {
		t.Fatalf("a revision that another process has passed: %v", err)
	}
	if err := at(2); err != nil {
		t.Fatalf("the revision that another process has written: %v", err)
	}
}

// Many hands on one stream: every success is one revision, and nobody is told
// no, because neighbours wait for their turn.
func TestAHotStream(t *testing.T) {
	log := &spy{Log: realLog(t)}
	l := ledger(t, log)
	id := newTenant(t, l, "acme")
	log.appends.Store(0)
	crowd(32, func(i int) {
		for j := range 10 {
			if _, err := give(t, l, "updateTenantProfile", rename(id, fmt.Sprint(i, j)), plainly()); err != nil {
				t.Error(err)
			}
		}
	})
	past, err := log.Log.Read(t.Context(), tenant.Stream(id), 0)
	if err != nil || len(past) != 321 {
		t.Fatalf("%d events, %v", len(past), err)
	}
	if a := log.appends.Load(); a != 320 {
		t.Fatalf("%d appends for 320 events", a)
	}
}

// Two processes on one log: the expected revision decides, and a memory that is
// behind makes a second try, not a wrong fact.
func TestTwoProcessesOnOneStream(t *testing.T) {
	log := realLog(t)
	l := []*commands.Ledger{ledger(t, log), ledger(t, log)}
	id := newTenant(t, l[0], "acme")
	var done, refused atomic.Int64
	crowd(8, func(i int) {
		for j := range 20 {
			_, err := give(t, l[i%2], "updateTenantProfile", rename(id, fmt.Sprint(i, j)), plainly())
			switch {
			case err == nil:
				done.Add(1)
			case errors.Is(err, domain.ErrRaced):
				refused.Add(1)
			default:
				t.Error(err)
			}
		}
	})
	past, err := log.Read(t.Context(), tenant.Stream(id), 0)
	if err != nil || int64(len(past)) != done.Load()+1 {
		t.Fatalf("%d events after %d successes and %d refusals, %v", len(past), done.Load(), refused.Load(), err)
	}
}

// A refusal is about the present, not about what this process remembers.
func TestARefusalLooksAtTheLogFirst(t *testing.T) {
	log := realLog(t)
	l, other := ledger(t, log), ledger(t, log)
	id := newTenant(t, l, "acme")
	if _, err := give(t, l, "archiveTenant", tenant.Archive{Tenant: id}, plainly()); err != nil {
		t.Fatal(err)
	}
	if _, err := give(t, other, "unarchiveTenant", tenant.Unarchive{Tenant: id}, plainly()); err != nil {
		t.Fatal(err)
	}
	if _, err := give(t, l, "updateTenantProfile", rename(id, "back"), plainly()); err != nil {
		t.Fatalf("a tenant that another process brought back: %v", err)
	}
}

// What another process has just written to a stream that the rule reads may go
// unseen for a moment, but nobody is refused for that.
func TestARefusalLooksAtTheStreamsItReadsFirst(t *testing.T) {
	log := realLog(t)
	one, started := ledger(t, log), time.Now()
	two := commands.NewLedger(log, commands.Options{NameKey: nameKey, Survey: nobody, Now: func() time.Time { return started }})
	r, err := give(t, one, "createTenant", tenant.Create{
		Slug: "acme", Name: "Acme", Kind: tenant.Merchant,
		Contacts: []domain.Contact{{Role: domain.AdminContact, Name: "Ann", Email: "ann@example.com"}},
	}, plainly())
	if err != nil {
		t.Fatal(err)
	}
	id := domain.TenantID(r.ID)
	if _, err := give(t, two, "activateTenant", tenant.Activate{Tenant: id}, plainly()); !errors.Is(err, tenant.ErrQuotaRequired) {
		t.Fatal(err)
	}
	if _, err := give(t, one, "changeQuota", quota.Change{Tenant: id, Meter: quota.Users, Limit: 5}, plainly()); err != nil {
		t.Fatal(err)
	}
	if _, err := give(t, two, "activateTenant", tenant.Activate{Tenant: id}, plainly()); err != nil {
		t.Fatal(err)
	}
}

// The log takes the append and its answer is lost, several times over.
func TestALostAnswerHasOneEffect(t *testing.T) {
	log := &spy{Log: realLog(t)}
	l := ledger(t, log)
	id := newTenant(t, l, "acme")
	log.lose.Store(2)
	r, err := give(t, l, "updateTenantProfile", rename(id, "A"), plainly())
	if err != nil || r.Revision != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	log.lose.Store(100)
	if _, err := give(t, l, "updateTenantProfile", rename(id, "B"), under("k", "B")); !errors.Is(err, domain.ErrOutcomeUnknown) {
		t.Fatalf("no answer at all: %v", err)
	}
	log.lose.Store(0)
	r, err = give(t, l, "updateTenantProfile", rename(id, "B"), under("k", "B"))
	if err != nil || r.Revision != 2 || len(r.Events) != 1 {
		t.Fatalf("the retry: %+v, %v", r, err)
	}
	past, _ := log.Log.Read(t.Context(), tenant.Stream(id), 0)
	if len(past) != 3 {
		t.Fatalf("%d events", len(past))
	}
}

func TestManyRetriesAtOnceCreateOneTenant(t *testing.T) {
	log := realLog(t)
	l := []*commands.Ledger{ledger(t, log), ledger(t, log)}
	var ids [20]string
	crowd(20, func(i int) {
		for {
			r, err := give(t, l[i%2], "createTenant", tenant.Create{Slug: "acme", Name: "Acme", Kind: tenant.Merchant}, under("once", "body"))
			if err == nil {
				ids[i] = r.ID
				return
			}
			if domain.KindOf(err) != domain.Conflict || errors.Is(err, commands.ErrKeyReused) {
				t.Error(err)
				return
			}
		}
	})
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("ids %v", ids)
		}
	}
	past, err := log.Read(t.Context(), tenant.Stream(domain.TenantID(ids[0])), 0)
	if err != nil || len(past) != 1 {
		t.Fatalf("%d events, %v", len(past), err)
	}
	if _, err := give(t, l[0], "createTenant", tenant.Create{Slug: "other", Name: "Acme", Kind: tenant.Merchant}, under("once", "other body")); !errors.Is(err, commands.ErrKeyReused) {
		t.Fatalf("another body under the key: %v", err)
	}
}

func TestEventsSayWhoseTheyAre(t *testing.T) {
	log := realLog(t)
	l := ledger(t, log)
	r := plainly()
	r.Meta.Reason = "because"
	got, err := give(t, l, "createTenant", tenant.Create{Slug: "acme", Name: "Acme", Kind: tenant.Merchant}, r)
	if err != nil {
		t.Fatal(err)
	}
	past, _ := log.Read(t.Context(), tenant.Stream(domain.TenantID(got.ID)), 0)
	m := past[0].Meta
	if string(m.TenantID) != got.ID || m.IntegratorID != domain.DirectIntegrator || m.Reason != "because" || m.Actor.ID != "tester" {
		t.Fatalf("%+v", m)
	}
	if m.At.Location() != time.UTC || m.At.Nanosecond()%1e6 != 0 {
		t.Fatalf("time %v", m.At)
	}
}

func TestAnotherKeyIsRefused(t *testing.T) {
	log := realLog(t)
	ledger(t, log)
	other := commands.NewLedger(log, commands.Options{NameKey: []byte("another key, just as long as it is"), Survey: nobody})
	if err := commands.Establish(t.Context(), other); !errors.Is(err, platform.ErrKey) {
		t.Fatal(err)
	}
}

// What is refused leaves no trace, not even the choice of an id.
func TestARefusedKeyedCreateWritesNothing(t *testing.T) {
	log := &spy{Log: realLog(t)}
	l := ledger(t, log)
	log.appends.Store(0)
	for name, c := range map[string]tenant.Create{
		"a slug of another grammar": {Slug: "No Slug", Name: "Acme", Kind: tenant.Merchant},
		"no such integrator":        {Slug: "acme", Name: "Acme", Kind: tenant.Merchant, Integrator: "8d0f1f0e-5f3b-4c8e-9a63-2f6f0e9d7a11"},
	} {
		if _, err := give(t, l, "createTenant", c, under(name, name)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if n := log.appends.Load(); n != 0 {
		t.Errorf("%d appends for commands that were refused", n)
	}
}
