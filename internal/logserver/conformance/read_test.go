package conformance

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/go-cmp/cmp"
)

func TestReadStream(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.NoStream{}, events(0, 5)...)
	w.append(w.name("s")+"x", esdb.NoStream{}, events(0, 5)...)
	cases := []struct {
		name  string
		o     esdb.ReadStreamOptions
		count uint64
		want  []uint64
	}{
		{"from the start", esdb.ReadStreamOptions{From: esdb.Start{}}, 100, []uint64{0, 1, 2, 3, 4}},
		{"counted", esdb.ReadStreamOptions{From: esdb.Start{}}, 2, []uint64{0, 1}},
		{"no limit", esdb.ReadStreamOptions{From: esdb.Start{}}, math.MaxUint64, []uint64{0, 1, 2, 3, 4}},
		{"from a revision, inclusive", esdb.ReadStreamOptions{From: esdb.Revision(3)}, 100, []uint64{3, 4}},
		{"from just beyond the end", esdb.ReadStreamOptions{From: esdb.Revision(5)}, 100, []uint64{}},
		{"from far beyond the end", esdb.ReadStreamOptions{From: esdb.Revision(1 << 40)}, 100, []uint64{}},
		{"from the end forwards", esdb.ReadStreamOptions{From: esdb.End{}}, 100, []uint64{}},
		{"backwards from the end", esdb.ReadStreamOptions{From: esdb.End{}, Direction: esdb.Backwards}, 2, []uint64{4, 3}},
		{"backwards from a revision, inclusive", esdb.ReadStreamOptions{From: esdb.Revision(1), Direction: esdb.Backwards}, 100, []uint64{1, 0}},
		{"backwards from beyond the end", esdb.ReadStreamOptions{From: esdb.Revision(90), Direction: esdb.Backwards}, 2, []uint64{4, 3}},
		{"backwards from the last number", esdb.ReadStreamOptions{From: esdb.Revision(math.MaxUint64), Direction: esdb.Backwards}, 1, []uint64{4}},
		{"backwards from the start", esdb.ReadStreamOptions{From: esdb.Start{}, Direction: esdb.Backwards}, 100, []uint64{0}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := w.within(t)
			got, err := w.readWith(s, c.o, c.count)
			w.must(err)
			w.same("revisions", c.want, revisions(got))
		})
	}
}

func TestReadOfNothing(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.NoStream{}, events(0, 5)...)
	for _, d := range []esdb.Direction{esdb.Forwards, esdb.Backwards} {
		got, err := w.readWith(s, esdb.ReadStreamOptions{From: esdb.Revision(2), Direction: d}, 0)
		if err != nil || len(got) != 0 {
			t.Errorf("%v: %d events, %v", d, len(got), err)
		}
		if all := w.readAll(esdb.ReadAllOptions{From: esdb.Start{}, Direction: d}, 0); len(all) != 0 {
			t.Errorf("%v: %d events of $all", d, len(all))
		}
		_, err = w.readWith(w.name("ghost"), esdb.ReadStreamOptions{From: esdb.Start{}, Direction: d}, 0)
		w.wantCode(err, esdb.ErrorCodeResourceNotFound)
	}
}

func TestMissingStreamIsAMessageAndNotAStatus(t *testing.T) {
	w := start(t)
	s := w.name("ghost")
	for _, d := range []esdb.Direction{esdb.Forwards, esdb.Backwards} {
		_, err := w.readWith(s, esdb.ReadStreamOptions{From: esdb.End{}, Direction: d}, 10)
		w.wantCode(err, esdb.ErrorCodeResourceNotFound)
		if err == nil || strings.Contains(err.Error(), "rpc error") {
			t.Errorf("a status instead of a message: %v", err)
		}
	}
	said, err := w.receive(request(s, nil))
	if err != nil || len(said) != 1 || string(said[0].GetStreamNotFound().GetStreamIdentifier().GetStreamName()) != s {
		t.Errorf("%v, %v", said, err)
	}
}

// System metadata is exactly type, created and content type, and created is in
// ticks of 100 ns since 1970.
func TestCreatedIsInTicks(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, events(0, 2)...)
	for _, e := range w.read(s) {
		system := e.Event.SystemMetadata
		ticks, err := strconv.ParseInt(system["created"], 10, 64)
		if err != nil || time.Since(time.Unix(0, ticks*100)).Abs() > time.Hour {
			t.Errorf("created %q, %v", system["created"], err)
		}
		if len(system) != 3 || system["type"] != "Counted" || system["content-type"] != "application/json" {
			t.Errorf("system metadata %v", system)
		}
	}
}

func TestCreatedNeverDecreases(t *testing.T) {
	w := start(t)
	s := w.name("s")
	for n := range 20 {
		w.append(s, esdb.Any{}, event(n))
	}
	var last time.Time
	for _, e := range w.read(s) {
		if e.Event.CreatedDate.Before(last) {
			t.Fatalf("created %v after %v", e.Event.CreatedDate, last)
		}
		last = e.Event.CreatedDate
	}
}

func TestReadsJoinPagesSeamlessly(t *testing.T) {
	w := start(t)
	s := w.name("s")
	from := w.anchor()
	const total = 2500
	want := []uint64{}
	for n := 0; n < total; n += 100 {
		w.append(s, esdb.Any{}, events(n, 100)...)
	}
	for n := range total {
		want = append(want, uint64(n))
	}
	w.same("stream", want, revisions(w.read(s)))
	w.same("$all", want, revisions(w.since(from)[1:]))
	w.same("as many of $all as were asked for", total+1, len(w.readAll(esdb.ReadAllOptions{From: from}, total+1)))
	back, err := w.readWith(s, esdb.ReadStreamOptions{From: esdb.End{}, Direction: esdb.Backwards}, math.MaxUint64)
	w.must(err)
	if len(back) != total || !cmp.Equal(revisions(back[:3]), []uint64{total - 1, total - 2, total - 3}) || back[total-1].Event.EventNumber != 0 {
		t.Errorf("%d events backwards", len(back))
	}
}

// What a stream read says of an event's place is what $all says.
func TestStreamReadsCarryPositions(t *testing.T) {
	w := start(t)
	s := w.name("s")
	from := w.anchor()
	w.append(s, esdb.Any{}, events(0, 3)...)
	w.append(s, esdb.Any{}, event(3))
	all := w.since(from)[1:]
	last := from
	for n, e := range w.read(s) {
		w.same("event", all[n], e)
		if e.Event.Position.Commit <= last.Commit || *e.Commit != e.Event.Position.Commit {
			t.Errorf("%+v at %d follows %+v", e.Event.Position, *e.Commit, last)
		}
		last = e.Event.Position
	}
}
