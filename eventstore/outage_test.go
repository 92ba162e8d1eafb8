package eventstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
)

// A log that goes away and comes back on the same address costs no event, and
// the store needs no help to find it.
func TestTheLogGoesAwayAndComesBack(t *testing.T) { inBothWays(t, theLogGoesAwayAndComesBack) }

func theLogGoesAwayAndComesBack(t *testing.T, how way) {
	dir := t.TempDir()
	log, end := serve(t, dir, "127.0.0.1:0")
	s := how.open(t, log.URL())
	addr := log.Addr()
	fill(t, s, 10)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	seen := make(chan int, 100)
	var following sync.WaitGroup
	following.Go(func() {
		for page := range s.Pages(ctx, 0, 3) {
			for _, e := range page.Events {
				seen <- e.Event.(Noted).N
			}
		}
	})
	expect := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			select {
			case n := <-seen:
				if n != i {
					t.Fatalf("event %d, want %d", n, i)
				}
			case <-ctx.Done():
				t.Fatalf("event %d never came", i)
			}
		}
	}
	expect(0, 10)
	end()
	begun := time.Now()
	_, err := s.Append(ctx, "note-0", 2, meta, notes("note-0", 10))
	if domain.KindOf(err) != domain.Unavailable {
		t.Fatalf("append without a log: %v", err)
	}
	t.Logf("without a log an append fails after %v: %v", time.Since(begun).Round(time.Millisecond), err)
	serve(t, dir, addr)
	for i := 10; i < 20; {
		stream := domain.StreamID(fmt.Sprintf("note-%d", i%7))
		_, err := s.Append(ctx, stream, uint64(i/7), meta, notes(string(stream), i))
		switch {
		case err == nil:
			i++
		case ctx.Err() != nil:
			t.Fatal(err)
		}
	}
	expect(10, 20)
	cancel()
	following.Wait()
}

// An append whose answer is lost is told as unknown, and sending it again has
// the receipt of the first.
func TestAnAnswerIsLost(t *testing.T) { inBothWays(t, anAnswerIsLost) }

