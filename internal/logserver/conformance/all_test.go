package conformance

import (
	"math"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// past is a position behind everything.
var past = esdb.Position{Commit: 1 << 50, Prepare: 1 << 50}

func TestAllIsInclusiveForwardsAndExclusiveBackwards(t *testing.T) {
	w := start(t)
	from := w.anchor()
	w.append(w.name("a"), esdb.NoStream{}, events(0, 2)...)
	w.append(w.name("b"), esdb.NoStream{}, events(0, 2)...)
	all := w.since(from)
	if len(all) != 5 {
		t.Fatal(places(all))
	}
	third := all[3].Event.Position
	w.same("forwards", []string{"b/0", "b/1"}, places(w.since(third)))
	w.same("backwards", []string{"a/1", "a/0", "anchor/0"}, places(w.before(third, 3)))
	w.same("forwards, counted", []string{"b/0"}, places(w.readAll(esdb.ReadAllOptions{From: third}, 1)))
	w.same("subscribed", []string{"b/1", "caught up"}, w.hear(w.followAll(esdb.SubscribeToAllOptions{From: third}), "caught up"))
}

func TestEndsOfAll(t *testing.T) {
	w := start(t)
	first := w.readAll(esdb.ReadAllOptions{From: esdb.Start{}}, 1)
	w.anchor()
	if len(first) == 1 && first[0].OriginalEvent().Position == (esdb.Position{}) {
		t.Error("something is at position 0, where nothing can be deleted from") // the clients want positions above
	}
	again := w.readAll(esdb.ReadAllOptions{From: esdb.Position{}}, 1)
	w.same("from zero is from the start", w.readAll(esdb.ReadAllOptions{From: esdb.Start{}}, 1), again)
	w.same("forwards from the end", 0, len(w.readAll(esdb.ReadAllOptions{From: esdb.End{}}, 100)))
	w.same("forwards from beyond", 0, len(w.readAll(esdb.ReadAllOptions{From: past}, 100)))
	w.same("backwards from the start", 0, len(w.readAll(esdb.ReadAllOptions{From: esdb.Start{}, Direction: esdb.Backwards}, 100)))
	w.same("backwards from the end", []string{"anchor/0"}, places(w.before(esdb.End{}, 1)))
	w.same("backwards from beyond", []string{"anchor/0"}, places(w.before(past, 1)))
}

// The largest number is how clients have written "the end" since ever.
func TestLargestNumberIsTheEnd(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, event(0))
	end := esdb.Position{Commit: math.MaxUint64, Prepare: math.MaxUint64}
	w.same("forwards", 0, len(w.readAll(esdb.ReadAllOptions{From: end}, 100)))
	w.same("backwards", []string{"s/0"}, places(w.before(end, 1)))
	all := w.followAll(esdb.SubscribeToAllOptions{From: end})
	one := w.follow(s, esdb.Revision(math.MaxUint64))
	w.same("$all", []string{"caught up"}, w.hear(all, "caught up"))
	w.same("stream", []string{"caught up"}, w.hear(one, "caught up"))
	w.append(s, esdb.Any{}, event(1))
	w.same("$all", []string{"s/1"}, w.hear(all, "s/1"))
	w.same("stream", []string{"s/1"}, w.hear(one, "s/1"))
}

// A position between two records is refused, or is as good as the next one.
func TestPositionsBetweenRecords(t *testing.T) {
	w := start(t)
	from := w.anchor()
	w.append(w.name("s"), esdb.Any{}, events(0, 3)...)
	all := w.since(from)
	for n, e := range all[:3] {
		for p := e.Event.Position.Commit + 1; p < min(all[n+1].Event.Position.Commit, e.Event.Position.Commit+20); p++ {
			r, err := w.client.ReadAll(w.ctx, esdb.ReadAllOptions{From: esdb.Position{Commit: p, Prepare: p}}, 1)
			w.must(err)
			if got, err := collect(r); err == nil && (len(got) != 1 || got[0].OriginalEvent().Position.Commit < p) {
				t.Errorf("at %d: %v", p, places(got))
			}
		}
	}
}

func TestSystemEventsAreVisibleInAll(t *testing.T) {
	w := start(t)
	from := w.anchor()
	s := w.name("s")
	w.append(s, esdb.Any{}, event(0))
	w.describe(s, func(m *esdb.StreamMetadata) { m.SetMaxCount(1) })
	w.append(w.name("$sys"), esdb.Any{}, event(0))
	w.same("", []string{"anchor/0", "s/0", "$$s/0", "$sys/0"}, places(w.since(from)))
}

func TestTruncatedEventsStayInAll(t *testing.T) {
	w := start(t)
	from := w.anchor()
	s := w.name("s")
	w.append(s, esdb.Any{}, events(0, 3)...)
	w.describe(s, func(m *esdb.StreamMetadata) { m.SetMaxCount(1) })
	w.same("stream", []uint64{2}, revisions(w.read(s)))
	w.must(w.delete(s, esdb.Any{}))
	w.same("$all", []string{"anchor/0", "s/0", "s/1", "s/2", "$$s/0", "$$s/1"}, places(w.since(from)))
}

// A group on $all would feed on its own progress for ever. Other groups' parked
// events are ordinary ones.
func TestAccountsOfGroupsOnAllAreHidden(t *testing.T) {
	w := start(t)
	from := w.anchor()
	for _, name := range []string{"$persistentsubscription-$all::" + w.name("g") + "-checkpoint", "$persistentsubscription-$all::" + w.name("g") + "-parked", "$persistentsubscription-" + w.name("s") + "::g-parked"} {
		w.append(name, esdb.Any{}, event(1))
	}
	want := []string{"$persistentsubscription-s::g-parked/0"}
	w.same("read", want, places(w.since(from)[1:]))
	w.same("subscribed", append(want, "caught up"), w.hear(w.followAll(esdb.SubscribeToAllOptions{From: from}), "caught up"))
}

func TestCountedReadOfAllWithAFilter(t *testing.T) {
	w := start(t)
	from := w.anchor()
	kind := "Kind" + w.tag
	for n := range 6 {
		e := event(n)
		if n%2 == 1 {
			e.EventType = kind
		}
		w.append(w.name("s"), esdb.Any{}, e)
	}
	end := w.anchor()
	const on, back = streams.ReadReq_Options_Forwards, streams.ReadReq_Options_Backwards
	for _, c := range []struct {
		direction streams.ReadReq_Options_ReadDirection
		from      esdb.Position
		count     uint64
		want      []uint64
	}{{on, from, 100, []uint64{1, 3, 5}}, {on, from, 2, []uint64{1, 3}}, {back, end, 100, []uint64{5, 3, 1}}, {back, end, 2, []uint64{5, 3}}} {
		said, err := w.receive(request("", func(o *readOptions) {
			ofAllFrom(o, c.from.Commit, c.from.Prepare)
			o.ReadDirection = c.direction
			filtered(o, kind, 1)
			o.CountOption = &streams.ReadReq_Options_Count{Count: c.count}
		}))
		w.must(err)
		got := []uint64{}
		for _, m := range said {
			got = append(got, m.GetEvent().GetEvent().GetStreamRevision())
		}
		w.same("revisions", c.want, got)
	}
}
