package conformance

import (
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

func TestGroupExistsOrDoesNot(t *testing.T) {
	w := start(t)
	s, other := w.name("s"), w.name("other")
	w.group(s, esdb.Start{}, nil)
	o := esdb.PersistentStreamSubscriptionOptions{Settings: brisk(nil)}
	w.wantCode(w.client.CreatePersistentSubscription(w.ctx, s, w.crew(), o), esdb.ErrorCodeResourceAlreadyExists)
	w.wantCode(w.client.UpdatePersistentSubscription(w.ctx, s, other, o), esdb.ErrorCodeResourceNotFound)
	w.wantCode(w.client.DeletePersistentSubscription(w.ctx, s, other, esdb.DeletePersistentSubscriptionOptions{}), esdb.ErrorCodeResourceNotFound)
	w.wantCode(w.client.ReplayParkedMessages(w.ctx, s, other, esdb.ReplayParkedMessagesOptions{}), esdb.ErrorCodeResourceNotFound)
	_, err := w.client.SubscribeToPersistentSubscription(w.ctx, s, other, esdb.SubscribeToPersistentSubscriptionOptions{})
	w.wantCode(err, esdb.ErrorCodeResourceNotFound)
	_, err = w.client.GetPersistentSubscriptionInfo(w.ctx, s, other, esdb.GetPersistentSubscriptionOptions{})
	w.wantCode(err, esdb.ErrorCodeResourceNotFound)
	_, err = w.client.GetPersistentSubscriptionInfoToAll(w.ctx, w.crew(), esdb.GetPersistentSubscriptionOptions{})
	w.wantCode(err, esdb.ErrorCodeResourceNotFound)
	_, err = w.client.ListPersistentSubscriptionsForStream(w.ctx, other, esdb.ListPersistentSubscriptionsOptions{})
	w.wantCode(err, esdb.ErrorCodeResourceNotFound)
	// The same name on another stream is another group.
	w.must(w.client.CreatePersistentSubscription(w.ctx, other, w.crew(), o))
	w.must(w.client.DeletePersistentSubscription(w.ctx, other, w.crew(), esdb.DeletePersistentSubscriptionOptions{}))
	w.info(s)
}

// Clients tell refusals apart by the trailers.
func TestGroupRefusalsHaveTrailers(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.group(s, esdb.Start{}, func(o *groupSettings) { o.MaxSubscriberCount = 1 })
	w.consume(s, 10)
	stub := w.groups()
	ghost := w.name("ghost")
	create := &persistent.CreateReq{Options: &persistent.CreateReq_Options{
		StreamOption: &persistent.CreateReq_Options_Stream{Stream: &persistent.CreateReq_StreamOptions{StreamIdentifier: named(s), RevisionOption: &persistent.CreateReq_StreamOptions_Start{}}},
		GroupName:    w.crew(), Settings: groupDefaults()}}
	read := func(group string, o grpc.CallOption) error {
		call, err := stub.Read(w.ctx, o)
		w.must(err)
		w.must(call.Send(&persistent.ReadReq{Content: &persistent.ReadReq_Options_{Options: &persistent.ReadReq_Options{
			StreamOption: &persistent.ReadReq_Options_StreamIdentifier{StreamIdentifier: named(s)}, GroupName: group, BufferSize: 10,
			UuidOption: &persistent.ReadReq_Options_UUIDOption{Content: &persistent.ReadReq_Options_UUIDOption_Structured{Structured: &shared.Empty{}}},
		}}}))
		_, err = call.Recv()
		return err
	}
	cases := []struct {
		name, exception, group string
		code                   codes.Code
		call                   func(grpc.CallOption) error
	}{
		{"it exists", "persistent-subscription-exists", w.crew(), codes.AlreadyExists, func(o grpc.CallOption) error { _, err := stub.Create(w.ctx, create, o); return err }},
		{"nobody more may read", "maximum-subscribers-reached", w.crew(), codes.FailedPrecondition, func(o grpc.CallOption) error { return read(w.crew(), o) }},
		{"nothing to read", "persistent-subscription-does-not-exist", ghost, codes.NotFound, func(o grpc.CallOption) error { return read(ghost, o) }},
		{"nothing to delete", "persistent-subscription-does-not-exist", ghost, codes.NotFound, func(o grpc.CallOption) error {
			_, err := stub.Delete(w.ctx, &persistent.DeleteReq{Options: &persistent.DeleteReq_Options{StreamOption: &persistent.DeleteReq_Options_StreamIdentifier{StreamIdentifier: named(s)}, GroupName: ghost}}, o)
			return err
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := w.within(t)
			var trailer metadata.MD
			w.wantStatus(c.call(grpc.Trailer(&trailer)), c.code)
			w.wantTrailers(trailer, map[string]string{"exception": c.exception, "stream-name": s, "group-name": c.group})
		})
	}
}

func groupDefaults() *persistent.CreateReq_Settings {
	return &persistent.CreateReq_Settings{
		MessageTimeout: &persistent.CreateReq_Settings_MessageTimeoutMs{MessageTimeoutMs: 30_000}, CheckpointAfter: &persistent.CreateReq_Settings_CheckpointAfterMs{CheckpointAfterMs: 2000},
		MaxRetryCount: 10, MinCheckpointCount: 10, MaxCheckpointCount: 1000, LiveBufferSize: 500, ReadBatchSize: 20, HistoryBufferSize: 500, ConsumerStrategy: "RoundRobin",
	}
}

func TestDefaultSettingsAreEchoed(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.must(w.client.CreatePersistentSubscription(w.ctx, s, w.crew(), esdb.PersistentStreamSubscriptionOptions{StartFrom: esdb.Start{}}))
	want := esdb.SubscriptionSettingsDefault()
	want.StartFrom = esdb.Start{}
	if got := w.info(s).Settings; got.StartFrom == (esdb.Revision(0)) {
		want.StartFrom = esdb.Revision(0) // what the start is called differs
	}
	w.same("settings", &want, w.info(s).Settings)
	w.must(w.client.DeletePersistentSubscription(w.ctx, s, w.crew(), esdb.DeletePersistentSubscriptionOptions{}))
}

// The name of a group's accounts joins source and group with two colons.
func TestGroupNamesThatCouldBeReadInTwoWaysAreRefused(t *testing.T) {
	w := start(t)
	for _, name := range []string{"", "a::b", ":a"} {
		if err := w.client.CreatePersistentSubscription(w.ctx, w.name("s"), name, esdb.PersistentStreamSubscriptionOptions{Settings: brisk(nil)}); err == nil {
			t.Errorf("a group named %q", name)
		}
	}
}

// A timeout of zero, and names that only older clients use, are legal.
func TestUnusualSettings(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.group(s, esdb.Start{}, func(o *groupSettings) { o.MessageTimeout = 0 })
	w.same("timeout", int32(0), w.info(s).Settings.MessageTimeout)
	old := &persistent.CreateReq_Options{StreamIdentifier: named(w.name("old")), GroupName: w.crew(), Settings: groupDefaults()} //nolint:staticcheck // older clients send nothing else
	old.Settings.Revision, old.Settings.ConsumerStrategy = 1, ""                                                                 //nolint:staticcheck // the same
	_, err := w.groups().Create(w.ctx, &persistent.CreateReq{Options: old})
	w.must(err)
	w.append(w.name("old"), esdb.Any{}, events(0, 2)...)
	w.same("from one", []string{"old/1 try 0"}, w.takes(w.consume(w.name("old"), 5), 1, nil))
	w.must(w.client.DeletePersistentSubscription(w.ctx, w.name("old"), w.crew(), esdb.DeletePersistentSubscriptionOptions{}))
}

func TestMostConsumers(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.group(s, esdb.Start{}, func(o *groupSettings) { o.MaxSubscriberCount = 1 })
	first := w.consume(s, 10)
	if _, err := w.join(s, 10); err == nil {
		t.Fatal("a second consumer came in")
	}
	_ = first.Close()
	w.until("there is room again", func() bool { return len(w.info(s).Connections) == 0 })
	w.consume(s, 10)
}

func TestConsumersAreDroppedByAnUpdateAndByADelete(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.group(s, esdb.Start{}, nil)
	w.append(s, esdb.Any{}, events(0, 2)...)
	sub := w.consume(s, 10)
	w.takes(sub, 1, acking(sub))
	o := esdb.PersistentStreamSubscriptionOptions{StartFrom: esdb.Start{}, Settings: brisk(func(o *groupSettings) { o.MaxRetryCount = 7 })}
	w.must(w.client.UpdatePersistentSubscription(w.ctx, s, w.crew(), o))
	w.same("update", codes.Canceled, w.dropped(sub))
	w.same("updated", int32(7), w.info(s).Settings.MaxRetryCount)

	sub = w.consume(s, 10)
	w.next(sub)
	w.must(w.client.DeletePersistentSubscription(w.ctx, s, w.crew(), esdb.DeletePersistentSubscriptionOptions{}))
	w.same("delete", codes.NotFound, w.dropped(sub))
}

// A restart of the subsystem touches all groups, so only ours are restarted.
func TestRestartOfTheSubsystemKeepsTheAccount(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.group(s, esdb.Start{}, nil)
	w.append(s, esdb.Any{}, events(0, 3)...)
	sub := w.consume(s, 1)
	w.takes(sub, 1, acking(sub))
	w.takes(sub, 1, nacking(sub, esdb.NackActionPark))
	w.untilParked(s, 1)
	w.untilCheckpoint(s, 1)
	w.must(w.client.RestartPersistentSubscriptionSubsystem(w.ctx, esdb.RestartPersistentSubscriptionSubsystemOptions{}))
	w.same("restart", codes.Canceled, w.dropped(sub))
	w.untilParked(s, 1)
	w.same("goes on", []string{"s/2 try 0"}, w.takes(w.consume(s, 10), 1, nil))
}

func TestGroupThatIsCreatedAgainBeginsAnew(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, events(0, 2)...)
	w.group(s, esdb.Start{}, nil)
	sub := w.consume(s, 1)
	w.takes(sub, 1, acking(sub))
	w.takes(sub, 1, nacking(sub, esdb.NackActionPark))
	w.untilParked(s, 1)
	w.must(w.client.DeletePersistentSubscription(w.ctx, s, w.crew(), esdb.DeletePersistentSubscriptionOptions{}))
	w.group(s, esdb.Start{}, nil)
	w.untilParked(s, 0)
	w.same("anew", []string{"s/0 try 0", "s/1 try 0"}, w.takes(w.consume(s, 10), 2, nil))
}

