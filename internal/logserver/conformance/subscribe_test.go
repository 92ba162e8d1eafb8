package conformance

import (
	"fmt"
	"sync"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// hear describes what a subscription says of this test, one word per message,
// until a word.
func (w *world) hear(sub *esdb.Subscription, until string) (said []string) {
	for {
		e := sub.Recv()
		if e.EventAppeared != nil && !w.mine(e.EventAppeared.OriginalEvent().StreamID) {
			continue
		}
		said = append(said, word(e))
		if last := said[len(said)-1]; last == until || last == "dropped" {
			return said
		}
	}
}

func word(e *esdb.SubscriptionEvent) string {
	switch {
	case e.EventAppeared != nil:
		return where(e.EventAppeared.OriginalEvent())
	case e.CheckPointReached != nil:
		return "checkpoint"
	case e.CaughtUp != nil:
		return "caught up"
	}
	return "dropped"
}

func (w *world) follow(stream string, from esdb.StreamPosition) *esdb.Subscription {
	w.Helper()
	sub, err := w.client.SubscribeToStream(w.ctx, stream, esdb.SubscribeToStreamOptions{From: from})
	w.must(err)
	w.Cleanup(func() { _ = sub.Close() })
	return sub
}

func (w *world) followAll(o esdb.SubscribeToAllOptions) *esdb.Subscription {
	w.Helper()
	sub, err := w.client.SubscribeToAll(w.ctx, o)
	w.must(err)
	w.Cleanup(func() { _ = sub.Close() })
	return sub
}

func TestSubscriptionStartsBehindItsPosition(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.NoStream{}, events(0, 3)...)
	cases := []struct {
		name   string
		stream string
		from   esdb.StreamPosition
		want   []string
	}{
		{"from the start", s, esdb.Start{}, []string{"s/0", "s/1", "s/2", "caught up"}},
		{"after the first", s, esdb.Revision(0), []string{"s/1", "s/2", "caught up"}},
		{"after the last", s, esdb.Revision(2), []string{"caught up"}},
		{"from the end", s, esdb.End{}, []string{"caught up"}},
		{"before it exists", w.name("later"), esdb.Start{}, []string{"caught up"}},
		{"before it exists, from the end", w.name("later"), esdb.End{}, []string{"caught up"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := w.within(t)
			w.same("", c.want, w.hear(w.follow(c.stream, c.from), "caught up"))
		})
	}
}

func TestConfirmationComesFirst(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, event(0))
	for name, change := range map[string]func(*readOptions){
		"stream": subscribed, "$all": func(o *readOptions) { ofAll(o); subscribed(o) },
	} {
		call, err := w.stub().Read(w.ctx, request(s, change))
		w.must(err)
		m, err := call.Recv()
		if err != nil || m.GetConfirmation().GetSubscriptionId() == "" {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
}

func TestSubscriptionGoesLive(t *testing.T) {
	w := start(t)
	s := w.name("s")
	old := w.follow(s, esdb.Start{})
	w.hear(old, "caught up")
	all := w.followAll(esdb.SubscribeToAllOptions{From: esdb.End{}})
	w.hear(all, "caught up")
	w.append(w.name("noise"), esdb.Any{}, events(0, 3)...)
	w.append(s, esdb.Any{}, events(0, 2)...)
	w.same("stream", []string{"s/0", "s/1"}, w.hear(old, "s/1"))
	w.same("$all", []string{"noise/0", "noise/1", "noise/2", "s/0", "s/1"}, w.hear(all, "s/1"))
	fresh := w.follow(s, esdb.End{})
	w.hear(fresh, "caught up")
	w.append(s, esdb.Any{}, event(2))
	for _, sub := range []*esdb.Subscription{old, fresh, all} {
		w.same("live", []string{"s/2"}, w.hear(sub, "s/2"))
	}
}

func TestTombstoneEndsALiveSubscription(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, event(0))
	sub := w.follow(s, esdb.Start{})
	w.hear(sub, "caught up")
	w.must(w.tombstone(s, esdb.Any{}))
	w.same("", []string{"s/9223372036854775807", "dropped"}, w.hear(sub, "dropped"))
}

func TestTombstoneEndsTheSubscriptionOfAStreamThatNeverWas(t *testing.T) {
	w := start(t)
	s := w.name("s")
	sub := w.follow(s, esdb.Start{})
	w.hear(sub, "caught up")
	w.must(w.tombstone(s, esdb.NoStream{}))
	w.same("", []string{"s/9223372036854775807", "dropped"}, w.hear(sub, "dropped"))
}

func TestTruncatedEventsAreNotSubscribed(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.NoStream{}, events(0, 4)...)
	w.describe(s, func(m *esdb.StreamMetadata) { m.SetTruncateBefore(3) })
	w.same("", []string{"s/3", "caught up"}, w.hear(w.follow(s, esdb.Start{}), "caught up"))
	w.same("", []string{"s/3", "caught up"}, w.hear(w.follow(s, esdb.Revision(1)), "caught up"))
}

