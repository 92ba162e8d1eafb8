package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/change"
	"github.com/reeve-platform/reeve/internal/edge"
)

// applied declares the command that carries out a change request.
func applied(name, route string, needs domain.Permission, summary string) edge.Entry[*Ledger] {
	return edge.Entry[*Ledger]{
		Name: name, Route: route, Needs: needs, Summary: summary, Writes: true,
		Input: reflect.TypeFor[change.Apply](), Output: reflect.TypeFor[domain.Receipt](),
		Call: func(ctx context.Context, l *Ledger, bind edge.Bind, r edge.Request) (edge.Answer, error) {
			var cmd change.Apply
			if err := bind(&cmd); err != nil {
				return edge.Answer{}, err
			}
			receipt, err := ApplyChange(ctx, l, cmd, r)
			return edge.Answer{Body: receipt, Position: receipt.Position}, err
		},
	}
}

// ApplyChange gives the command of an approved change request as its author, held to
// what was approved, and records what became of it. It is given once, however often
// that is asked for, and also if the process ends between the two.
func ApplyChange(ctx context.Context, l *Ledger, cmd change.Apply, r edge.Request) (receipt domain.Receipt, err error) {
	for range attempts {
		past, revision, err := l.request(ctx, cmd.Request)
		if err != nil {
			return domain.Receipt{}, err
		}
		if receipt, err = l.apply(ctx, cmd, past, revision, r); !errors.Is(err, ErrStale) || r.IfMatch != nil {
			return receipt, err
		}
	}
	return domain.Receipt{}, ErrBusy
}

// ApplyDue applies a change request that is due, unless somebody does something about
// it just then: whether it is due is then looked at again.
func ApplyDue(ctx context.Context, l *Ledger, cmd change.Apply) error {
	past, revision, err := l.request(ctx, cmd.Request)
	if err != nil || !past.IsDue(l.now()) {
		return err
	}
	if _, err = l.apply(ctx, cmd, past, revision, SystemRequest("the change request is due")); errors.Is(err, ErrStale) {
		return nil
	}
	return err
}

// apply applies a change request that has been read. Without a caller it is one that
// is due. It fails with ErrStale if something has come since.
func (l *Ledger) apply(ctx context.Context, cmd change.Apply, past change.Request, revision uint64, r edge.Request) (domain.Receipt, error) {
	p, err := propose(past.Operation, past.Input)
	switch {
	case past.Status == change.Absent || past.Node != cmd.Node:
		return domain.Receipt{}, change.ErrNotFound
	case past.Status == change.IsApplied:
		return domain.Receipt{Stream: past.Outcome.Stream, Revision: past.Outcome.Revision, Position: past.Outcome.Position, Events: past.Outcome.Types}, nil
	case err == nil && past.Status != change.IsApplying: // what was begun is gone on with
		err = l.ready(cmd, past, revision, p, r)
	}
	if err == nil {
		err = l.begin(ctx, cmd, past, revision, r)
	}
	switch {
	case err != nil && (r.Caller != nil || errors.Is(err, ErrStale)):
		return domain.Receipt{}, err
	case err != nil: // and nobody is there to be told
		return domain.Receipt{}, l.conclude(ctx, cmd, past, domain.Receipt{}, r, err)
	}
	given := r
	if past.Status == change.IsApplying { // whoever began it was allowed to, and the command may be given already
		given.Caller = nil
	}
	receipt, err := p.carry(ctx, l, cmd, past, given)
	return receipt, l.conclude(ctx, cmd, past, receipt, r, err)
}

// ready refuses to begin with a change request that is not to be applied, or not by
// the caller.
func (l *Ledger) ready(cmd change.Apply, past change.Request, revision uint64, p proposal, r edge.Request) error {
	err := past.Ready(cmd.Node, l.required(p.nodes), func(a domain.Actor) bool { return l.holds(a, domain.ChangeApprove, p.nodes) })
	switch {
	case err != nil:
		return err
	case r.Preview != "":
		return ErrNotPreviewed.With("a change request is held to the preview that was approved; leave Reeve-Preview out")
	case r.IfMatch != nil && *r.IfMatch != revision:
		return ErrStale
	case !l.holds(past.Author(), p.Needs, p.nodes):
		return change.ErrNotApproved.With("whoever proposed it may not do so any more; somebody else must edit it")
	}
	return p.allowed(r.Caller)
}

