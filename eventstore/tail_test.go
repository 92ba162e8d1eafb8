package eventstore

import (
	"context"
	"testing"

	"github.com/reeve-platform/reeve/domain"
)

// Whoever follows the log at its end does so with all others: the log sends each
// event once. When the last one leaves, nothing is sent any more.
func TestReadersAtTheEndShareASubscription(t *testing.T) {
	log, s := both(t)
	const readers = 5
	head := fill(t, s, 30)
	seen := make(chan domain.Page)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range readers {
		go func() {
			for page, err := range s.Prompt(ctx, 0, 7) {
				if err != nil {
					return
				}
				select {
				case seen <- page:
				case <-ctx.Done():
				}
			}
		}()
	}
	count := map[uint64]int{}
	come := func(head uint64) {
		for count[head] < readers {
			for _, e := range (<-seen).Events {
				count[e.Position]++
			}
		}
	}
	come(head)
	next := uint64(0)
	add := func() {
		r, err := s.Append(ctx, "note-tail", next, meta, notes("tail", int(next)))
		if err != nil {
			t.Fatal(err)
		}
		next++
		come(r.Position)
	}
	until(t, func() (bool, bool) { add(); return true, log.Stats().Subscribers == 1 })
	for at, n := range count {
		if n != readers {
			t.Errorf("the event at %d came %d times to %d readers", at, n, readers)
		}
	}
	cancel()
	until(t, func() (bool, bool) { return true, log.Stats().Subscribers == 0 })
}

// A reader that has fallen further behind than what is held misses nothing, and
// comes back.
func TestAReaderFallsBehindTheTail(t *testing.T) {
	log, s := both(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	head := fill(t, s, 1)
	quick := make(chan uint64, 1)
	go func() {
		for page, err := range s.Prompt(ctx, 0, tailEvents) {
			if err != nil {
				return
			}
			select {
			case <-quick:
			default:
			}
			quick <- page.To
		}
	}()
	var revision uint64
	push := func(n int) {
		for n > 0 {
			facts := make([]int, min(n, 500))
			r, err := s.Append(ctx, "note-behind", revision, meta, notes("behind", facts...))
			if err != nil {
				t.Fatal(err)
			}
			revision, head, n = r.Revision+1, r.Position, n-len(facts)
		}
		for <-quick < head {
			continue
		}
	}
	at, events, far := uint64(0), uint64(0), false
	for page, err := range s.Prompt(ctx, 0, 100) {
		if err != nil || page.From != at {
			t.Fatalf("%d-%d after %d, %v", page.From, page.To, at, err)
		}
		at, events = page.To, events+uint64(len(page.Events))
		switch {
		case at < head:
		case far && log.Stats().Subscribers == 1:
			if events != revision+1 {
				t.Fatalf("%d events of %d", events, revision+1)
			}
			return
		case !far && s.tail.holds(at):
			push(2*tailEvents + 10) // while nobody takes from this sequence
			far = !s.tail.holds(at)
		default:
			push(1)
		}
	}
}
