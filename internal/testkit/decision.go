// Package testkit holds the test shapes of this repository. A decision test
// says what happened before, what is asked, and what comes of it:
//
//	testkit.When(testkit.Given(created, activated), suspend).Then(t, suspended)
package testkit

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
)

// Now is the instant at which commands of decision tests are given.
var Now = time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC)

// A Past is the history that a decision test starts from, of the command's own
// stream and of those it reads.
type Past struct {
	events []domain.Event
	meta   domain.Meta
}

// Given starts a decision test with what already happened.
func Given(past ...domain.Event) Past {
	return Past{past, domain.Meta{Actor: domain.Actor{ID: "tester", Type: "user"}, At: Now}}
}

// At gives the command at another instant than Now.
func (p Past) At(t time.Time) Past {
	p.meta.At = t
	return p
}

// By has somebody else give the command.
func (p Past) By(a domain.Actor) Past {
	p.meta.Actor = a
	return p
}

// When decides cmd on top of the past.
func When[S domain.State[S]](p Past, cmd domain.Command[S]) Outcome {
	var zero S
	events, err := cmd.Decide(domain.Fold(zero, p.events...), p.meta)
	return Outcome{events, err}
}

// An Outcome is what a command decided.
type Outcome struct {
	events []domain.Event
	err    error
}

// Then expects exactly these events; none means that nothing happens.
func (o Outcome) Then(t testing.TB, want ...domain.Event) {
	t.Helper()
	if o.err != nil {
		t.Fatalf("unexpected error: %v", o.err)
	}
	if len(o.events) == 0 && len(want) == 0 {
		return
	}
	if diff := cmp.Diff(want, o.events); diff != "" {
		t.Fatalf("events (-want +got):\n%s", diff)
	}
}

// ThenFails expects the command to be refused with want, of the same kind, and
// without events.
func (o Outcome) ThenFails(t testing.TB, want error) {
	t.Helper()
	if !errors.Is(o.err, want) || domain.KindOf(o.err) != domain.KindOf(want) {
		t.Fatalf("error\n got %v\nwant %v", o.err, want)
	}
	if len(o.events) > 0 {
		t.Fatalf("refused, but with events: %v", o.events)
	}
}

// An Expectation is one cell of a state machine's table. Its zero value is a
// cell that was forgotten, and fails.
type Expectation struct {
	events []domain.Event
	err    error
	set    bool
}

// Records expects exactly these events.
func Records(events ...domain.Event) Expectation { return Expectation{events: events, set: true} }

// Nothing expects success without events: it is already so.
func Nothing() Expectation { return Expectation{set: true} }

// Fails expects a refusal.
func Fails(err error) Expectation { return Expectation{err: err, set: true} }

// Meets compares the outcome with the expectation.
func (o Outcome) Meets(t testing.TB, e Expectation) {
	t.Helper()
	switch {
	case !e.set:
		t.Fatalf("nobody said what to expect; got %v, %v", o.events, o.err)
	case e.err != nil:
		o.ThenFails(t, e.err)
	default:
		o.Then(t, e.events...)
	}
}
