package logserver_test

import (
	"fmt"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/go-cmp/cmp"
)

const groupName = "workers"

// brisk settings make a group write its checkpoint and lose patience quickly.
func brisk(change func(*esdb.PersistentSubscriptionSettings)) *esdb.PersistentSubscriptionSettings {
	s := esdb.SubscriptionSettingsDefault()
	s.CheckpointAfter, s.CheckpointLowerBound = 1, 1
	if change != nil {
		change(&s)
	}
	return &s
}

func (w *world) group(stream string, from esdb.StreamPosition, change func(*esdb.PersistentSubscriptionSettings)) {
	w.Helper()
	o := esdb.PersistentStreamSubscriptionOptions{StartFrom: from, Settings: brisk(change)}
	if err := w.client.CreatePersistentSubscription(w.ctx, stream, groupName, o); err != nil {
		w.Fatal(err)
	}
}

func (w *world) groupOfAll(o esdb.PersistentAllSubscriptionOptions) {
	w.Helper()
	if o.Settings == nil {
		o.Settings = brisk(nil)
	}
	if err := w.client.CreatePersistentSubscriptionToAll(w.ctx, groupName, o); err != nil {
		w.Fatal(err)
	}
}

func (w *world) consume(stream string, buffer uint32) *esdb.PersistentSubscription {
	w.Helper()
	o := esdb.SubscribeToPersistentSubscriptionOptions{BufferSize: buffer}
	var sub *esdb.PersistentSubscription
	var err error
	if stream == "$all" {
		sub, err = w.client.SubscribeToPersistentSubscriptionToAll(w.ctx, groupName, o)
	} else {
		sub, err = w.client.SubscribeToPersistentSubscription(w.ctx, stream, groupName, o)
	}
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = sub.Close() })
	return sub
}

// next is what a consumer gets, or the reason it gets no more.
func (w *world) next(sub *esdb.PersistentSubscription) *esdb.EventAppeared {
	w.Helper()
	e := sub.Recv()
	if e.EventAppeared == nil {
		w.Fatalf("dropped: %v", e.SubscriptionDropped.Error)
	}
	return e.EventAppeared
}

// told is an event and how often it was tried before.
func told(e *esdb.EventAppeared) string {
	o := e.Event.Event
	if o == nil {
		o = e.Event.Link
	}
	return fmt.Sprintf("%s/%d try %d", o.StreamID, o.EventNumber, e.RetryCount)
}

// takes receives so many events, does something with each, and describes them.
func (w *world) takes(sub *esdb.PersistentSubscription, count int, do func(*esdb.EventAppeared) error) (all []string) {
	w.Helper()
	for range count {
		e := w.next(sub)
		all = append(all, told(e))
		if do == nil {
			continue
		}
		if err := do(e); err != nil {
			w.Fatal(err)
		}
	}
	return all
}

func acking(sub *esdb.PersistentSubscription) func(*esdb.EventAppeared) error {
	return func(e *esdb.EventAppeared) error { return sub.Ack(e.Event) }
}

func nacking(sub *esdb.PersistentSubscription, a esdb.NackAction) func(*esdb.EventAppeared) error {
	return func(e *esdb.EventAppeared) error { return sub.Nack("because", a, e.Event) }
}

func (w *world) info(stream string) *esdb.PersistentSubscriptionInfo {
	w.Helper()
	var i *esdb.PersistentSubscriptionInfo
	var err error
	if stream == "$all" {
		i, err = w.client.GetPersistentSubscriptionInfoToAll(w.ctx, groupName, esdb.GetPersistentSubscriptionOptions{})
	} else {
		i, err = w.client.GetPersistentSubscriptionInfo(w.ctx, stream, groupName, esdb.GetPersistentSubscriptionOptions{})
	}
	if err != nil {
		w.Fatal(err)
	}
	return i
}

func (w *world) untilParked(stream string, count int64) {
	w.Helper()
	w.until(fmt.Sprint(count, " parked"), func() bool { return w.info(stream).Stats.ParkedMessagesCount == count })
}

func (w *world) untilCheckpoint(stream string, revision uint64) {
	w.Helper()
	w.until(fmt.Sprint("checkpoint ", revision), func() bool {
		at := w.info(stream).Stats.LastCheckpointedEventRevision
		return at != nil && *at == revision
	})
}

func (w *world) wantSame(what string, want, got any) {
	w.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.Fatal(what, diff)
	}
}
