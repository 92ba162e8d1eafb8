package logserver_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/reeve-platform/reeve/internal/logserver"
)

// A start that is moved later passes over nothing that was owed.
func TestUpdateOwesWhatWasOwed(t *testing.T) {
	for name, from := range map[string]esdb.StreamPosition{"to the end": esdb.End{}, "to a revision": esdb.Revision(8), "to the start": esdb.Start{}} {
		t.Run(name, func(t *testing.T) {
			w := start(t, t.TempDir())
			w.append("s", esdb.Any{}, events(0, 10)...)
			w.group("s", esdb.Start{}, nil)
			sub := w.consume("s", 1)
			w.takes(sub, 3, acking(sub))
			w.untilCheckpoint("s", 2)
			_ = sub.Close()
			o := esdb.PersistentStreamSubscriptionOptions{StartFrom: from, Settings: brisk(nil)}
			if err := w.client.UpdatePersistentSubscription(w.ctx, "s", groupName, o); err != nil {
				t.Fatal(err)
			}
			w.wantSame("next", []string{"s/3 try 0", "s/4 try 0"}, w.takes(w.consume("s", 10), 2, nil))
		})
	}
}

// A repetition that arrives after its stream was deleted is still one.
func TestRepetitionAfterADelete(t *testing.T) {
	w := start(t, t.TempDir())
	first := w.append("s", esdb.NoStream{}, event(1), event(2))
	if _, err := w.client.DeleteStream(w.ctx, "s", esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	head := w.server.Head()
	again := w.append("s", esdb.NoStream{}, event(1), event(2))
	if again.CommitPosition != first.CommitPosition || again.NextExpectedVersion != first.NextExpectedVersion || w.server.Head() != head {
		t.Errorf("%+v after %+v; the head went from %d to %d", again, first, head, w.server.Head())
	}
	if _, err := w.readWith("s", esdb.ReadStreamOptions{From: esdb.Start{}}, math.MaxUint64); err == nil {
		t.Error("the stream is there again")
	}
	if other := w.append("s", esdb.NoStream{}, event(3)); other.NextExpectedVersion != 2 {
		t.Errorf("something new became %+v", other)
	}
}

func TestNamesHaveABound(t *testing.T) {
	w := start(t, t.TempDir())
	long, most := strings.Repeat("x", 4097), strings.Repeat("y", 4096)
	call, err := w.stub().Append(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	o := options("x", false)
	o.GetOptions().StreamIdentifier.StreamName = []byte(long)
	o.GetOptions().ExpectedStreamRevision = &streams.AppendReq_Options_Any{Any: &shared.Empty{}}
	if err := call.Send(o); err != nil {
		t.Fatal(err)
	}
	_, err = call.CloseAndRecv()
	wantStatus(t, err, codes.InvalidArgument)
	if _, err := w.readWith(long, esdb.ReadStreamOptions{From: esdb.Start{}}, 1); err == nil {
		t.Error("a long name can be read")
	}
	if err := w.client.CreatePersistentSubscription(w.ctx, long, groupName, esdb.PersistentStreamSubscriptionOptions{}); err == nil {
		t.Error("a long name can have a group")
	}
	w.append(most, esdb.NoStream{}, event(1))
}

// Strangers are heard out a few at a time, so that they cannot fill the memory.
func TestFewStrangersAreHeardAtOnce(t *testing.T) {
	f := fortify(t, nil)
	stub := streams.NewStreamsClient(f.conn)
	_, most := logserver.Heard()
	for range most {
		if _, err := stub.Append(f.ctx); err != nil {
			t.Fatal(err)
		}
	}
	f.until("all places are taken", func() bool { now, _ := logserver.Heard(); return now == most })
	one, err := stub.Append(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	err = one.RecvMsg(&streams.AppendResp{}) // it has not said anything yet
	wantStatus(t, err, codes.PermissionDenied)
}

// One who is sent nothing but checkpoints and does not read is dropped, too.
func TestStalledOnCheckpoints(t *testing.T) {
	s := serveWith(t, logserver.Options{Dir: t.TempDir(), Addr: "127.0.0.1:0", StallTimeout: 200 * time.Millisecond})
	w := &world{T: t, ctx: t.Context(), server: s, client: connect(t, s.URL())}
	for n := range 100 {
		w.append("s", esdb.Any{}, events(n*1000, 1000)...)
	}
	_, err := w.stub().Read(w.ctx, request(func(o *streams.ReadReq_Options) {
		ofAll(o)
		o.GetAll().AllOption = &streams.ReadReq_Options_AllOptions_Start{}
		o.CountOption = &streams.ReadReq_Options_Subscription{}
		o.FilterOption = &streams.ReadReq_Options_Filter{Filter: &streams.ReadReq_Options_FilterOptions{
			Filter: &streams.ReadReq_Options_FilterOptions_StreamIdentifier{
				StreamIdentifier: &streams.ReadReq_Options_FilterOptions_Expression{Prefix: []string{"nothing"}}},
			Window: &streams.ReadReq_Options_FilterOptions_Max{Max: 1}, CheckpointIntervalMultiplier: 1}}
	}))
	if err != nil {
		t.Fatal(err)
	}
	w.until("it is there", func() bool { return s.Stats().Subscribers == 1 })
	w.until("it is dropped", func() bool { return s.Stats().Subscribers == 0 })
}

// Whoever watches the health does not hold up the end.
func TestCloseEndsHealthWatchers(t *testing.T) {
	s, err := logserver.Open(logserver.Options{Dir: t.TempDir(), Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve() }()
	w := &world{T: t, ctx: t.Context(), server: s}
	watch, err := grpc_health_v1.NewHealthClient(w.plain()).Watch(w.ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := watch.Recv(); err != nil || r.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Fatal(r, err)
	}
	done := make(chan error)
	go func() { done <- s.Close() }()
	for { // it may hear of the end before it is ended
		if _, err := watch.Recv(); err != nil {
			break
		}
	}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(4 * time.Second): // what calls under way are given
		t.Error("the watcher held up the end")
		<-done
	}
}

// A metastream has no metadata, whatever is written to the place of it.
func TestAMetastreamIsNotDescribed(t *testing.T) {
	w := start(t, t.TempDir())
	w.append("x", esdb.NoStream{}, event(1))
	w.append("$$x", esdb.Any{}, esdb.EventData{EventType: "$metadata", ContentType: esdb.ContentTypeJson, Data: []byte("{}")})
	w.append("$$$$x", esdb.Any{}, esdb.EventData{EventType: "$metadata", ContentType: esdb.ContentTypeJson, Data: []byte(`{"$tb":9223372036854775807}`)})
	w.append("$$x", esdb.StreamExists{}, esdb.EventData{EventType: "$metadata", ContentType: esdb.ContentTypeJson, Data: []byte("{}")})
}
