package commands

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

var (
	// ErrStale: the caller sent If-Match with a revision that is no longer the last.
	ErrStale = &domain.Error{Kind: domain.Stale, Code: "stale-revision", Detail: "the stream has moved on since the revision in If-Match"}
	// ErrKeyReused: an idempotency key names one request for ever.
	ErrKeyReused = &domain.Error{Kind: domain.Invalid, Code: "idempotency-key-reused", Detail: "this Idempotency-Key was used before with a different request"}
	// ErrInFlight: the first request with this key has not been answered yet.
	ErrInFlight = &domain.Error{Kind: domain.Conflict, Code: "idempotency-in-flight", Detail: "a request with this Idempotency-Key is still under way"}
	// ErrBusy: other commands on the same stream used up the time of this one.
	ErrBusy = &domain.Error{Kind: domain.Unavailable, Code: "stream-busy", Detail: "too many commands are waiting for the same stream"}
)

const (
	attempts = 5                // at the log, when neighbours race us
	patience = 10 * time.Second // for a whole command
)

// A call is one command under way: what was asked, by whom, and its name.
type call[C domain.Command[S], S domain.State[S]] struct {
	*Ledger
	cmd C
	r   edge.Request

	operation string
	scope     string    // of the idempotency key: operation, stream and principal
	first     uuid.UUID // id of the first fact that comes of it
	held      *held     // to what its caller was shown; nil before that is compared
}

func newCall[C domain.Command[S], S domain.State[S]](l *Ledger, operation string, cmd C, r edge.Request) *call[C, S] {
	scope := operation + "|" + string(cmd.Stream()) + "|" + r.Meta.Actor.ID
	return &call[C, S]{Ledger: l, cmd: cmd, r: r, operation: operation, scope: scope, first: domain.EventID(scope, r.Meta.CommandID, 0)}
}

// Handle is the only write path: read, fold, decide, append. It appends at the
// exact revision it decided on, or at the end of the stream if the command is
// fleeting; when somebody else was faster it decides again, unless the caller
// insisted on a revision.
func Handle[C domain.Command[S], S domain.State[S]](ctx context.Context, l *Ledger, operation string, cmd C, r edge.Request) (domain.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c := newCall(l, operation, cmd, r)
	if r.Keyed {
		if _, under := l.flying.LoadOrStore(c.scope+"|"+r.Meta.CommandID, true); under {
			return domain.Receipt{}, ErrInFlight
		}
		defer l.flying.Delete(c.scope + "|" + r.Meta.CommandID)
	}
	done, err := l.turns.take(ctx, cmd.Stream())
	if err != nil {
		return domain.Receipt{}, err
	}
	defer done()
	return c.run(ctx)
}

func (c *call[C, S]) run(ctx context.Context) (domain.Receipt, error) {
	defer c.release()
	m, err := c.recall(ctx)
	for try := 1; err == nil; try++ {
		var receipt domain.Receipt
		receipt, err = c.attempt(ctx, m)
		if !errors.Is(err, domain.ErrRaced) {
			return receipt, err
		}
		if try == attempts || pause(ctx, try) != nil {
			break
		}
		err = c.refresh(ctx, m)
	}
	return domain.Receipt{}, err
}

// attempt decides once and appends what was decided. A refusal, or nothing to
// do, is an answer about the present: it is given only after a look at the log.
func (c *call[C, S]) attempt(ctx context.Context, m *memory[S]) (domain.Receipt, error) {
	if receipt, found, err := c.repeated(m); found {
		return receipt, err
	}
	facts, err := c.decide(ctx, m)
	if (err != nil || len(facts) == 0 || c.r.Preview != "") && !m.verified {
		if err := c.refresh(ctx, m); err != nil {
			return domain.Receipt{}, err
		}
		return c.attempt(ctx, m)
	}
	if err == nil && len(facts) > 0 {
		err = c.unapproved()
	}
	if err != nil {
		return c.receipt(m, nil), err
	}
	return c.fenced(ctx, m, facts)
}

func (c *call[C, S]) decide(ctx context.Context, m *memory[S]) ([]domain.Event, error) {
	meta := c.r.Meta
	meta.At = c.now()
	cmd, err := c.surveyed(ctx)
	if err != nil {
		return nil, err
	}
	facts, err := cmd.Decide(m.state, meta)
	if c.r.IfMatch != nil && *c.r.IfMatch+1 != m.next && domain.KindOf(err) != domain.NotFound {
		return nil, ErrStale // what is not there for the caller has no revision either
	}
	if s, ok := any(c.cmd).(domain.Settler); ok && err == nil && len(facts) > 0 && c.o.Room != nil {
		err = c.o.Room(s.Settles())
	}
	return facts, err
}

