package conformance

import (
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc/codes"
)

func TestGroupOfAllWithAFilter(t *testing.T) {
	w := start(t)
	from := w.anchor()
	w.groupOfAll(esdb.PersistentAllSubscriptionOptions{StartFrom: from, Filter: byStream(w.name("a"))})
	sub := w.consume("$all", 10)
	w.append(w.name("b"), esdb.Any{}, events(0, 40)...)
	w.append(w.name("a"), esdb.Any{}, events(0, 2)...)
	w.same("", []string{"a/0 try 0", "a/1 try 0"}, w.takes(sub, 2, nacking(sub, esdb.NackActionPark)))
	w.untilParked("$all", 2)
	w.until("checkpoint", func() bool {
		i := w.info("$all")
		return i.Stats.LastCheckpointedPosition != nil && i.Stats.LastKnownPosition != nil
	})
	if got, ok := w.info("$all").Settings.StartFrom.(*esdb.Position); !ok || *got != from {
		t.Errorf("starts from %v, want %v", got, from)
	}
	w.replay("$all", 0)
	w.same("replayed", []string{"a/0 try 0", "a/1 try 0"}, w.takes(sub, 2, acking(sub)))
}

// A filter that chooses everything does not make a group feed on what it writes
// itself: its checkpoints and its parked events.
func TestGroupOfAllNeverGetsItsOwnAccount(t *testing.T) {
	w := start(t)
	w.groupOfAll(esdb.PersistentAllSubscriptionOptions{StartFrom: w.anchor(), Filter: byStreamLike(".*")})
	sub := w.consume("$all", 10)
	w.append(w.name("s"), esdb.Any{}, events(0, 5)...)
	end := w.name("end")
	written := false
	for {
		e := sub.Recv()
		if e.SubscriptionDropped != nil {
			t.Fatal(e.SubscriptionDropped.Error)
		}
		if e.EventAppeared == nil {
			continue
		}
		o := e.EventAppeared.Event.OriginalEvent()
		if strings.HasPrefix(o.StreamID, "$persistentsubscription-$all::") {
			t.Fatalf("got %s", where(o))
		}
		switch {
		case o.StreamID == end:
			return
		case w.mine(o.StreamID) && strings.HasPrefix(o.StreamID, "s"):
			w.must(sub.Nack("", esdb.NackActionPark, e.EventAppeared.Event))
		default:
			w.must(sub.Ack(e.EventAppeared.Event))
		}
		if o.StreamID == w.name("s") && o.EventNumber == 4 && !written {
			written = true
			w.untilParked("$all", 5) // so the accounts are in $all before the end
			w.until("a checkpoint", func() bool { return w.info("$all").Stats.LastCheckpointedPosition != nil })
			w.append(end, esdb.Any{}, event(0))
		}
	}
}

// The Go client creates groups with a multiplier of zero, which a subscription
// would be refused for.
func TestGroupOfAllAcceptsAMultiplierOfZero(t *testing.T) {
	w := start(t)
	filter := &persistent.CreateReq_AllOptions_FilterOptions{
		Filter: &persistent.CreateReq_AllOptions_FilterOptions_EventType{EventType: &persistent.CreateReq_AllOptions_FilterOptions_Expression{Prefix: []string{"Counted"}}},
		Window: &persistent.CreateReq_AllOptions_FilterOptions_Count{Count: &shared.Empty{}}}
	_, err := w.groups().Create(w.ctx, &persistent.CreateReq{Options: &persistent.CreateReq_Options{
		StreamOption: &persistent.CreateReq_Options_All{All: &persistent.CreateReq_AllOptions{
			AllOption: &persistent.CreateReq_AllOptions_End{}, FilterOption: &persistent.CreateReq_AllOptions_Filter{Filter: filter}}},
		GroupName: w.crew(), Settings: groupDefaults()}})
	w.must(err)
	w.must(w.client.DeletePersistentSubscriptionToAll(w.ctx, w.crew(), esdb.DeletePersistentSubscriptionOptions{}))
}

// What can be done with groups of streams can be done with those of $all.
func TestGroupOfAllIsManaged(t *testing.T) {
	w := start(t)
	from := w.anchor()
	w.groupOfAll(esdb.PersistentAllSubscriptionOptions{StartFrom: from})
	err := w.client.CreatePersistentSubscriptionToAll(w.ctx, w.crew(), esdb.PersistentAllSubscriptionOptions{Settings: brisk(nil)})
	w.wantCode(err, esdb.ErrorCodeResourceAlreadyExists)
	all, err := w.client.ListPersistentSubscriptionsToAll(w.ctx, esdb.ListPersistentSubscriptionsOptions{})
	w.must(err)
	found := 0
	for _, i := range all {
		w.same("source", "$all", i.EventSource)
		if i.GroupName == w.crew() {
			found++
		}
	}
	w.same("listed", 1, found)
	sub := w.consume("$all", 10)
	w.must(w.client.UpdatePersistentSubscriptionToAll(w.ctx, w.crew(), esdb.PersistentAllSubscriptionOptions{
		StartFrom: from, Settings: brisk(func(o *groupSettings) { o.MaxRetryCount = 7 })}))
	w.same("update", codes.Canceled, w.dropped(sub))
	w.same("updated", int32(7), w.info("$all").Settings.MaxRetryCount)
	sub = w.consume("$all", 10)
	w.must(w.client.DeletePersistentSubscriptionToAll(w.ctx, w.crew(), esdb.DeletePersistentSubscriptionOptions{}))
	w.same("delete", codes.NotFound, w.dropped(sub))
	err = w.client.DeletePersistentSubscriptionToAll(w.ctx, w.crew(), esdb.DeletePersistentSubscriptionOptions{})
	w.wantCode(err, esdb.ErrorCodeResourceNotFound)
}