func TestInfoAndLists(t *testing.T) {
	w := start(t)
	s := w.name("s")
	change := func(o *groupSettings) {
		o.ConsumerStrategyName, o.ExtraStatistics, o.CheckpointLowerBound = esdb.ConsumerStrategyPinned, true, 3 // as many as are acknowledged, so the last counts
	}
	w.group(s, esdb.Revision(1), change)
	if i := w.info(s); i.Stats.LastCheckpointedEventRevision != nil || i.Stats.LastKnownEventRevision != nil {
		t.Errorf("positions out of nothing: %+v", i.Stats)
	}
	w.append(s, esdb.Any{}, events(0, 5)...)
	sub := w.consume(s, 10)
	w.takes(sub, 3, acking(sub))
	w.untilCheckpoint(s, 3)
	of, err := w.client.ListPersistentSubscriptionsForStream(w.ctx, s, esdb.ListPersistentSubscriptionsOptions{})
	if err != nil || len(of) != 1 {
		t.Fatal(of, err)
	}
	i := of[0]
	want := brisk(change)
	want.StartFrom = esdb.Revision(1)
	w.same("settings", want, i.Settings)
	w.same("identity", []string{s, w.crew()}, []string{i.EventSource, i.GroupName})
	w.same("last known", uint64(4), *i.Stats.LastKnownEventRevision)
	if i.Stats.TotalItems != 4 || len(i.Connections) != 1 || len(i.Connections[0].ExtraStatistics) == 0 || i.Status == "" {
		t.Errorf("%+v %+v", i.Stats, i.Connections)
	}
	all, err := w.client.ListAllPersistentSubscriptions(w.ctx, esdb.ListPersistentSubscriptionsOptions{})
	w.must(err)
	found := 0
	for _, i := range all {
		if i.GroupName == w.crew() && i.EventSource == s {
			found++
		}
	}
	w.same("in the list of all", 1, found)
}
