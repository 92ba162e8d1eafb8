package eventstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

func TestPagesAreContiguousWhateverTheirSize(t *testing.T) {
	_, s := both(t)
	head := fill(t, s, 200)
	if got, err := s.Head(t.Context()); err != nil || got != head {
		t.Fatalf("head %d, %v; want %d", got, err, head)
	}
	for _, size := range []int{1, 7, 1000} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		var at uint64
		var seen []int
		for page, err := range s.Pages(ctx, 0, size) {
			if err != nil || page.From != at || len(page.Events) > size {
				t.Fatalf("page %d-%d of %d after %d, %v", page.From, page.To, len(page.Events), at, err)
			}
			at = page.To
			for _, e := range page.Events {
				seen = append(seen, e.Event.(Noted).N)
			}
			if at >= head {
				break
			}
		}
		cancel()
		for i, n := range seen {
			if n != i {
				t.Fatalf("size %d: event %d comes as number %d", size, n, i)
			}
		}
		if len(seen) != 200 {
			t.Fatalf("size %d: %d events", size, len(seen))
		}
	}
}

// The log server's own events are in no page, and nobody waits for them.
func TestTheServersOwnEvents(t *testing.T) {
	log, s := both(t)
	raw := rawClient(t, log.URL())
	own := func(stream string) {
		t.Helper()
		if _, err := raw.SetStreamMetadata(t.Context(), stream, esdb.AppendToStreamOptions{}, esdb.StreamMetadata{}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(head uint64) {
		t.Helper()
		for range 2 {
			if got, err := s.Head(t.Context()); err != nil || got != head {
				t.Fatalf("head %d, %v; want %d", got, err, head)
			}
		}
	}
	want(0)
	own("a")
	want(0)
	head := fill(t, s, 3)
	want(head)
	own("a")
	own("b")
	want(head)
	own("c")
	want(head)
	events := 0
	for page, err := range s.Pages(t.Context(), 0, 10) {
		if err != nil {
			t.Fatal(err)
		}
		if events += len(page.Events); page.To > head {
			break // word of a place behind our last event
		}
	}
	if events != 3 {
		t.Fatalf("%d events", events)
	}
}

// A page of large events is full before it holds the most events asked for.
func TestPagesAreBoundedByBytes(t *testing.T) {
	_, s := both(t)
	const count, bytes = 24, 1_000_000
	for i := range count {
		large := []domain.Proposed{{ID: uuid.New(), Event: Noted{Text: strings.Repeat("x", bytes)}}}
		if _, err := s.Append(t.Context(), "note-1", uint64(i), meta, large); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	for page, err := range s.Pages(t.Context(), 0, 1000) {
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Events) > pageSize/bytes+1 {
			t.Fatalf("%d events of %d bytes in one page", len(page.Events), bytes)
		}
		if seen += len(page.Events); seen == count {
			return
		}
	}
}

// A poison event is told in its place and the pages go on.
func TestPagesGoOnAfterPoison(t *testing.T) {
	log, s := both(t)
	fill(t, s, 2)
	poison := esdb.EventData{EventID: uuid.New(), EventType: "Noted", ContentType: esdb.ContentTypeJson, Data: []byte(`[]`), Metadata: []byte(`{"v":1}`)}
	if _, err := rawClient(t, log.URL()).AppendToStream(t.Context(), "bad", esdb.AppendToStreamOptions{}, poison); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), "note-last", 0, meta, notes("z", 9)); err != nil {
		t.Fatal(err)
	}
	var got []domain.Recorded
	for page, err := range s.Pages(t.Context(), 0, 10) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, page.Events...); len(got) == 4 {
			break
		}
	}
	bad := got[2]
	if got[3].Err != nil || !errors.Is(bad.Err, domain.ErrUnreadableEvent) || domain.KindOf(bad.Err) != domain.Internal {
		t.Fatal(got[3].Err, bad.Err)
	}
	for _, part := range []string{poison.EventID.String(), "revision 0 of bad", fmt.Sprint("position ", bad.Position), "Noted"} {
		if !strings.Contains(bad.Err.Error(), part) {
			t.Errorf("%q does not name %q", bad.Err, part)
		}
	}
}

func TestDump(t *testing.T) {
	_, s := both(t)
	fill(t, s, 10)
	var all []Raw
	for e, err := range s.Dump(t.Context(), 0, math.MaxUint64) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	if len(all) != 10 {
		t.Fatalf("%d events", len(all))
	}
	var some []Raw
	for e, err := range s.Dump(t.Context(), all[3].Position, all[6].Position) {
		if err != nil {
			t.Fatal(err)
		}
		some = append(some, e)
	}
	if d := cmp.Diff(all[3:7], some); d != "" {
		t.Fatal(d)
	}
}
