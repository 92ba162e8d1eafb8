package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/change"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/edge"
)

// A proposer is a command that proposes another one, and has to know what that would
// change.
type proposer[C any] interface {
	Concerns() change.ID
	Where() domain.NodeID
	Proposes(change.Request) (operation string, input json.RawMessage)
	Foresaw(change.Foreseen) C
}

// A proposal is a command that somebody proposes: its entry and its input.
type proposal struct {
	edge.Entry[*Ledger]
	input map[string]any
	nodes []domain.NodeID
}

// proposable and governed are filled once the catalogue is there.
var (
	proposable = map[string]edge.Entry[*Ledger]{} // by name
	previews   = map[string]edge.Entry[*Ledger]{} // of what is proposable
	governed   = map[string]bool{}                // which need approvals where a node asks for them
)

func init() {
	for _, e := range operations {
		if !previewed[e.Name] {
			continue
		}
		proposable[e.Name] = e
		switch e.Needs {
		case domain.FlagWrite, domain.FlagOverride, domain.FlagLock, domain.FlagOpt:
			governed[e.Name] = true
		}
	}
	for _, e := range Catalog {
		if name, ok := strings.CutSuffix(e.Name, "Preview"); ok {
			previews[name] = e
		}
	}
	governed["reviveFlag"], governed["requireApprovals"] = true, true // but not killFlag: who puts out a fire does not wait
	governed["reassignTenant"] = true                                 // or a rule could be left by going elsewhere
}

// propose reads what is proposed. Its error points into the input of the proposal.
func propose(operation string, input json.RawMessage) (p proposal, err error) {
	e, ok := proposable[operation]
	if !ok {
		return p, change.ErrOperation.At("/operation", "is not an operation that has a preview")
	}
	p.Entry = e
	if json.Unmarshal(input, &p.input) != nil || p.input == nil {
		return p, edge.ErrInvalidRequest.At("/input", "must be an object")
	}
	dst := reflect.New(e.Input)
	if err := edge.BindObject(p.input)(dst.Interface()); err != nil {
		return p, within("/input", err)
	}
	p.nodes = edge.NodesOf(dst.Interface())
	return p, nil
}

// within is an error that points into a part of the request.
func within(part string, err error) error {
	e, ok := domain.AsError(err)
	if !ok {
		return err
	}
	c := *e
	c.Fields = slices.Clone(e.Fields)
	for i := range c.Fields {
		c.Fields[i].Pointer = part + "/" + strings.TrimPrefix(c.Fields[i].Pointer, "/")
	}
	return &c
}

// prepared has a command that proposes or approves another one look at that. Of one that
// is repeated nothing is asked: what came of it then does not hang on how things are now.
func prepared[C domain.Command[S], S domain.State[S]](ctx context.Context, l *Ledger, operation string, cmd C, r edge.Request) (C, error) {
	_, proposes := any(cmd).(proposer[C])
	if _, approves := any(cmd).(change.Approve); !proposes && !approves {
		return cmd, nil
	}
	if r.Keyed {
		past, err := l.log.Read(ctx, cmd.Stream(), 0)
		first := newCall(l, operation, cmd, r).first
		if err != nil || slices.ContainsFunc(past, func(e domain.Recorded) bool { return e.ID == first }) {
			return cmd, err
		}
	}
	if err := l.independent(ctx, cmd, r.Meta.Actor); err != nil {
		return cmd, err
	}
	return foreseeing(ctx, l, cmd, r)
}

// foreseeing shows a command that proposes another one what that would change. The
// caller must be allowed to look at the preview, which is to be allowed the command.
func foreseeing[C any](ctx context.Context, l *Ledger, cmd C, r edge.Request) (C, error) {
	c, ok := any(cmd).(proposer[C])
	if !ok {
		return cmd, nil
	}
	past, _, err := l.request(ctx, c.Concerns())
	if _, opens := any(cmd).(change.Open); err != nil || opens != (past.Status == change.Absent) || !opens && past.Node != c.Where() {
		return cmd, err // which is then refused, or was done before
	}
	p, err := propose(c.Proposes(past))
	if err != nil {
		return cmd, err
	}
	if !slices.Contains(p.nodes, c.Where()) {
		return cmd, change.ErrElsewhere.At("/node", "is not a node that the operation is about")
	}
	shown, err := p.look(ctx, l, r)
	if err != nil {
		return cmd, within("/input", err)
	}
	return c.Foresaw(change.Foreseen{
		Preview: shown.Preview, Position: shown.Position, Flags: shown.Affected.Flags, Integrators: shown.Affected.Integrators,
		Tenants: shown.Affected.Tenants, Users: shown.Affected.Users, Required: l.required(p.nodes),
	}), nil
}

