package commands_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/change"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/eventstore"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/edgetest"
)

// What is shown is "true for members of testers". It does not stand for everybody when
// they all come to be members.
func TestAPreviewStandsForWhoBelongsToASegment(t *testing.T) {
	e := foresighted(t, realLog(t))
	nord := e.integrator(t, "Nord")
	acme := e.tenant(t, "acme", nord)
	e.define(t, "dark")
	does(t, e, "overrideFlag", flag.Override{Node: acme, Flag: "dark", Value: json.RawMessage("false")})
	does(t, e, "defineSegment", flag.DefineSegment{Key: "testers", Membership: flag.Membership{Included: []string{"tess"}}})
	say := flag.Override{Node: acme, Flag: "dark", Value: json.RawMessage("false"),
		Rules: []flag.Rule{{When: []flag.Condition{{Segment: "testers"}}, Serving: flag.Serving{Value: json.RawMessage("true")}}}}
	p, err := foreseen(t, e, "overrideFlag", say, everywhere)
	if err != nil {
		t.Fatal(err)
	}
	does(t, e, "updateSegment", flag.UpdateSegment{Segment: "testers", Any: [][]flag.Condition{{{Attribute: "key", Op: "exists"}}}})
	_, err = give(t, e.Ledger, "overrideFlag", say, held(p.Preview))
	book, _ := e.flags(t.Context())
	v, _ := book.Look(flag.Question{Node: acme, At: time.Now(), Context: &flag.Context{Key: "anybody"}})
	a, _ := v.Evaluate("dark")
	if !errors.Is(err, commands.ErrPreviewStale) {
		t.Errorf("committed (%v) though the segment was widened; anybody gets %s", err, a.Value)
	}
}

// Nor for another value that a variant has, which only a rule serves.
func TestAPreviewStandsForWhatAVariantIs(t *testing.T) {
	e := foresighted(t, realLog(t))
	nord := e.integrator(t, "Nord")
	acme := e.tenant(t, "acme", nord)
	does(t, e, "defineFlag", flag.Define{Key: "limit", Type: flag.Number, Default: json.RawMessage("1"), Variants: map[string]json.RawMessage{"big": json.RawMessage("10")}})
	does(t, e, "activateFlag", flag.Activate{Flag: "limit"})
	say := flag.Override{Node: acme, Flag: "limit", Value: json.RawMessage("1"),
		Rules: []flag.Rule{{When: []flag.Condition{{Attribute: "plan", Op: "in", Values: []json.RawMessage{json.RawMessage(`"gold"`)}}}, Serving: flag.Serving{Variant: "big"}}}}
	p, err := foreseen(t, e, "overrideFlag", say, everywhere)
	if err != nil {
		t.Fatal(err)
	}
	does(t, e, "updateFlag", flag.Update{Flag: "limit", Variants: map[string]json.RawMessage{"big": json.RawMessage("1000000")}})
	if _, err = give(t, e.Ledger, "overrideFlag", say, held(p.Preview)); !errors.Is(err, commands.ErrPreviewStale) {
		t.Errorf("committed (%v) though the variant of the rule is another value by now", err)
	}
}

// A meddler is a log that does something just before a flag is overridden.
type meddler struct {
	*eventstore.Store
	before func()
	fails  func(domain.StreamID) bool
}

func (m *meddler) Append(ctx context.Context, s domain.StreamID, next uint64, meta domain.Meta, facts []domain.Proposed) (domain.Receipt, error) {
	if strings.HasPrefix(string(s), "nodeflags-") && m.before != nil {
		f := m.before
		m.before = nil
		f()
	}
	if m.fails != nil && m.fails(s) {
		return domain.Receipt{}, domain.ErrLogUnavailable
	}
	return m.Store.Append(ctx, s, next, meta, facts)
}

// approvedRequest is an estate with a change request of ann's that bob has approved.
func approvedRequest(t *testing.T) (e estate, log *meddler, acme domain.NodeID, cr change.ID, as func(string) edge.Request) {
	store := realLog(t)
	log = &meddler{Store: store}
	e = foresighted(t, store)
	l := commands.NewLedger(log, commands.Options{NameKey: nameKey, Survey: nobody, Flags: e.flags, Approvals: func(domain.NodeID) int { return 0 }, Holds: func(string, domain.Permission, domain.NodeID) bool { return true }})
	e.Ledger = l
	as = func(who string) edge.Request {
		r := plainly()
		r.Meta.Actor.ID, r.Scope = who, everywhere
		return r
	}
	nord := e.integrator(t, "Nord")
	acme = e.tenant(t, "acme", nord)
	e.define(t, "dark")
	input, _ := json.Marshal(map[string]any{"node": acme, "flag": "dark", "value": false})
	r, err := give(t, l, "openChangeRequest", change.Open{Node: acme, Operation: "overrideFlag", Input: input}, as("ann"))
	if err != nil {
		t.Fatal(err)
	}
	cr = change.ID(r.ID)
	past, err := log.Read(t.Context(), change.Stream(cr), 0)
	if err != nil {
		t.Fatal(err)
	}
	var q change.Request
	for _, p := range past {
		q = q.Evolve(p.Event)
	}
	if _, err := give(t, l, "approveChangeRequest", change.Approve{Node: acme, Request: cr, Seen: q.Foreseen.Preview}, as("bob")); err != nil {
		t.Fatal(err)
	}
	return e, log, acme, cr, as
}

