package conformance

import (
	"fmt"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type groupSettings = esdb.PersistentSubscriptionSettings

// brisk settings make a group write its checkpoint and lose patience quickly.
func brisk(change func(*groupSettings)) *groupSettings {
	s := esdb.SubscriptionSettingsDefault()
	s.CheckpointAfter, s.CheckpointLowerBound = 1, 1
	if change != nil {
		change(&s)
	}
	return &s
}

// crew is what the group of this test is called, whatever its source.
func (w *world) crew() string { return w.name("crew") }

func (w *world) group(stream string, from esdb.StreamPosition, change func(*groupSettings)) {
	w.Helper()
	w.must(w.client.CreatePersistentSubscription(w.ctx, stream, w.crew(), esdb.PersistentStreamSubscriptionOptions{StartFrom: from, Settings: brisk(change)}))
	w.Cleanup(func() { // tests may have deleted it themselves
		_ = w.client.DeletePersistentSubscription(w.ctx, stream, w.crew(), esdb.DeletePersistentSubscriptionOptions{})
	})
}

func (w *world) groupOfAll(o esdb.PersistentAllSubscriptionOptions) {
	w.Helper()
	if o.Settings == nil {
		o.Settings = brisk(nil)
	}
	w.must(w.client.CreatePersistentSubscriptionToAll(w.ctx, w.crew(), o))
	w.Cleanup(func() {
		_ = w.client.DeletePersistentSubscriptionToAll(w.ctx, w.crew(), esdb.DeletePersistentSubscriptionOptions{})
	})
}

func (w *world) join(stream string, buffer uint32) (*esdb.PersistentSubscription, error) {
	o := esdb.SubscribeToPersistentSubscriptionOptions{BufferSize: buffer}
	if stream == "$all" {
		return w.client.SubscribeToPersistentSubscriptionToAll(w.ctx, w.crew(), o)
	}
	return w.client.SubscribeToPersistentSubscription(w.ctx, stream, w.crew(), o)
}

func (w *world) consume(stream string, buffer uint32) *esdb.PersistentSubscription {
	w.Helper()
	sub, err := w.join(stream, buffer)
	w.must(err)
	w.Cleanup(func() { _ = sub.Close() })
	return sub
}

// next is what a consumer gets of this test's events. Others are acknowledged.
func (w *world) next(sub *esdb.PersistentSubscription) *esdb.EventAppeared {
	w.Helper()
	for {
		e := sub.Recv()
		if e.EventAppeared == nil {
			w.Fatalf("dropped: %v", e.SubscriptionDropped.Error)
		}
		if o := e.EventAppeared.Event.OriginalEvent(); w.mine(o.StreamID) {
			return e.EventAppeared
		}
		w.must(sub.Ack(e.EventAppeared.Event))
	}
}

// told is an event and how often it was tried before.
func told(e *esdb.EventAppeared) string {
	o := e.Event.Event
	if o == nil {
		o = e.Event.Link
	}
	return fmt.Sprintf("%s try %d", where(o), e.RetryCount)
}

// takes receives so many events, does something with each, and describes them.
func (w *world) takes(sub *esdb.PersistentSubscription, count int, do func(*esdb.EventAppeared) error) (all []string) {
	w.Helper()
	for range count {
		e := w.next(sub)
		all = append(all, told(e))
		if do != nil {
			w.must(do(e))
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
		i, err = w.client.GetPersistentSubscriptionInfoToAll(w.ctx, w.crew(), esdb.GetPersistentSubscriptionOptions{})
	} else {
		i, err = w.client.GetPersistentSubscriptionInfo(w.ctx, stream, w.crew(), esdb.GetPersistentSubscriptionOptions{})
	}
	w.must(err)
	return i
}

func (w *world) replay(stream string, stop int) {
	w.Helper()
	o := esdb.ReplayParkedMessagesOptions{StopAt: stop}
	if stream == "$all" {
		w.must(w.client.ReplayParkedMessagesToAll(w.ctx, w.crew(), o))
		return
	}
	w.must(w.client.ReplayParkedMessages(w.ctx, stream, w.crew(), o))
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

// dropped waits for the end of a consumer and returns its status code.
func (w *world) dropped(sub *esdb.PersistentSubscription) codes.Code {
	for {
		if e := sub.Recv(); e.SubscriptionDropped != nil {
			return status.Code(e.SubscriptionDropped.Error)
		}
	}
}

func (w *world) groups() persistent.PersistentSubscriptionsClient {
	return persistent.NewPersistentSubscriptionsClient(w.conn())
}