// begin records that a change request is applied from now on, as it was looked at.
// Nobody takes it back then, also if the process ends before it is recorded what became
// of it.
func (l *Ledger) begin(ctx context.Context, cmd change.Apply, past change.Request, revision uint64, r edge.Request) error {
	asked := internal(r)
	asked.IfMatch = &revision
	_, err := Handle(ctx, l, "beginChangeRequest", change.Begin{Node: cmd.Node, Request: cmd.Request, Edition: past.Edition}, asked)
	return err
}

// allowed refuses a caller who may not give the command. What is due is applied by nobody.
func (p proposal) allowed(c edge.Caller) error {
	if c == nil {
		return nil
	}
	for _, n := range p.nodes {
		if err := c.May(domain.PermissionsOf(p.Needs), n); err != nil {
			return err
		}
	}
	return nil
}

// conclude records what became of a change request, and returns why it was not applied.
func (l *Ledger) conclude(ctx context.Context, cmd change.Apply, past change.Request, receipt domain.Receipt, r edge.Request, err error) error {
	outcome := outcomeOf(cmd, past, receipt, r, err)
	if outcome == nil {
		return err
	}
	conclude := change.Conclude{Node: cmd.Node, Request: cmd.Request, Edition: past.Edition, Outcome: outcome}
	if _, failed := Handle(ctx, l, "concludeChangeRequest", conclude, internal(r)); failed != nil {
		return failed
	}
	return err
}

// carry gives the command. Its key is the request's edition, so that it has one effect.
func (p proposal) carry(ctx context.Context, l *Ledger, cmd change.Apply, past change.Request, r edge.Request) (domain.Receipt, error) {
	m := r.Meta
	m.Actor, m.CausationID, m.CommandID = past.Author(), r.Meta.CommandID, applicationKey(cmd.Request, past.Edition)
	m.Reason, m.Fingerprint = cmp.Or(past.Summary, "change request "+string(cmd.Request)), edge.Fingerprint(p.Name, p.input)
	a, err := p.call(ctx, l, p.Entry, edge.Request{Meta: m, Keyed: true, Preview: past.Foreseen.Preview, Caller: r.Caller, Change: string(cmd.Request)})
	receipt, _ := a.Body.(domain.Receipt)
	return receipt, err
}

// applicationKey is what an edition of a request is applied under. No caller can have
// chosen it: their keys are printable ASCII.
func applicationKey(id change.ID, edition int) string {
	return fmt.Sprintf("\u2192change:%s:%d", id, edition)
}

// outcomeOf is what became of a change request: nil if nobody knows yet whether its
// command was given. One that certainly was not stands as it stood, so that whoever
// tries again is asked again for everything.
func outcomeOf(cmd change.Apply, past change.Request, receipt domain.Receipt, r edge.Request, err error) domain.Event {
	if err == nil {
		return change.Applied{Request: cmd.Request, Edition: past.Edition, Stream: receipt.Stream, Revision: receipt.Revision, Position: receipt.Position, Types: receipt.Events, By: r.Meta.Actor}
	}
	e, ok := domain.AsError(err)
	switch {
	case !ok:
		return nil
	case errors.Is(err, ErrPreviewStale):
		return change.Outdated{Request: cmd.Request, Edition: past.Edition, Detail: e.Detail}
	case e.Kind == domain.Internal || errors.Is(err, domain.ErrOutcomeUnknown) || errors.Is(err, ErrInFlight):
		return nil
	case e.Kind == domain.Unavailable || e.Kind == domain.Exhausted:
		if past.Status == change.IsApplying {
			return nil // it may have been given before
		}
	case r.Caller == nil:
		return change.Failed{Request: cmd.Request, Edition: past.Edition, Code: e.Code, Detail: e.Detail}
	}
	return change.Halted{Request: cmd.Request, Edition: past.Edition, Code: e.Code, Detail: e.Detail}
}
