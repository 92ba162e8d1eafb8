package conformance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

func TestGroupStarts(t *testing.T) {
	cases := []struct {
		name string
		from esdb.StreamPosition
		want string
	}{
		{"at the start", esdb.Start{}, "s/0 try 0"},
		{"at a revision, that one included", esdb.Revision(2), "s/2 try 0"},
		{"at the end", esdb.End{}, "s/3 try 0"},
		{"behind the end", esdb.Revision(4), "s/4 try 0"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := start(t)
			s := w.name("s")
			w.append(s, esdb.NoStream{}, events(0, 3)...)
			w.group(s, c.from, nil)
			w.append(s, esdb.Any{}, events(3, 2)...)
			w.same("", []string{c.want}, w.takes(w.consume(s, 10), 1, nil))
		})
	}
}

func TestGroupBeforeItsStream(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.group(s, esdb.Start{}, nil)
	sub := w.consume(s, 10)
	w.append(w.name("noise"), esdb.Any{}, event(9))
	w.append(s, esdb.Any{}, events(0, 2)...)
	w.same("", []string{"s/0 try 0", "s/1 try 0"}, w.takes(sub, 2, acking(sub)))
}

func TestAnswersOfAConsumer(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.group(s, esdb.Start{}, func(o *groupSettings) { o.MaxRetryCount = 1 })
	sub := w.consume(s, 1)
	w.append(s, esdb.Any{}, events(0, 4)...)
	w.same("skip", []string{"s/0 try 0"}, w.takes(sub, 1, nacking(sub, esdb.NackActionSkip)))
	w.same("park", []string{"s/1 try 0"}, w.takes(sub, 1, nacking(sub, esdb.NackActionPark)))
	w.same("retry", []string{"s/2 try 0", "s/2 try 1"}, w.takes(sub, 2, nacking(sub, esdb.NackActionUnknown)))
	w.same("ack", []string{"s/3 try 0"}, w.takes(sub, 1, acking(sub)))
	w.untilParked(s, 2)
	w.untilCheckpoint(s, 3)
	var links []string
	for _, e := range w.read("$persistentsubscription-" + s + "::" + w.crew() + "-parked") {
		links = append(links, e.Event.EventType+plain(string(e.Event.Data)))
		if !strings.Contains(string(e.Event.UserMetadata), `"reason"`) {
			t.Errorf("no reason in %s", e.Event.UserMetadata)
		}
	}
	w.same("links", []string{"$>1@s", "$>2@s"}, links)
}

func TestRetriesAreCounted(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.group(s, esdb.Start{}, func(o *groupSettings) { o.MaxRetryCount = 3 })
	w.append(s, esdb.Any{}, event(0))
	sub := w.consume(s, 1)
	w.same("", []string{"s/0 try 0", "s/0 try 1", "s/0 try 2", "s/0 try 3"}, w.takes(sub, 4, nacking(sub, esdb.NackActionRetry)))
	w.untilParked(s, 1)
}

func TestTimeoutIsARetryAndThenParks(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.group(s, esdb.Start{}, func(o *groupSettings) { o.MessageTimeout, o.MaxRetryCount = 1, 1 })
	w.append(s, esdb.Any{}, event(0))
	w.same("", []string{"s/0 try 0", "s/0 try 1"}, w.takes(w.consume(s, 10), 2, nil))
	w.untilParked(s, 1)
}

func TestReplayOfWhatIsParked(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.group(s, esdb.Start{}, nil)
	sub := w.consume(s, 10)
	w.append(s, esdb.Any{}, events(0, 4)...)
	w.takes(sub, 4, nacking(sub, esdb.NackActionPark))
	w.untilParked(s, 4)
	w.replay(s, 1)
	w.same("up to one", []string{"s/0 try 0"}, w.takes(sub, 1, acking(sub)))
	w.untilParked(s, 3)
	w.replay(s, 0)
	w.same("all", []string{"s/1 try 0"}, w.takes(sub, 1, nacking(sub, esdb.NackActionPark)))
	w.same("all", []string{"s/2 try 0", "s/3 try 0"}, w.takes(sub, 2, acking(sub)))
	w.untilParked(s, 1)
	w.until("the parked stream is cut", func() bool {
		left := w.read("$persistentsubscription-" + s + "::" + w.crew() + "-parked")
		return len(left) == 1 && left[0].Event.EventNumber == 4 && string(left[0].Event.Data) == "1@"+s
	})
}

func TestConsumerGetsNoMoreThanItsBuffer(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.group(s, esdb.Start{}, nil)
	w.append(s, esdb.Any{}, events(0, 9)...)
	sub := w.consume(s, 3)
	first := w.next(sub)
	w.takes(sub, 2, nil)
	c := w.info(s).Connections
	if len(c) != 1 || c[0].InFlightMessages != 3 || c[0].AvailableSlots != 0 || c[0].From == "" || c[0].TotalItemsProcessed != 3 {
		t.Errorf("%+v", c)
	}
	w.must(sub.Ack(first.Event))
	w.same("", []string{"s/3 try 0"}, w.takes(sub, 1, nil))
}