func anAnswerIsLost(t *testing.T, how way) {
	log, direct := both(t)
	w := newWire(t, log.Addr())
	s := how.hurried(t, w.url())
	if _, err := s.Append(t.Context(), "note-1", 0, meta, notes("a", 1)); err != nil {
		t.Fatal(err)
	}
	held := w.strand(t, 0)
	held.answers.Lock()
	_, err := s.Append(t.Context(), "note-1", 1, meta, notes("a", 2, 3))
	held.answers.Unlock()
	if !errors.Is(err, domain.ErrOutcomeUnknown) {
		t.Fatalf("got %v", err)
	}
	written := until(t, func() ([]domain.Recorded, bool) {
		got, err := direct.Read(t.Context(), "note-1", 1)
		return got, err == nil && len(got) == 2
	})
	again, err := s.Append(t.Context(), "note-1", 1, meta, notes("a", 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	want := domain.Receipt{Stream: "note-1", Revision: 2, Position: written[1].Position, Events: []string{"Noted", "Noted"}}
	if d := cmp.Diff(want, again); d != "" {
		t.Fatal(d)
	}
	if _, err := s.Append(t.Context(), "note-1", 1, meta, notes("b", 2)); !errors.Is(err, domain.ErrRaced) {
		t.Fatalf("another append at the same place: %v", err)
	}
}

// Nobody waits longer than the deadline, whether the log is silent, absent or
// gone since.
func TestEveryCallEndsInTime(t *testing.T) { inBothWays(t, everyCallEndsInTime) }

func everyCallEndsInTime(t *testing.T, how way) {
	log, end := serve(t, t.TempDir(), "127.0.0.1:0")
	silent := newWire(t, log.Addr())
	gone := newWire(t, log.Addr())
	stores := map[string]*Store{"absent": how.hurried(t, "esdb://127.0.0.1:1?tls=false"), "silent": how.hurried(t, silent.url()), "gone": how.hurried(t, gone.url())}
	for _, name := range []string{"silent", "gone"} {
		if err := stores[name].Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := stores[name].Append(t.Context(), domain.StreamID("note-"+name), 0, meta, notes("a", 1)); err != nil {
			t.Fatal(err)
		}
	}
	defer silent.mute()()
	end()
	for name, s := range stores {
		for call, f := range map[string]func() error{
			"append": func() error { _, err := s.Append(t.Context(), "note-1", 0, meta, notes("a", 1)); return err },
			"read":   func() error { _, err := s.Read(t.Context(), "note-1", 0); return err },
			"head":   func() error { _, err := s.Head(t.Context()); return err },
			"ready":  func() error { return s.Ready(t.Context()) },
		} {
			begun := time.Now()
			err := f()
			if domain.KindOf(err) != domain.Unavailable {
				t.Errorf("%s, %s: %v", name, call, err)
			}
			if took := time.Since(begun); took > 2*s.deadline {
				t.Errorf("%s, %s: took %v", name, call, took)
			}
			if name == "absent" && !errors.Is(err, domain.ErrLogUnavailable) {
				t.Errorf("%s, %s: surely nothing was done, but %v", name, call, err)
			}
		}
	}
}

// A subscription that hangs without being dropped is noticed and replaced.
func TestASubscriptionFallsSilent(t *testing.T) {
	log, direct := both(t)
	head := fill(t, direct, 5)
	w := newWire(t, log.Addr())
	s := open(t, w.url())
	s.silence = 50 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second) // the transport itself would need 20
	defer cancel()
	var at, want uint64 = 0, head
	for page, err := range s.Pages(ctx, 0, 100) {
		if err != nil || page.From != at {
			t.Fatalf("%d-%d after %d, %v", page.From, page.To, at, err)
		}
		at = page.To
		if at < want {
			continue
		}
		if want > head {
			return
		}
		held := w.strand(t, 0)
		held.answers.Lock()
		defer held.answers.Unlock()
		r, err := direct.Append(ctx, "note-new", 0, meta, notes("new", 1))
		if err != nil {
			t.Fatal(err)
		}
		want = r.Position
	}
}

// Many writers and readers live through cuts at any moment. Each fact is written
// once and every reader sees each once, in order.
func TestCutsUnderLoad(t *testing.T) { inBothWays(t, cutsUnderLoad) }

func cutsUnderLoad(t *testing.T, how way) {
	log, direct := both(t)
	w := newWire(t, log.Addr())
	s := how.open(t, w.url())
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	const writers, each, readers = 16, 40, 3
	var done atomic.Int64
	var hands sync.WaitGroup
	for n := range writers {
		hands.Go(func() {
			stream := domain.StreamID(fmt.Sprint("note-w", n))
			for i := range each {
				insist(ctx, t, s, stream, i)
				done.Add(1)
			}
		})
	}
	for range readers {
		hands.Go(func() { readInOrder(ctx, t, s, writers*each) })
	}
	for cut := int64(1); cut <= 20; cut++ {
		until(t, func() (bool, bool) { return true, done.Load() >= cut*writers*each/21 })
		w.cut()
	}
	hands.Wait()
	readInOrder(ctx, t, direct, writers*each)
}

// insist sends an append until it is known to have happened.
func insist(ctx context.Context, t *testing.T, s *Store, stream domain.StreamID, i int) {
	for ctx.Err() == nil {
		r, err := s.Append(ctx, stream, uint64(i), meta, notes(string(stream), i))
		if err == nil {
			if r.Revision != uint64(i) {
				t.Errorf("%s: revision %d, want %d", stream, r.Revision, i)
			}
			return
		}
		if domain.KindOf(err) != domain.Unavailable {
			t.Errorf("%s: %v", stream, err)
			return
		}
	}
	t.Errorf("%s: event %d was never written", stream, i)
}

func readInOrder(ctx context.Context, t *testing.T, s *Store, total int) {
	next, at, seen := map[domain.StreamID]uint64{}, uint64(0), 0
	for page, err := range s.Pages(ctx, 0, 50) {
		if err != nil || page.From != at {
			t.Errorf("%d-%d after %d, %v", page.From, page.To, at, err)
			return
		}
		at = page.To
		for _, e := range page.Events {
			if e.Revision != next[e.Stream] {
				t.Errorf("%s goes from %d to %d", e.Stream, next[e.Stream], e.Revision)
			}
			next[e.Stream]++
			seen++
		}
		if seen >= total {
			return
		}
	}
}

// Closing a store ends what is under way on it; the log need not be there.
func TestClose(t *testing.T) { inBothWays(t, closes) }

func closes(t *testing.T, how way) {
	_, s := how.both(t)
	fill(t, s, 3)
	ended := make(chan error, 1)
	first := make(chan struct{}, 1)
	go func() {
		var last error
		for _, err := range s.Pages(t.Context(), 0, 10) {
			if last = err; err == nil {
				signal(first)
			}
		}
		ended <- last
	}()
	<-first
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, domain.ErrLogUnavailable) {
		t.Errorf("pages ended with %v", err)
	}
	if _, err := s.Append(t.Context(), "note-1", 0, meta, notes("a", 1)); !errors.Is(err, domain.ErrLogUnavailable) {
		t.Errorf("append after closing: %v", err)
	}
}

func TestPagesEndWithTheirContext(t *testing.T) {
	_, s := both(t)
	fill(t, s, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range s.Pages(ctx, 0, 10) {
		last = err
		cancel()
	}
	if !errors.Is(last, context.Canceled) {
		t.Fatal(last)
	}
}