// historyOf are the types of the facts of a change request.
func historyOf(t *testing.T, log *meddler, cr change.ID) (types []string) {
	past, err := log.Read(t.Context(), change.Stream(cr), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range past {
		types = append(types, p.Type)
	}
	return types
}

// A powerless caller may do nothing that a change request proposes.
type powerless struct{ edgetest.Guard }

func (powerless) May(domain.Permissions, domain.NodeID) error { return edge.ErrForbidden }

// Whoever may not give the command leaves the request as it was.
func TestWhoMayNotGiveTheCommandBeginsNothing(t *testing.T) {
	e, log, acme, cr, as := approvedRequest(t)
	r := as("bob")
	r.Caller = powerless{edgetest.Guard{As: r.Meta.Actor}}
	if _, err := commands.ApplyChange(t.Context(), e.Ledger, change.Apply{Node: acme, Request: cr}, r); !errors.Is(err, edge.ErrForbidden) {
		t.Fatal(err)
	}
	if h := historyOf(t, log, cr); !slices.Equal(h, []string{"ChangeRequestOpened", "ChangeRequestApproved"}) {
		t.Errorf("%v", h)
	}
}

// What is being applied cannot be taken back any more: nobody is told that it was, and
// then it happens.
func TestWhatIsBegunIsNotCancelled(t *testing.T) {
	e, log, acme, cr, as := approvedRequest(t)
	log.before = func() {
		if _, err := give(t, e.Ledger, "cancelChangeRequest", change.Cancel{Node: acme, Request: cr}, as("ann")); !errors.Is(err, domain.ErrTransition) {
			t.Errorf("cancelled in between: %v", err)
		}
	}
	if _, err := commands.ApplyChange(t.Context(), e.Ledger, change.Apply{Node: acme, Request: cr}, as("ann")); err != nil {
		t.Fatal(err)
	}
	if v, h := e.values(t, "dark", acme), historyOf(t, log, cr); v[0] != "false" || h[len(h)-1] != "ChangeRequestApplied" {
		t.Errorf("%s, %v", v, h)
	}
}

// The process ends between the command and the record of it. Nobody edits the request
// then, and whoever comes next, or nobody, brings it to its end, with one effect.
func TestWhatWasBegunComesToItsEnd(t *testing.T) {
	for name, finish := range map[string]func(context.Context, *commands.Ledger, change.Apply, edge.Request) error{
		"by somebody": func(ctx context.Context, l *commands.Ledger, cmd change.Apply, r edge.Request) error {
			_, err := commands.ApplyChange(ctx, l, cmd, r)
			return err
		},
		"by somebody who could not begin it": func(ctx context.Context, l *commands.Ledger, cmd change.Apply, r edge.Request) error {
			r.Caller = powerless{edgetest.Guard{As: r.Meta.Actor}}
			_, err := commands.ApplyChange(ctx, l, cmd, r)
			return err
		},
		"by itself": func(ctx context.Context, l *commands.Ledger, cmd change.Apply, _ edge.Request) error {
			return commands.ApplyDue(ctx, l, cmd)
		},
	} {
		t.Run(name, func(t *testing.T) {
			e, log, acme, cr, as := approvedRequest(t)
			begun := false
			log.fails = func(s domain.StreamID) bool {
				ends := s == change.Stream(cr) && begun
				begun = begun || s == change.Stream(cr)
				return ends
			}
			cmd := change.Apply{Node: acme, Request: cr}
			if _, err := commands.ApplyChange(t.Context(), e.Ledger, cmd, as("ann")); !errors.Is(err, domain.ErrLogUnavailable) {
				t.Fatal(err)
			}
			log.fails = nil
			if v := e.values(t, "dark", acme); v[0] != "false" {
				t.Fatalf("the command was not given: %s", v)
			}
			input, _ := json.Marshal(map[string]any{"node": acme, "flag": "dark", "value": true})
			if _, err := give(t, e.Ledger, "editChangeRequest", change.Edit{Node: acme, Request: cr, Input: input}, as("ann")); !errors.Is(err, domain.ErrTransition) {
				t.Errorf("edited: %v", err)
			}
			if err := finish(t.Context(), e.Ledger, cmd, as("bob")); err != nil {
				t.Fatal(err)
			}
			want := []string{"ChangeRequestOpened", "ChangeRequestApproved", "ChangeRequestApplying", "ChangeRequestApplied"}
			if h := historyOf(t, log, cr); !slices.Equal(h, want) {
				t.Errorf("%v", h)
			}
			facts, err := log.Read(t.Context(), domain.StreamID("nodeflags-"+acme), 0)
			if err != nil || len(facts) != 1 {
				t.Errorf("%d facts, %v", len(facts), err)
			}
		})
	}
}

// A rebase onto what stands for the same keeps the approvals.
func TestARebaseKeepsWhatStillStands(t *testing.T) {
	e, log, acme, cr, as := approvedRequest(t)
	e.define(t, "unrelated") // of no matter to the request
	if _, err := give(t, e.Ledger, "rebaseChangeRequest", change.Rebase{Node: acme, Request: cr}, as("ann")); err != nil {
		t.Fatal(err)
	}
	if h := historyOf(t, log, cr); slices.Contains(h, "ChangeRequestEdited") {
		t.Errorf("it still stands for the same and has lost its approvals: %v", h)
	}
}

// Whoever did not hear the answer is told what came of it, although the same could not be
// done now; and the key is that of what was asked then.
func TestAnEditIsRepeated(t *testing.T) {
	e, log, acme, cr, as := approvedRequest(t)
	keyed := func(who, key string) edge.Request {
		r := as(who)
		r.Keyed, r.Meta.CommandID, r.Meta.Fingerprint = true, key, key
		return r
	}
	input, _ := json.Marshal(map[string]any{"node": acme, "flag": "dark", "value": false, "validUntil": time.Now().Add(time.Hour)})
	edit, rebase := change.Edit{Node: acme, Request: cr, Input: input}, change.Rebase{Node: acme, Request: cr}
	edited, err := give(t, e.Ledger, "editChangeRequest", edit, keyed("ann", "edit"))
	if err != nil {
		t.Fatal(err)
	}
	does(t, e, "overrideFlag", flag.Override{Node: acme, Flag: "dark", Value: json.RawMessage("false")}) // so that it stands for something else
	rebased, err := give(t, e.Ledger, "rebaseChangeRequest", rebase, keyed("ann", "rebase"))
	if err != nil || rebased.Position == edited.Position {
		t.Fatal(rebased, err)
	}
	does(t, e, "deprecateFlag", flag.Deprecate{Flag: "dark"})
	does(t, e, "archiveFlag", flag.Archive{Flag: "dark"}) // so that nobody overrides it any more
	if _, err := give(t, e.Ledger, "rebaseChangeRequest", rebase, keyed("ann", "again")); err == nil {
		t.Fatal("the request can still be shown")
	}
	other := commands.NewLedger(log, commands.Options{NameKey: nameKey, Survey: nobody, Flags: e.flags})
	for name, l := range map[string]*commands.Ledger{"this process": e.Ledger, "another": other} {
		if r, err := give(t, l, "editChangeRequest", edit, keyed("ann", "edit")); err != nil || r.Position != edited.Position {
			t.Errorf("%s: edited at %d, and again %+v: %v", name, edited.Position, r, err)
		}
		if r, err := give(t, l, "rebaseChangeRequest", rebase, keyed("ann", "rebase")); err != nil || r.Position != rebased.Position {
			t.Errorf("%s: rebased at %d, and again %+v: %v", name, rebased.Position, r, err)
		}
		wrong := keyed("ann", "edit")
		wrong.Meta.Fingerprint = "another"
		if _, err := give(t, l, "editChangeRequest", edit, wrong); !errors.Is(err, commands.ErrKeyReused) {
			t.Errorf("%s: something else under the key: %v", name, err)
		}
	}
}

// Nor does it matter to an approval that is repeated who has edited the request since.
func TestAnApprovalIsRepeated(t *testing.T) {
	e, log, acme, cr, as := approvedRequest(t)
	past, err := log.Read(t.Context(), change.Stream(cr), 0)
	if err != nil {
		t.Fatal(err)
	}
	r := as("bea")
	r.Keyed, r.Meta.CommandID = true, "approve"
	approve := change.Approve{Node: acme, Request: cr, Seen: past[0].Event.(change.Opened).Foreseen.Preview}
	first, err := give(t, e.Ledger, "approveChangeRequest", approve, r)
	if err != nil {
		t.Fatal(err)
	}
	input, _ := json.Marshal(map[string]any{"node": acme, "flag": "dark", "value": false, "validUntil": time.Now().Add(time.Hour)})
	if _, err := give(t, e.Ledger, "editChangeRequest", change.Edit{Node: acme, Request: cr, Input: input}, as("bea")); err != nil {
		t.Fatal(err)
	}
	if again, err := give(t, e.Ledger, "approveChangeRequest", approve, r); err != nil || again.Position != first.Position {
		t.Errorf("approved at %d, and again %+v: %v", first.Position, again, err)
	}
}