// A deletion is not told to who follows the stream; when the stream comes back,
// it goes on.
func TestSubscriptionOutlivesADeletion(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.NoStream{}, events(0, 4)...)
	before := w.follow(s, esdb.Start{})
	w.hear(before, "caught up")
	w.must(w.delete(s, esdb.Any{}))
	after := w.follow(s, esdb.Start{})
	w.same("deleted", []string{"caught up"}, w.hear(after, "caught up"))
	w.append(s, esdb.NoStream{}, event(9))
	for _, sub := range []*esdb.Subscription{before, after} {
		w.same("back", []string{"s/4"}, w.hear(sub, "s/4"))
	}
	w.same("anew", []string{"s/4", "caught up"}, w.hear(w.follow(s, esdb.Start{}), "caught up"))
}

func TestMetastreamCanBeFollowed(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.describe(s, func(m *esdb.StreamMetadata) { m.SetMaxCount(9) })
	sub := w.follow("$$"+s, esdb.Start{})
	w.same("", []string{"$$s/0", "caught up"}, w.hear(sub, "caught up"))
	w.append(s, esdb.Any{}, event(0))
	w.describe(s, func(m *esdb.StreamMetadata) { m.SetMaxCount(8) })
	w.same("changed", []string{"$$s/1"}, w.hear(sub, "$$s/1"))
	w.must(w.delete(s, esdb.Any{}))
	w.same("deleted", []string{"$$s/2"}, w.hear(sub, "$$s/2"))
	w.append(s, esdb.Any{}, event(1))
	w.same("back", []string{"$$s/3"}, w.hear(sub, "$$s/3"))
	w.same("anew", []string{"$$s/3", "caught up"}, w.hear(w.follow("$$"+s, esdb.Start{}), "caught up"))
}

// Subscribers that start at any moment of a busy time see every event once, in
// order, across the change from reading to living.
func TestNothingIsLostOrDoubledGoingLive(t *testing.T) {
	w := start(t)
	from := w.anchor()
	const writers, each = 8, 150
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			for i := range each {
				if _, err := w.try(w.name(fmt.Sprint("w", n)), esdb.Any{}, event(n*each+i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 6 {
		wg.Go(func() { w.wantEach(w.followAll(esdb.SubscribeToAllOptions{From: from}), writers*each) })
	}
	for n := range writers {
		wg.Go(func() { w.wantEach(w.follow(w.name(fmt.Sprint("w", n)), esdb.Start{}), each) })
	}
	wg.Wait()
}

// wantEach receives so many of the test's events and wants every stream's in
// order without gap, and positions that only grow.
func (w *world) wantEach(sub *esdb.Subscription, count int) {
	next := map[string]uint64{}
	var last uint64
	for count > 0 {
		e := sub.Recv()
		if e.SubscriptionDropped != nil {
			w.Errorf("dropped: %v", e.SubscriptionDropped.Error)
			return
		}
		if e.EventAppeared == nil || !w.mine(e.EventAppeared.OriginalEvent().StreamID) {
			continue
		}
		o := e.EventAppeared.OriginalEvent()
		if o.EventNumber != next[o.StreamID] || o.Position.Commit <= last {
			w.Errorf("got %s at %d, want %d behind %d", where(o), o.Position.Commit, next[o.StreamID], last)
			return
		}
		next[o.StreamID]++
		last = o.Position.Commit
		count--
	}
}

// One call hears, in this order: that it is confirmed, what there was, that it
// has caught up, what is new, and why it ends.
func TestSubscriptionSpeaksInOrderAndSaysWhyItEnds(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, events(0, 2)...)
	var trailer metadata.MD
	call, err := w.stub().Read(w.ctx, request(s, subscribed), grpc.Trailer(&trailer))
	w.must(err)
	hear := func() string {
		m, err := call.Recv()
		switch {
		case err != nil:
			return status.Code(err).String()
		case m.GetConfirmation() != nil:
			return "confirmed"
		case m.GetCaughtUp() != nil:
			return "caught up"
		}
		return fmt.Sprint(m.GetEvent().GetEvent().GetStreamRevision())
	}
	w.same("at first", []string{"confirmed", "0", "1", "caught up"}, []string{hear(), hear(), hear(), hear()})
	w.append(s, esdb.Any{}, event(2))
	w.same("live", "2", hear())
	w.must(w.tombstone(s, esdb.Any{}))
	w.same("ended", []string{"9223372036854775807", "FailedPrecondition"}, []string{hear(), hear()})
	w.wantTrailers(trailer, map[string]string{"exception": "stream-deleted", "stream-name": s})
}

// Whoever starts behind the end waits for what comes behind that.
func TestSubscriptionFromBeyondTheEnd(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, events(0, 2)...)
	one := w.follow(s, esdb.Revision(3))
	w.same("stream", []string{"caught up"}, w.hear(one, "caught up"))
	all := w.followAll(esdb.SubscribeToAllOptions{From: past})
	w.same("$all", []string{"caught up"}, w.hear(all, "caught up"))
	w.append(s, esdb.Any{}, events(2, 3)...)
	w.same("stream", []string{"s/4"}, w.hear(one, "s/4"))
}
