package eventstore

import (
	"context"
	"slices"
	"sync"

	"github.com/reeve-platform/reeve/domain"
)

// A tail is the newest stretch of the log, received and decoded once for all who
// follow the log at its end: the models in memory, the read models, whoever
// watches. It is begun when there are two of them and kept up until the last one
// leaves. Whoever falls behind it reads on by itself until it has caught up.
type tail struct {
	mu      sync.Mutex
	readers int
	stop    context.CancelFunc // nil while it is not kept up
	held    bool               // there is a stretch
	from    uint64             // everything after it, and up to to, is held
	to      uint64
	events  []domain.Recorded
	size    int
	moved   chan struct{} // closed and made anew at each step
}

// What a tail holds at most; its readers are not much further behind while they
// follow a busy log.
const (
	tailEvents = 4096
	tailSize   = 8 << 20 // bytes
)

// join counts a reader in, and the second one has the tail kept up.
func (t *tail) join(s *Store) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.readers++
	if t.readers < 2 || t.stop != nil {
		return
	}
	ctx, cancel := context.WithCancel(s.closing)
	t.stop, t.moved = cancel, make(chan struct{})
	go t.keep(ctx, s)
}

// leave counts a reader out. The last one takes the tail with it.
func (t *tail) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.readers--
	if t.readers > 0 || t.stop == nil {
		return
	}
	t.stop()
	close(t.moved)
	t.stop, t.held, t.events, t.size = nil, false, nil, 0
}

// keep follows the log from its present end.
func (t *tail) keep(ctx context.Context, s *Store) {
	head, err := s.Head(ctx)
	for err != nil {
		if rest(ctx, firstPause) != nil {
			return
		}
		head, err = s.Head(ctx)
	}
	t.step(ctx, domain.Page{From: head, To: head})
	for page, err := range s.pages(ctx, &reader{Store: s, at: head, max: tailEvents}, 0) {
		if err == nil {
			t.step(ctx, page)
		}
	}
}

// step adds a page, unless the tail has been given up.
func (t *tail) step(ctx context.Context, p domain.Page) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	if !t.held {
		t.held, t.from = true, p.From
	}
	if len(t.events)+len(p.Events) > cap(t.events) && len(t.events) >= tailEvents/2 {
		t.events = slices.Grow(t.events, tailEvents) // the whole is copied: not often
	}
	t.to, t.events = p.To, append(t.events, p.Events...)
	for i := range p.Events {
		t.size += len(p.Events[i].Data)
	}
	drop := 0
	for len(t.events)-drop > tailEvents || t.size > tailSize {
		t.from, t.size = t.events[drop].Position, t.size-len(t.events[drop].Data)
		drop++
	}
	t.events = t.events[drop:]
	close(t.moved)
	t.moved = make(chan struct{})
}

// holds reports whether the log goes on in the tail after a position.
func (t *tail) holds(at uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.held && t.from <= at && at <= t.to
}

// page waits until the tail goes on after a position. It is a page that does not,
// when the tail does not hold that any more.
func (t *tail) page(ctx context.Context, at uint64, most int) (domain.Page, error) {
	for {
		t.mu.Lock()
		if !t.held || t.from > at || t.to > at {
			defer t.mu.Unlock()
			return t.cut(at, most), nil
		}
		moved := t.moved
		t.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return domain.Page{}, ctx.Err()
		}
	}
}

// cut makes a page of what is held after a position. What is held is only ever
// added to, so that many may read one page.
func (t *tail) cut(at uint64, most int) domain.Page {
	if !t.held || t.from > at || t.to <= at {
		return domain.Page{From: at, To: at}
	}
	first, _ := slices.BinarySearchFunc(t.events, at+1, func(e domain.Recorded, p uint64) int {
		if e.Position < p {
			return -1
		}
		return 1
	})
	if len(t.events)-first <= most {
		return domain.Page{From: at, To: t.to, Events: t.events[first:len(t.events):len(t.events)]}
	}
	last := first + most
	return domain.Page{From: at, To: t.events[last-1].Position, Events: t.events[first:last:last]}
}

// A reader goes through the log page by page: in the tail where that holds what
// comes next, in a subscription of its own elsewhere.
type reader struct {
	*Store
	tail *tail // nil for the one that keeps up the tail
	at   uint64
	max  int
	feed *feed
	drop context.CancelFunc // of the feed
}

// page waits until the log moves on.
func (r *reader) page(ctx context.Context) (page domain.Page, err error) {
	for r.tail != nil && r.tail.holds(r.at) {
		r.unsubscribe()
		page, err = r.tail.page(ctx, r.at, r.max)
		if err != nil || page.To > r.at {
			r.at = max(r.at, page.To)
			return page, err
		}
	}
	if r.feed == nil {
		inside, cancel := context.WithCancel(ctx)
		r.drop = cancel
		if r.feed, err = r.subscribe(inside, r.at, r.max); err != nil {
			r.unsubscribe()
			return page, err
		}
	}
	if page, err = r.feed.page(ctx); err != nil {
		r.unsubscribe()
		return page, err
	}
	r.at = page.To
	return page, nil
}

// unsubscribe ends the reader's own subscription, if there is one.
func (r *reader) unsubscribe() {
	if r.drop != nil {
		r.drop()
	}
	r.feed, r.drop = nil, nil
}