// look asks for the preview of what is proposed.
func (p proposal) look(ctx context.Context, l *Ledger, r edge.Request) (flag.Preview, error) {
	a, err := p.call(ctx, l, previews[p.Name], edge.Request{Meta: r.Meta, Caller: r.Caller})
	shown, _ := a.Body.(flag.Preview)
	return shown, err
}

// call asks an entry with the input of the proposal, behind the guard if somebody
// asks.
func (p proposal) call(ctx context.Context, l *Ledger, e edge.Entry[*Ledger], r edge.Request) (edge.Answer, error) {
	if r.Caller == nil {
		return e.Call(ctx, l, edge.BindObject(p.input), r)
	}
	return edge.With(l, []edge.Entry[*Ledger]{e})[0].Call(ctx, edge.BindObject(p.input), r)
}

// request folds a change request, and tells the revision of its last event.
func (l *Ledger) request(ctx context.Context, id change.ID) (r change.Request, revision uint64, err error) {
	past, err := l.log.Read(ctx, change.Stream(id), 0)
	for _, e := range past {
		if e.Err != nil {
			return r, 0, domain.ErrUnreadableEvent.Because(e.Err)
		}
		r, revision = r.Evolve(e.Event), e.Revision
	}
	return r, revision, err
}

// required is how many approvals nodes ask for.
func (l *Ledger) required(nodes []domain.NodeID) (most int) {
	if l.o.Approvals == nil {
		return 0
	}
	for _, n := range nodes {
		most = max(most, l.o.Approvals(n))
	}
	return most
}

// unapproved refuses what needs approvals and does not come from a change request.
func (c *call[C, S]) unapproved() error {
	if c.r.Change != "" || !governed[c.operation] {
		return nil
	}
	for _, node := range edge.NodesOf(&c.cmd) {
		if n := c.required([]domain.NodeID{node}); n > 0 {
			return change.ErrApprovalRequired.With(fmt.Sprintf("what %s does at %s takes %d approvals; open a change request", c.operation, node, n))
		}
	}
	return nil
}

// ruled returns once a rule about approvals that this process has written holds in it.
func (l *Ledger) ruled(ctx context.Context, cmd any) (err error) {
	if _, rule := cmd.(change.Require); rule && l.o.Flags != nil {
		_, err = l.o.Flags(ctx)
	}
	return err
}

// lookedAt declares the preview of that: what the change request would change now, as
// far as the caller may see. Whoever approves need not be allowed to give the command.
func lookedAt(name, route string, needs domain.Permission, summary string) edge.Entry[*Ledger] {
	return edge.Entry[*Ledger]{
		Name: name, Route: route, Needs: needs, Summary: summary, Writes: true,
		Input: reflect.TypeFor[change.Apply](), Output: reflect.TypeFor[flag.Preview](),
		Call: func(ctx context.Context, l *Ledger, bind edge.Bind, r edge.Request) (edge.Answer, error) {
			var cmd change.Apply
			if err := bind(&cmd); err != nil {
				return edge.Answer{}, err
			}
			past, _, err := l.request(ctx, cmd.Request)
			if err == nil && (past.Status == change.Absent || past.Node != cmd.Node) {
				err = change.ErrNotFound
			}
			if err != nil {
				return edge.Answer{}, err
			}
			p, err := propose(past.Operation, past.Input)
			if err != nil {
				return edge.Answer{}, err
			}
			a, err := previews[p.Name].Call(ctx, l, edge.BindObject(p.input), edge.Request{Meta: r.Meta, Caller: r.Caller, Scope: r.Scope})
			shown, _ := a.Body.(flag.Preview)
			return edge.Answer{Body: shown, Position: shown.Position}, err
		},
	}
}

// holds reports whether somebody may do something at all of the nodes.
func (l *Ledger) holds(who domain.Actor, what domain.Permission, nodes []domain.NodeID) bool {
	return l.o.Holds != nil && !slices.ContainsFunc(nodes, func(n domain.NodeID) bool { return !l.o.Holds(who.ID, what, n) })
}