func TestWhoLeavesGivesBack(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.group(s, esdb.Start{}, nil)
	w.append(s, esdb.Any{}, events(0, 2)...)
	first := w.consume(s, 10)
	w.takes(first, 2, nil)
	_ = first.Close()
	w.same("", []string{"s/0 try 1", "s/1 try 1"}, w.takes(w.consume(s, 10), 2, nil))
}

// A group that nobody consumes for a while goes on behind what is settled.
func TestCheckpointIsKept(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.group(s, esdb.Start{}, nil)
	w.append(s, esdb.Any{}, events(0, 5)...)
	first := w.consume(s, 1)
	w.takes(first, 3, acking(first))
	w.untilCheckpoint(s, 2)
	_ = first.Close()
	w.until("nobody is there", func() bool { return len(w.info(s).Connections) == 0 })
	second := w.consume(s, 1)
	if got := w.takes(second, 2, acking(second)); !strings.HasPrefix(got[0], "s/3") || !strings.HasPrefix(got[1], "s/4") {
		t.Error(got)
	}
	w.untilCheckpoint(s, 4)
}

// Two clients, each with a connection of its own, share what there is: each
// event comes to one of them, once.
func TestTwoClientsShareWithoutLoss(t *testing.T) {
	for _, strategy := range []esdb.ConsumerStrategy{esdb.ConsumerStrategyRoundRobin, esdb.ConsumerStrategyDispatchToSingle, esdb.ConsumerStrategyPinned} {
		t.Run(fmt.Sprint(strategy), func(t *testing.T) {
			w := start(t)
			s := w.name("s")
			w.group(s, esdb.Start{}, func(o *groupSettings) { o.ConsumerStrategyName = strategy })
			const count = 200
			arrived := make(chan uint64, 2*count)
			for range 2 {
				mate := *w
				_, mate.client = w.connect(w.url)
				go pass(mate.consume(s, 10), arrived)
			}
			w.append(s, esdb.Any{}, events(0, count)...)
			seen := map[uint64]bool{}
			for len(seen) < count {
				select {
				case n := <-arrived:
					if seen[n] {
						t.Errorf("%d came twice", n)
					}
					seen[n] = true
				case <-w.ctx.Done():
					t.Fatalf("%d of %d came", len(seen), count)
				}
			}
			w.untilCheckpoint(s, count-1)
			w.same("beyond that", 0, len(arrived))
		})
	}
}

// pass acknowledges what a consumer gets, and tells its revision.
func pass(sub *esdb.PersistentSubscription, to chan<- uint64) {
	for e := sub.Recv(); e.SubscriptionDropped == nil; e = sub.Recv() {
		if e.EventAppeared == nil {
			continue
		}
		to <- e.EventAppeared.Event.OriginalEvent().EventNumber
		_ = sub.Ack(e.EventAppeared.Event) // a failure shows as a missing checkpoint
	}
}

func TestGroupResolvesLinks(t *testing.T) {
	w := start(t)
	s, links := w.name("s"), w.name("links")
	w.append(s, esdb.Any{}, events(0, 2)...)
	w.append(links, esdb.Any{}, link(100, "1@"+s), link(101, "0@"+s))
	w.group(links, esdb.Start{}, func(o *groupSettings) { o.ResolveLinkTos = true })
	sub := w.consume(links, 10)
	got := w.takes(sub, 2, func(e *esdb.EventAppeared) error {
		if e.Event.Link == nil || e.Event.OriginalEvent().StreamID != links {
			t.Errorf("no link with %s", told(e))
		}
		return sub.Nack("", esdb.NackActionPark, e.Event)
	})
	w.same("", []string{"s/1 try 0", "s/0 try 0"}, got)
	w.untilParked(links, 2)
	w.replay(links, 0)
	w.takes(sub, 2, acking(sub))
	w.untilParked(links, 0)
}

func TestGroupPassesOverDanglingLinksOrSendsThemBare(t *testing.T) {
	w := start(t)
	s, links := w.name("s"), w.name("links")
	w.append(s, esdb.Any{}, event(0))
	w.append(links, esdb.Any{}, link(100, "9@"+s), link(101, "0@"+w.name("gone")), link(102, "0@"+s))
	w.group(links, esdb.Start{}, func(o *groupSettings) { o.ResolveLinkTos = true })
	sub := w.consume(links, 10)
	for {
		e := w.next(sub)
		w.must(sub.Ack(e.Event))
		if e.Event.Event != nil {
			w.same("at last", "s/0 try 0", told(e))
			break
		}
	}
	w.untilCheckpoint(links, 2)
}

func TestGroupGoesOnWithAStreamThatWasDeleted(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, events(0, 3)...)
	w.group(s, esdb.Start{}, nil)
	sub := w.consume(s, 1)
	w.takes(sub, 1, nil)
	w.must(w.delete(s, esdb.Any{}))
	w.append(s, esdb.Any{}, event(3))
	fresh := w.consume(s, 10)
	var got []string
	for len(got) == 0 || got[len(got)-1] != "s/3 try 0" {
		got = append(got, w.takes(fresh, 1, acking(fresh))...)
	}
	w.must(w.tombstone(s, esdb.Any{}))
	w.same("it can still be asked about", s, w.info(s).EventSource)
}
