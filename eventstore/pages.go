package eventstore

import (
	"context"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

const (
	firstPause = 100 * time.Millisecond // after a subscription is lost
	lastPause  = 5 * time.Second
)

// Pages yields contiguous pages of the whole log after a position, for ever: as
// many events as are at hand but at most max, so one when live and thousands when
// catching up. Each page begins where the one before ended. A lost subscription
// goes on from the last page. Events of the log server itself are left out;
// a page may hold none. The sequence ends when ctx does or the store is closed,
// with an error that says so.
func (s *Store) Pages(ctx context.Context, from uint64, max int) iter.Seq2[domain.Page, error] {
	return s.follow(ctx, from, max, gather)
}

// Prompt yields the same pages without letting events gather: for readers whom a
// page costs nothing, and who are waited for.
func (s *Store) Prompt(ctx context.Context, from uint64, max int) iter.Seq2[domain.Page, error] {
	return s.follow(ctx, from, max, 0)
}

// follow has all who read to the end share its newest stretch. Their pages hold
// the same events: nobody may change them.
func (s *Store) follow(ctx context.Context, from uint64, max int, gather time.Duration) iter.Seq2[domain.Page, error] {
	return func(yield func(domain.Page, error) bool) {
		s.tail.join(s)
		defer s.tail.leave()
		s.pages(ctx, &reader{Store: s, tail: &s.tail, at: from, max: max}, gather)(yield)
	}
}

func (s *Store) pages(ctx context.Context, r *reader, gather time.Duration) iter.Seq2[domain.Page, error] {
	return func(yield func(domain.Page, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(s.closing, func() { cancel(domain.ErrLogUnavailable.Because(errClosed)) })()
		pause := firstPause
		for {
			begun := r.at
			err := r.run(ctx, gather, yield)
			if err == nil {
				return
			}
			if r.at > begun {
				pause = firstPause
			}
			if ctx.Err() == nil {
				s.logger.Warn("the subscription to the log was lost; going on from the last page", "position", r.at, "error", err)
			}
			if rest(ctx, pause/2+rand.N(pause/2)) != nil {
				yield(domain.Page{}, context.Cause(ctx))
				return
			}
			pause = min(2*pause, lastPause)
		}
	}
}

// run yields pages until the log is lost, or without an error until nobody wants
// more.
func (r *reader) run(ctx context.Context, gather time.Duration, yield func(domain.Page, error) bool) error {
	defer r.unsubscribe()
	for {
		page, err := r.page(ctx)
		if err != nil {
			return err
		}
		if !yield(page, nil) {
			return nil
		}
		if n := len(page.Events); gather > 0 && n >= busy && n < r.max && rest(ctx, gather) != nil {
			return ctx.Err()
		}
	}
}

// A page costs its reader a transaction, however few events it holds. When the
// log is busy, so that pages come with several events although they are asked for
// without delay, events are given a moment to gather. A log at leisure is followed
// at once.
const (
	busy   = 4
	gather = 100 * time.Millisecond
)

// rest waits, unless ctx ends first.
func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
