package commands

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/claim"
	"github.com/reeve-platform/reeve/internal/normal"
)

// claiming appends facts that need values nobody else holds: reserve each
// value, append, then confirm. A crash between the steps leaves a reservation
// that names the facts it was made for; Settle finds out whether one came true.
func (c *call[C, S]) claiming(ctx context.Context, m *memory[S], facts []domain.Event) (domain.Receipt, error) {
	claimant, ok := any(c.cmd).(domain.Claimant[S])
	if !ok {
		return c.append(ctx, m, facts)
	}
	take, release := claimant.Claims(m.state, facts)
	fact := c.first
	reserved, err := c.reserve(ctx, take, fact)
	if err != nil {
		c.letGo(ctx, reserved, fact)
		return domain.Receipt{}, err
	}
	receipt, err := c.append(ctx, m, facts)
	switch {
	case err == nil:
		c.settleClaims(ctx, take, release)
	case !errors.Is(err, domain.ErrOutcomeUnknown):
		c.letGo(ctx, reserved, fact)
	}
	return receipt, err
}

// reserve takes every value for the stream of the command and returns the
// streams of those that it did not hold for good before.
func (c *call[C, S]) reserve(ctx context.Context, take []domain.Claim, fact uuid.UUID) (reserved []domain.StreamID, err error) {
	for _, t := range take {
		stream, err := c.claimStream(t)
		if err != nil {
			return reserved, err
		}
		receipt, err := Handle(ctx, c.Ledger, "reserve", claim.Reserve{Name: stream, Kind: t.Kind, Holder: c.cmd.Stream(), Command: fact}, internal(c.r))
		if err != nil {
			return reserved, err
		}
		if len(receipt.Events) > 0 {
			reserved = append(reserved, stream)
		}
	}
	return reserved, nil
}

// settleClaims confirms what was taken and releases what was given back, unless
// it is the same value in another spelling. The command has succeeded: what
// cannot be confirmed now is settled later from the log, and what cannot be given
// back stays with its holder.
func (c *call[C, S]) settleClaims(ctx context.Context, take, release []domain.Claim) {
	ctx = context.WithoutCancel(ctx)
	kept := map[domain.StreamID]bool{}
	for _, t := range take {
		stream, err := c.claimStream(t)
		if kept[stream] = true; err == nil {
			_, err = Handle(ctx, c.Ledger, "confirm", claim.Confirm{Name: stream, Holder: c.cmd.Stream()}, internal(c.r))
		}
		c.noteUnsettled(err)
	}
	for _, t := range release {
		stream, err := c.claimStream(t)
		if err == nil && !kept[stream] {
			_, err = Handle(ctx, c.Ledger, "release", claim.Release{Name: stream, Holder: c.cmd.Stream()}, internal(c.r))
		}
		c.noteUnsettled(err)
	}
}

// letGo gives back what was reserved for a fact that was not written.
func (c *call[C, S]) letGo(ctx context.Context, reserved []domain.StreamID, fact uuid.UUID) {
	ctx = context.WithoutCancel(ctx)
	for _, stream := range reserved {
		_, err := Handle(ctx, c.Ledger, "release", claim.Release{Name: stream, Holder: c.cmd.Stream(), Command: fact}, internal(c.r))
		c.noteUnsettled(err)
	}
}

func (c *call[C, S]) noteUnsettled(err error) {
	if err != nil {
		c.o.Logger.Warn("a unique value was not confirmed or given back", "stream", string(c.cmd.Stream()), "error", err)
	}
}

func (c *call[C, S]) claimStream(t domain.Claim) (domain.StreamID, error) {
	key, err := normal.Key(t.Value)
	if err != nil {
		return "", err
	}
	return claim.Stream(t.Kind, c.digest(t.Kind, key)), nil
}

// Settle ends a reservation that was left open, by asking the stream it was made
// for: confirmed if one of its facts is there, released if none is. It leaves
// alone what was reserved at limit or later, which must be longer ago than any
// command may take, and what somebody changes meanwhile.
func Settle(ctx context.Context, l *Ledger, stream domain.StreamID, limit time.Time) error {
	past, err := l.log.Read(ctx, stream, 0)
	if err != nil {
		return err
	}
	var v claim.Value
	for _, e := range past {
		v = v.Evolve(e.Event)
	}
	if v.Status != claim.StatusReserved || !past[len(past)-1].Meta.At.Before(limit) {
		return nil
	}
	r := SystemRequest("settle")
	r.IfMatch = &past[len(past)-1].Revision
	came, err := l.anyOf(ctx, v.Holder, v.Facts)
	switch {
	case err != nil:
	case came:
		_, err = Handle(ctx, l, "confirm", claim.Confirm{Name: stream, Holder: v.Holder}, r)
	default:
		_, err = Handle(ctx, l, "release", claim.Release{Name: stream, Holder: v.Holder}, r)
	}
	if errors.Is(err, ErrStale) {
		return nil
	}
	return err
}

// anyOf reports whether a stream holds one of some facts.
func (l *Ledger) anyOf(ctx context.Context, stream domain.StreamID, facts []uuid.UUID) (bool, error) {
	past, err := l.log.Read(ctx, stream, 0)
	return slices.ContainsFunc(past, func(e domain.Recorded) bool { return slices.Contains(facts, e.ID) }), err
}