// surveyed tells a command that needs it which tenants hang under its integrator.
func (c *call[C, S]) surveyed(ctx context.Context) (C, error) {
	s, ok := any(c.cmd).(domain.Surveyor[C])
	if !ok {
		return c.cmd, nil
	}
	tenants, err := c.o.Survey(ctx, s.Surveys())
	return s.Surveyed(tenants), err
}

// append writes facts and learns what they did.
func (c *call[C, S]) append(ctx context.Context, m *memory[S], facts []domain.Event) (domain.Receipt, error) {
	after := domain.Fold(m.state, facts...)
	meta := c.stamp(after)
	proposed := make([]domain.Proposed, len(facts))
	for i, e := range facts {
		proposed[i] = domain.Proposed{ID: c.first, Event: e}
		if i > 0 {
			proposed[i].ID = domain.EventID(c.scope, meta.CommandID, i)
		}
	}
	next := m.next
	if c.fleeting() {
		next = domain.AtEnd
	}
	receipt, err := c.write(ctx, next, meta, proposed)
	if err != nil {
		if !errors.Is(err, domain.ErrRaced) {
			c.memory.Remove(keyOf[S](c.cmd.Stream()))
		}
		return domain.Receipt{}, err
	}
	c.learn(m, after, proposed, receipt, meta)
	return c.receipt(m, receipt.Events), nil
}

// write appends. When the log does not say whether it took the facts, the same
// append is sent again: same ids at the same revision have one effect, whichever
// of the two arrives. Once that is unknown, only a plain answer settles it: a log
// that has become unreachable may well have taken them before.
func (c *call[C, S]) write(ctx context.Context, next uint64, meta domain.Meta, facts []domain.Proposed) (domain.Receipt, error) {
	receipt, err := c.log.Append(ctx, c.cmd.Stream(), next, meta, facts)
	unknown := errors.Is(err, domain.ErrOutcomeUnknown)
	for try := 1; unknown && domain.KindOf(err) == domain.Unavailable && try < attempts && pause(ctx, try) == nil; try++ {
		receipt, err = c.log.Append(ctx, c.cmd.Stream(), next, meta, facts)
	}
	if unknown && domain.KindOf(err) == domain.Unavailable {
		err = domain.ErrOutcomeUnknown.Because(err)
	}
	return receipt, err
}

// learn moves the memory past an append without reading it back.
func (c *call[C, S]) learn(m *memory[S], after S, facts []domain.Proposed, r domain.Receipt, meta domain.Meta) {
	if !c.fleeting() {
		m.effects[facts[0].ID] = effect{m.next, r.Revision, r.Position, r.Events, meta.CommandID, meta.Fingerprint}
	}
	m.state, m.next, m.position = after, r.Revision+1, r.Position
	c.heads.Add(c.cmd.Stream(), m.next)
}

// stamp completes who, when and why with what the state knows of its owner.
func (c *call[C, S]) stamp(after S) domain.Meta {
	meta := c.r.Meta
	meta.At = c.now()
	if o, ok := any(after).(domain.Owned); ok {
		owner := o.Owner()
		meta.TenantID, meta.IntegratorID = owner.Tenant, owner.Integrator
	}
	return meta
}

// repeated answers a command that has had its effect before as it was answered then.
func (c *call[C, S]) repeated(m *memory[S]) (domain.Receipt, bool, error) {
	e, found := m.effects[c.first]
	switch {
	case !found:
		return domain.Receipt{}, false, nil
	case e.fingerprint != c.r.Meta.Fingerprint:
		return domain.Receipt{}, true, ErrKeyReused
	}
	return domain.Receipt{Stream: c.cmd.Stream(), Revision: e.last, Position: e.position, Events: e.types}, true, nil
}

// receipt says where the stream stands. Nothing to do on a stream that does not
// exist cannot happen: such a command is refused as not found.
func (c *call[C, S]) receipt(m *memory[S], types []string) domain.Receipt {
	if types == nil {
		types = []string{}
	}
	return domain.Receipt{Stream: c.cmd.Stream(), Revision: max(m.next, 1) - 1, Position: m.position, Events: types}
}

// pause waits a little longer each time, with jitter, so that racers part.
func pause(ctx context.Context, try int) error {
	t := time.NewTimer(time.Duration(1+rand.IntN(10*try)) * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
