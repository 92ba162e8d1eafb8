package commands_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/change"
	"github.com/reeve-platform/reeve/domain/client"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/edge"
)

// yes lets everybody do everything.
func yes(string, domain.Permission, domain.NodeID) bool { return true }

// none asks for no approvals.
func none(domain.NodeID) int { return 0 }

// folded is the request as the log has it.
func folded(t *testing.T, log *meddler, cr change.ID) (q change.Request) {
	past, err := log.Store.Read(t.Context(), change.Stream(cr), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range past {
		q = q.Evolve(p.Event)
	}
	return q
}

// Two processes apply at once: while the second looks at what would change, the first
// gives the command, and ends before it says so.
func TestTwoProcessesApplyAtOnce(t *testing.T) {
	e, log, acme, cr, as := approvedRequest(t)
	cmd := change.Apply{Node: acme, Request: cr}
	looked := false
	second := commands.NewLedger(log.Store, commands.Options{NameKey: nameKey, Survey: nobody, Approvals: none, Holds: yes,
		Flags: func(ctx context.Context) (*flag.Book, error) {
			if !looked { // the other process is faster, and dies before it concludes
				looked = true
				log.fails = func(s domain.StreamID) bool { return s == change.Stream(cr) }
				if _, err := commands.ApplyChange(ctx, e.Ledger, cmd, as("ann")); !errors.Is(err, domain.ErrLogUnavailable) {
					t.Error(err)
				}
			}
			return e.flags(ctx)
		}})
	_, err := commands.ApplyChange(t.Context(), second, cmd, as("bob"))
	facts, _ := log.Store.Read(t.Context(), domain.StreamID("nodeflags-"+acme), 0)
	if h := historyOf(t, log, cr); err != nil || len(facts) != 1 || h[len(h)-1] != "ChangeRequestApplied" {
		t.Errorf("%d facts were written, the second was told %v, and the request says %v", len(facts), err, h)
	}
}

func approveAs(t *testing.T, e estate, acme domain.NodeID, cr change.ID, seen string, who string, as func(string) edge.Request) error {
	_, err := give(t, e.Ledger, "approveChangeRequest", change.Approve{Node: acme, Request: cr, Seen: seen}, as(who))
	return err
}

// One person, two credentials, two approvals.
func TestOnePersonApprovesOnce(t *testing.T) {
	e, log, acme, cr, as := approvedRequest(t) // bob has approved
	r, err := give(t, e.Ledger, "registerClient", client.Register{Node: acme, Name: "bobs", Permissions: []domain.Permission{domain.ChangeApprove}}, as("bob"))
	if err != nil {
		t.Fatal(err)
	}
	err = approveAs(t, e, acme, cr, folded(t, log, cr).Foreseen.Preview, r.ID, as)
	if q := folded(t, log, cr); err == nil && len(q.Approvals) == 2 {
		t.Error("bob and a credential that bob has made count as two approvals")
	}
}

// A chain of credentials that is longer than is looked at.
func TestNobodyHidesBehindCredentials(t *testing.T) {
	e, log, acme, _, as := approvedRequest(t)
	who := "carol"
	for range 65 {
		r, err := give(t, e.Ledger, "registerClient", client.Register{Node: acme, Name: "next", Permissions: []domain.Permission{domain.ChangeApprove}}, as(who))
		if err != nil {
			t.Fatal(err)
		}
		who = r.ID
	}
	input, _ := json.Marshal(map[string]any{"node": acme, "flag": "dark", "value": false})
	r, err := give(t, e.Ledger, "openChangeRequest", change.Open{Node: acme, Operation: "overrideFlag", Input: input}, as("carol"))
	if err != nil {
		t.Fatal(err)
	}
	cr := change.ID(r.ID)
	if err = approveAs(t, e, acme, cr, folded(t, log, cr).Foreseen.Preview, who, as); err == nil {
		t.Error("the 65th credential in a row from carol approves what carol opened")
	}
}

// A latecomer does something when a stream is read for the nth time.
type latecomer struct {
	*meddler
	on   domain.StreamID
	left int
	then func()
}

func (r *latecomer) Read(ctx context.Context, s domain.StreamID, from uint64) ([]domain.Recorded, error) {
	past, err := r.Store.Read(ctx, s, from)
	if s == r.on {
		if r.left--; r.left == 0 {
			r.then()
		}
	}
	return past, err
}

func scheduled(t *testing.T, e estate, acme domain.NodeID, cr change.ID, at time.Time, as func(string) edge.Request) {
	t.Helper()
	if _, err := give(t, e.Ledger, "scheduleChangeRequest", change.Schedule{Node: acme, Request: cr, At: at}, as("ann")); err != nil {
		t.Fatal(err)
	}
}

// It was due when the sweeper looked, and is put off just then.
func TestWhatIsPutOffJustInTimeIsNotApplied(t *testing.T) {
	for n := 1; n <= 2; n++ {
		e, log, acme, cr, as := approvedRequest(t)
		scheduled(t, e, acme, cr, time.Now().Add(time.Hour), as)
		r := &latecomer{log, change.Stream(cr), n, func() { scheduled(t, e, acme, cr, time.Now().Add(48*time.Hour), as) }}
		l := commands.NewLedger(r, commands.Options{NameKey: nameKey, Survey: nobody, Flags: e.flags, Approvals: none, Holds: yes,
			Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
		err := commands.ApplyDue(t.Context(), l, change.Apply{Node: acme, Request: cr})
		if h := historyOf(t, log, cr); slices.Contains(h, "ChangeRequestApplied") {
			t.Errorf("read %d: put off for two days, and applied now: %v (%v)", n, h, err)
		}
	}
}

// The sweeper sees a request that somebody is applying. That one is refused, and the
// request stands approved, for nobody to apply by itself.
func TestWhatIsHaltedMeanwhileIsNotApplied(t *testing.T) {
	e, log, acme, cr, as := approvedRequest(t)
	if _, err := commands.Handle(t.Context(), e.Ledger, "beginChangeRequest", change.Begin{Node: acme, Request: cr, Edition: 1}, as("ann")); err != nil {
		t.Fatal(err)
	}
	r := &latecomer{log, change.Stream(cr), 1, func() {
		halted := change.Halted{Request: cr, Edition: 1, Code: "flag-locked"}
		if _, err := commands.Handle(t.Context(), e.Ledger, "concludeChangeRequest", change.Conclude{Node: acme, Request: cr, Edition: 1, Outcome: halted}, as("ann")); err != nil {
			t.Fatal(err)
		}
	}}
	l := commands.NewLedger(r, commands.Options{NameKey: nameKey, Survey: nobody, Flags: e.flags, Approvals: none, Holds: yes})
	err := commands.ApplyDue(t.Context(), l, change.Apply{Node: acme, Request: cr})
	if h := historyOf(t, log, cr); h[len(h)-1] != "ChangeRequestHalted" {
		t.Errorf("%v (%v)", h, err)
	}
}

// Where it is certain that the command was not given, the request stands as it stood:
// it can be cancelled, and is not applied later without anybody being asked again.
func TestWhatCertainlyWasNotGivenIsNotBegun(t *testing.T) {
	e, log, acme, cr, as := approvedRequest(t)
	log.fails = func(s domain.StreamID) bool { return s == domain.StreamID("nodeflags-"+acme) }
	cmd := change.Apply{Node: acme, Request: cr}
	if _, err := commands.ApplyChange(t.Context(), e.Ledger, cmd, as("ann")); !errors.Is(err, domain.ErrLogUnavailable) {
		t.Fatal(err)
	}
	log.fails = nil
	err := commands.ApplyDue(t.Context(), e.Ledger, cmd)
	if v := e.values(t, "dark", acme); v[0] != "true" || err != nil {
		t.Errorf("given although nobody asked again: %v %v", err, historyOf(t, log, cr))
	}
	if _, err := give(t, e.Ledger, "cancelChangeRequest", change.Cancel{Node: acme, Request: cr}, as("ann")); err != nil {
		t.Error(err)
	}
}
