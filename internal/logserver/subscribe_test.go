package logserver_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/reeve-platform/reeve/internal/logserver"
)

func shortly(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// hear describes what a subscription says, one word per message, until a word.
func hear(sub *esdb.Subscription, until string) (said []string) {
	for {
		said = append(said, word(sub.Recv()))
		if last := said[len(said)-1]; last == until || last == "dropped" {
			return said
		}
	}
}

func word(e *esdb.SubscriptionEvent) string {
	switch {
	case e.EventAppeared != nil:
		o := e.EventAppeared.OriginalEvent()
		return fmt.Sprintf("%s/%d", o.StreamID, o.EventNumber)
	case e.CheckPointReached != nil:
		return fmt.Sprintf("checkpoint %d", e.CheckPointReached.Commit)
	case e.CaughtUp != nil:
		return "caught up"
	}
	return "dropped"
}

func (w *world) follow(stream string, from esdb.StreamPosition) *esdb.Subscription {
	w.Helper()
	sub, err := w.client.SubscribeToStream(w.ctx, stream, esdb.SubscribeToStreamOptions{From: from})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = sub.Close() })
	return sub
}

func (w *world) followAll(o esdb.SubscribeToAllOptions) *esdb.Subscription {
	w.Helper()
	sub, err := w.client.SubscribeToAll(w.ctx, o)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = sub.Close() })
	return sub
}

func TestSubscribeToAll(t *testing.T) {
	w := start(t, t.TempDir())
	w.append("a", esdb.Any{}, events(0, 2)...)
	w.describe("a", func(m *esdb.StreamMetadata) { m.SetMaxCount(1) })
	w.append("b", esdb.Any{}, event(0))
	prefix := func(p ...string) *esdb.SubscriptionFilter {
		return &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Prefixes: p}
	}
	cases := []struct {
		name string
		o    esdb.SubscribeToAllOptions
		want []string
	}{
		{"everything", esdb.SubscribeToAllOptions{From: esdb.Start{}}, []string{"a/0", "a/1", "$$a/0", "b/0", "caught up"}},
		{"after a position", esdb.SubscribeToAllOptions{From: esdb.Position{Commit: 3, Prepare: 3}}, []string{"b/0", "caught up"}},
		{"from the end", esdb.SubscribeToAllOptions{From: esdb.End{}}, []string{"caught up"}},
		{"streams by prefix", esdb.SubscribeToAllOptions{From: esdb.Start{}, Filter: prefix("b", "$$")}, []string{"$$a/0", "b/0", "checkpoint 4", "caught up"}},
		{"streams by expression", esdb.SubscribeToAllOptions{From: esdb.Start{}, Filter: &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Regex: "a"}}, []string{"a/0", "a/1", "$$a/0", "checkpoint 4", "caught up"}},
		{"types by prefix", esdb.SubscribeToAllOptions{From: esdb.Start{}, Filter: &esdb.SubscriptionFilter{Type: esdb.EventFilterType, Prefixes: []string{"$meta"}}}, []string{"$$a/0", "checkpoint 4", "caught up"}},
		{"without system events", esdb.SubscribeToAllOptions{From: esdb.Start{}, Filter: esdb.ExcludeSystemEventsFilter()}, []string{"a/0", "a/1", "b/0", "checkpoint 4", "caught up"}},
		{"no match", esdb.SubscribeToAllOptions{From: esdb.Start{}, Filter: prefix("x"), MaxSearchWindow: 3}, []string{"checkpoint 3", "checkpoint 4", "caught up"}},
		{"checkpoint each two", esdb.SubscribeToAllOptions{From: esdb.Start{}, Filter: prefix("a"), MaxSearchWindow: 1, CheckpointInterval: 2}, []string{"a/0", "a/1", "checkpoint 2", "checkpoint 4", "caught up"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, hear(w.followAll(c.o), "caught up")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Who does not read for too long is dropped, so that it holds nothing for ever.
func TestStalledSubscriberIsDropped(t *testing.T) {
	s, err := logserver.Open(logserver.Options{Dir: t.TempDir(), Addr: "127.0.0.1:0", StallTimeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve() }()
	w := &world{T: t, ctx: shortly(t, patience), server: s, client: connect(t, s.URL())}
	defer s.Close()
	idle := w.follow("quiet", esdb.Start{})
	stalled := w.follow("s", esdb.Start{})
	for n := range 40 {
		e := event(n)
		e.Data, e.ContentType = bytes.Repeat([]byte("x"), 100<<10), esdb.ContentTypeBinary
		w.append("s", esdb.Any{}, e)
	}
	w.until("the drop", func() bool { return s.Stats().Subscribers == 1 })
	count, err := 0, error(nil)
	for ; err == nil; count++ {
		if dropped := stalled.Recv().SubscriptionDropped; dropped != nil {
			err = dropped.Error
		}
	}
	wantStatus(t, err, codes.ResourceExhausted)
	if count == 42 {
		t.Error("everything was sent")
	}
	w.append("quiet", esdb.Any{}, event(1))
	if diff := cmp.Diff([]string{"caught up", "quiet/0"}, hear(idle, "quiet/0")); diff != "" {
		t.Error(diff)
	}
}

func TestCloseEndsSubscriptions(t *testing.T) {
	w := start(t, t.TempDir())
	sub := w.followAll(esdb.SubscribeToAllOptions{})
	hear(sub, "caught up")
	if n := w.server.Stats().Subscribers; n != 1 {
		t.Errorf("%d subscribers", n)
	}
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	dropped := sub.Recv().SubscriptionDropped
	if dropped == nil {
		t.Fatal("still subscribed")
	}
	wantStatus(t, dropped.Error, codes.Unavailable)
}
