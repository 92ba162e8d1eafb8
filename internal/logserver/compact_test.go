package logserver_test

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/internal/logserver"
)

func (w *world) compact() logserver.Compaction {
	w.Helper()
	c, err := w.server.Compact(w.ctx, nil)
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// An estate has a stream for each way in which events become unreadable.
var estate = []string{"kept", "counted", "truncated", "aged", "deleted", "revived"}

// overgrown fills a log with 20 events in every stream of the estate, and one
// more that ends in a tombstone, and makes most of them unreadable.
func overgrown(t *testing.T) (w *world, dir string) {
	t.Helper()
	dir = t.TempDir()
	w = start(t, dir)
	for n := range 20 {
		for _, stream := range append([]string{"ended"}, estate...) {
			w.append(stream, esdb.Any{}, event(n))
		}
	}
	w.describe("counted", func(m *esdb.StreamMetadata) { m.SetMaxCount(3) })
	w.describe("truncated", func(m *esdb.StreamMetadata) { m.SetTruncateBefore(2) })
	w.describe("truncated", func(m *esdb.StreamMetadata) { m.SetTruncateBefore(15) })
	w.describe("aged", func(m *esdb.StreamMetadata) { m.SetMaxAge(time.Second) })
	for _, stream := range []string{"deleted", "revived"} {
		if _, err := w.client.DeleteStream(w.ctx, stream, esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.client.TombstoneStream(w.ctx, "ended", esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	w.append("revived", esdb.NoStream{}, events(100, 2)...)
	w.until("the old ones to expire", func() bool { return len(w.read("aged")) == 0 })
	return w, dir
}

// seen is all that a reader can learn from the streams of the estate.
func (w *world) seen() map[string][]string {
	w.Helper()
	seen := map[string][]string{}
	for _, stream := range append([]string{"ended", "$$truncated", "$$revived"}, estate...) {
		for way, o := range map[string]esdb.ReadStreamOptions{
			"on": {From: esdb.Start{}}, "back": {From: esdb.End{}, Direction: esdb.Backwards}, "from 16": {From: esdb.Revision(16)},
		} {
			all, err := w.readWith(stream, o, math.MaxUint64)
			key := stream + " " + way
			seen[key] = append(seen[key], fmt.Sprint(code(err)))
			for _, e := range all {
				seen[key] = append(seen[key], fmt.Sprint(e.Event.EventNumber, e.Event.Position.Commit, e.Event.EventID, string(e.Event.Data)))
			}
		}
	}
	return seen
}

// A compaction changes nothing that a reader of a stream sees, nor where a
// stream goes on, and it has nothing left to do afterwards.
func TestCompactRemovesWhatNobodyCanRead(t *testing.T) {
	w, dir := overgrown(t)
	before := w.seen()
	c := w.compact()
	// 17 counted, 15 truncated, 19 aged (the last stays), 19 deleted, 20 revived,
	// 20 of the ended; one superseded metadata each of truncated and revived.
	if want := uint64(17 + 15 + 19 + 19 + 20 + 20 + 1 + 1); c.Scavenged != want || c.Freed == 0 {
		t.Fatalf("%+v, want %d scavenged", c, want)
	}
	again := func(w *world) {
		t.Helper()
		if diff := cmp.Diff(before, w.seen()); diff != "" {
			t.Error(diff)
		}
		if c := w.compact(); c.Scavenged != 0 {
			t.Errorf("again: %+v", c)
		}
	}
	again(w)
	if r, err := w.try("counted", esdb.Revision(2), event(3)); err != nil || r.CommitPosition != 7*3+2+1 {
		t.Errorf("a repetition that is still remembered: %+v, %v", r, err)
	}
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	w = start(t, dir)
	again(w)
	w.wantCode(code2(w.try("counted", esdb.Revision(2), event(3))), esdb.ErrorCodeWrongExpectedVersion)
	w.wantCode(code2(w.try("ended", esdb.Any{}, event(-1))), esdb.ErrorCodeStreamDeleted)
	for stream, next := range map[string]uint64{"counted": 20, "aged": 20, "deleted": 20, "revived": 22} {
		if r := w.append(stream, esdb.Any{}, event(-2)); r.NextExpectedVersion != next {
			t.Errorf("%s goes on at %d", stream, r.NextExpectedVersion)
		}
	}
}

func code2(_ *esdb.WriteResult, err error) error { return err }

// $all without the removed events is the same from every side and every place.
func TestAllHasGapsAfterCompaction(t *testing.T) {
	w, dir := overgrown(t)
	w.compact()
	check := func(w *world) {
		t.Helper()
		all := w.readAll(esdb.ReadAllOptions{From: esdb.Start{}}, math.MaxUint64)
		if want := int(w.server.Head()) - 112; len(all) != want {
			t.Fatalf("%d events, want %d", len(all), want)
		}
		back := w.readAll(esdb.ReadAllOptions{From: esdb.End{}, Direction: esdb.Backwards}, math.MaxUint64)
		slices.Reverse(back)
		if !slices.Equal(places(all), places(back)) {
			t.Errorf("forwards %v, backwards %v", places(all), places(back))
		}
		var paged []*esdb.ResolvedEvent
		for from := uint64(0); ; {
			p := w.readAll(esdb.ReadAllOptions{From: esdb.Position{Commit: from, Prepare: from}}, 7)
			if len(p) == 0 {
				break
			}
			paged = append(paged, p...)
			from = p[len(p)-1].Event.Position.Commit + 1
		}
		if !slices.Equal(places(all), places(paged)) {
			t.Errorf("by sevens %v", places(paged))
		}
		for at := uint64(1); at <= w.server.Head(); at += 13 {
			w.followsFrom(at, places(all))
		}
	}
	check(w)
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	check(start(t, dir)) // from the disk
}

func places(all []*esdb.ResolvedEvent) (at []uint64) {
	for _, e := range all {
		at = append(at, e.Event.Position.Commit)
	}
	return at
}

// followsFrom subscribes behind a position and wants the rest of all.
func (w *world) followsFrom(at uint64, all []uint64) {
	w.Helper()
	sub, err := w.client.SubscribeToAll(w.ctx, esdb.SubscribeToAllOptions{From: esdb.Position{Commit: at, Prepare: at}})
	if err != nil {
		w.Fatal(err)
	}
	defer sub.Close()
	var got []uint64
	for {
		e := sub.Recv()
		switch {
		case e.SubscriptionDropped != nil:
			w.Fatal(e.SubscriptionDropped.Error)
		case e.EventAppeared != nil:
			got = append(got, e.EventAppeared.Event.Position.Commit)
		case e.CaughtUp != nil:
			n, found := slices.BinarySearch(all, at)
			if found {
				n++
			}
			if !slices.Equal(got, all[n:]) {
				w.Errorf("behind %d: %v", at, got)
			}
			return
		}
	}
}

// Readers and writers of a stream of which only the newest event is kept never
// notice that it is being compacted.
func TestCompactBesideReadersAndWriters(t *testing.T) {
	w := start(t, t.TempDir())
	w.describe("s", func(m *esdb.StreamMetadata) { m.SetMaxCount(1) })
	w.append("s", esdb.Any{}, event(0))
	done := make(chan struct{})
	var beside sync.WaitGroup
	beside.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if _, err := w.server.Compact(w.ctx, nil); err != nil {
				t.Error(err)
				return
			}
		}
	})
	beside.Go(func() {
		for last := uint64(0); last < 300; {
			all, err := w.readWith("s", esdb.ReadStreamOptions{From: esdb.Start{}}, math.MaxUint64)
			if err != nil || len(all) == 0 || all[0].Event.EventNumber < last {
				t.Errorf("after %d: %v, %v", last, revisions(all), err)
				return
			}
			last = all[0].Event.EventNumber
		}
	})
	for n := range 300 {
		w.append("s", esdb.Revision(uint64(n)), event(n+1))
	}
	close(done)
	beside.Wait()
}
