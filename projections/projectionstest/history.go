// Package projectionstest runs projections against a real PostgreSQL and proves
// that a table comes out the same whichever way its events arrive:
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestTenants(t *testing.T) { projectionstest.Agree(t, events, projections.Tenants) }
package projectionstest

import (
	"context"
	"iter"
	"sync"

	"github.com/reeve-platform/reeve/domain"
)

// A History is the events of a test, as a log: it begins with what has been
// recorded and goes on as the test appends.
type History struct {
	mu     sync.Mutex
	events []domain.Recorded
	more   chan struct{} // closed when events are added
}

// NewHistory returns a log of events whose positions rise.
func NewHistory(events ...domain.Recorded) *History {
	return &History{events: events, more: make(chan struct{})}
}

// Append adds events at higher positions, all at once.
func (h *History) Append(events ...domain.Recorded) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, events...)
	close(h.more)
	h.more = make(chan struct{})
}

// Head is the position of the newest event.
func (h *History) Head(context.Context) (uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.head(), nil
}

func (h *History) head() uint64 {
	if len(h.events) == 0 {
		return 0
	}
	return h.events[len(h.events)-1].Position
}

// Pages yields what there is, then waits for more, until ctx ends.
func (h *History) Pages(ctx context.Context, from uint64, most int) iter.Seq2[domain.Page, error] {
	return func(yield func(domain.Page, error) bool) {
		for at := from; ; {
			p, more := h.next(at, most)
			if len(p.Events) > 0 {
				if !yield(p, nil) {
					return
				}
				at = p.To
				continue
			}
			select {
			case <-more:
			case <-ctx.Done():
				yield(domain.Page{}, ctx.Err())
				return
			}
		}
	}
}

func (h *History) next(from uint64, most int) (domain.Page, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := h.after(from)
	last := min(first+most, len(h.events))
	if first == last {
		return domain.Page{}, h.more
	}
	return domain.Page{From: from, To: h.events[last-1].Position, Events: h.events[first:last]}, nil
}

// after is the index of the first event beyond a position.
func (h *History) after(position uint64) int {
	low, high := 0, len(h.events)
	for low < high {
		if mid := (low + high) / 2; h.events[mid].Position <= position {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}
