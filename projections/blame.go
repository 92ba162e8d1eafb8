package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
)

// blame finds the slots that cannot take a page, by trying each one alone, and
// stops them. It says how many it stopped.
func (l *lane) blame(ctx context.Context, p domain.Page) (stopped int, err error) {
	for _, s := range slices.Clone(l.slots) {
		if find(l.slots, s.cursor()) == nil {
			continue // stopped with one of its sources
		}
		cause := l.try(ctx, s, p.Events)
		if cause == nil {
			continue
		}
		if !poisonous(cause) {
			return stopped, cause
		}
		if err := l.stop(ctx, s, l.locate(ctx, s, p, cause)); err != nil {
			return stopped, err
		}
		stopped++
	}
	return stopped, nil
}

// try applies events to one slot, after its sources if it has any, and takes
// them back.
func (l *lane) try(ctx context.Context, s *slot, events []domain.Recorded) error {
	defer l.forget()
	some := append(s.sources(l.slots), s)
	return l.trial(ctx, func(ctx context.Context, tx pgx.Tx) error { return write(ctx, tx, some, l.slots, events) })
}

// locate finds the event that a table does not take, by applying one after the
// other. The answer is the end of the page when only all together fail.
func (l *lane) locate(ctx context.Context, s *slot, page domain.Page, cause error) *poison {
	var p *poison
	if errors.As(cause, &p) && p.position != 0 {
		return p
	}
	defer l.forget()
	found := &poison{position: page.To, cause: cause}
	some := append(s.sources(l.slots), s)
	_ = l.trial(ctx, func(ctx context.Context, tx pgx.Tx) error {
		for i, e := range page.Events {
			if err := write(ctx, tx, some, l.slots, page.Events[i:i+1]); err != nil {
				found = &poison{position: e.Position, cause: err}
				return err
			}
		}
		return nil
	})
	return found
}

// stop marks a slot and everything derived from it as stopped, and goes on
// without them.
func (l *lane) stop(ctx context.Context, s *slot, p *poison) error {
	dependents := l.dependents(s)
	err := l.inTx(ctx, asProjector, pageTime, func(ctx context.Context, tx pgx.Tx) error {
		if err := l.mark(ctx, tx, s, p); err != nil {
			return err
		}
		for _, d := range dependents {
			if err := l.mark(ctx, tx, d, &poison{p.position, fmt.Errorf("%s has stopped", s.cursor())}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, gone := range append(dependents, s) {
		l.slots = without(l.slots, gone)
		l.o.Logger.Error("projection stopped", "projection", gone.cursor(), "cursor", l.position, "position", p.position, "cause", p.cause)
	}
	return nil
}

func (l *lane) mark(ctx context.Context, tx pgx.Tx, s *slot, p *poison) error {
	tag, err := tx.Exec(ctx, stopCursor, s.cursor(), l.position, plain(p.cause), p.position)
	if err == nil && tag.RowsAffected() == 0 {
		l.rejections.Add(1)
		return errMoved
	}
	return err
}

func (l *lane) dependents(s *slot) (all []*slot) {
	for _, o := range l.slots {
		if o.derived() && slices.Contains(o.sources(l.slots), s) {
			all = append(all, o)
		}
	}
	return all
}

// plain is what an operator gets to read, without bytes that text columns refuse.
func plain(err error) string {
	const longest = 2000
	text := []rune(err.Error())
	text = slices.DeleteFunc(text, func(r rune) bool { return r == 0 })
	return string(text[:min(len(text), longest)])
}
