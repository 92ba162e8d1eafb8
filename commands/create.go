package commands

import (
	"context"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/claim"
	"github.com/reeve-platform/reeve/internal/edge"
)

// named gives a command that creates something its id: the one its caller
// chose, else a random UUIDv4. When the caller sent an idempotency key, the
// choice is first written to a stream named by that key, so that a retry, on
// this process or another, creates the same thing and not a second one.
func named[C domain.Command[S], S domain.State[S]](ctx context.Context, l *Ledger, operation string, cmd C, r edge.Request) (C, string, error) {
	creator, ok := any(cmd).(domain.Creator[C])
	switch {
	case !ok:
		return cmd, "", nil
	case creator.Chosen() != "":
		return cmd, creator.Chosen(), l.free(ctx, creator.Chosen(), cmd.Stream())
	case !r.Keyed:
		id := uuid.New()
		return creator.Named(id), id.String(), nil
	}
	stream := claim.CommandStream(l.digest(operation, r.Meta.Actor.ID, r.Meta.CommandID))
	id, err := l.chosen(ctx, stream, r)
	if err == nil && id == uuid.Nil {
		id = uuid.New()
		if _, err = judge(ctx, l, operation, creator.Named(id), r); err == nil {
			id, err = l.choose(ctx, stream, id, r)
		}
	}
	return creator.Named(id), id.String(), err
}

// ErrIDTaken: an id names one thing, of whatever kind. Who may do what hangs on ids.
var ErrIDTaken = &domain.Error{Kind: domain.Conflict, Code: "id-taken", Detail: "something else has that id; leave it out"}

// free refuses an id that something of another kind has.
func (l *Ledger) free(ctx context.Context, id string, own domain.StreamID) error {
	for _, other := range []domain.StreamID{
		domain.IntegratorStream(domain.IntegratorID(id)), domain.TenantStream(domain.TenantID(id)), domain.UserStream(domain.UserID(id)),
		domain.ClientStream(domain.ClientID(id)), domain.APIKeyStream(domain.APIKeyID(id)),
	} {
		if other == own {
			continue
		}
		past, err := l.log.Read(ctx, other, 0)
		if err != nil {
			return err
		}
		if len(past) > 0 {
			return ErrIDTaken
		}
	}
	return nil
}

// judge decides and forgets: what is refused anyway must leave no trace, and neither
// must a preview.
func judge[C domain.Command[S], S domain.State[S]](ctx context.Context, l *Ledger, operation string, cmd C, r edge.Request) ([]domain.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	done, err := l.turns.take(ctx, cmd.Stream())
	if err != nil {
		return nil, err
	}
	defer done()
	c := newCall(l, operation, cmd, r)
	m, err := c.recall(ctx)
	if err == nil && !m.verified {
		err = c.refresh(ctx, m)
	}
	if err != nil {
		return nil, err
	}
	return c.decide(ctx, m)
}

// chosen returns the id that the first request with this key chose, the nil UUID
// if there was none.
func (l *Ledger) chosen(ctx context.Context, stream domain.StreamID, r edge.Request) (uuid.UUID, error) {
	past, err := l.log.Read(ctx, stream, 0)
	if err != nil {
		return uuid.Nil, err
	}
	var first claim.Identifier
	for _, e := range past {
		first = first.Evolve(e.Event)
	}
	if first.ID != uuid.Nil && first.Fingerprint != r.Meta.Fingerprint {
		return uuid.Nil, ErrKeyReused
	}
	return first.ID, nil
}

// choose writes the choice, and returns the one that came first.
func (l *Ledger) choose(ctx context.Context, stream domain.StreamID, id uuid.UUID, r edge.Request) (uuid.UUID, error) {
	choice := claim.ChooseIdentifier{Name: stream, ID: id, Fingerprint: r.Meta.Fingerprint}
	if _, err := Handle(ctx, l, "chooseIdentifier", choice, internal(r)); err != nil {
		return uuid.Nil, err
	}
	return l.chosen(ctx, stream, r)
}

// internal is the request of a step that a command takes on its way: caused by
// it, but with a name of its own, and judged anew each time.
func internal(r edge.Request) edge.Request {
	m := r.Meta
	m.CausationID, m.CommandID, m.Fingerprint = r.Meta.CommandID, uuid.NewString(), ""
	return edge.Request{Meta: m}
}
