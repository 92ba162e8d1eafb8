package logserver

import (
	"context"
	"errors"
	"testing"
	"time"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// A consumer that leaves what it was sent unread is dropped, and what it held
// goes to another.
func TestStalledConsumerIsDropped(t *testing.T) {
	s, err := openOn(vfs.Default, Options{Dir: t.TempDir(), Addr: "127.0.0.1:0", StallTimeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() { result <- s.Serve() }()
	defer func() {
		if err := errors.Join(s.Close(), <-result); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client := func() api.PersistentSubscriptionsClient {
		conn, err := grpc.NewClient(s.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return api.NewPersistentSubscriptionsClient(conn)
	}
	k := groupKey{Stream: "s", Group: "g"}
	config := groupConfig{groupKey: k, Strategy: "RoundRobin", HistoryBufferSize: 100, ReadBatchSize: 20, MaxRetryCount: 10}
	if _, err := client().Create(ctx, stored(config)); err != nil {
		t.Fatal(err)
	}
	const total = 40
	for n := range total {
		if err := s.journal.note("s", content{id: uuid.UUID{1, byte(n)}, kind: "T", data: make([]byte, 100<<10)}); err != nil {
			t.Fatal(err)
		}
	}
	asleep := consume(t, ctx, client(), k, total)
	var seats int
	r := s.groups.find(k)
	waitFor(t, func() bool { r.askNow(func() { seats = len(r.seats) }); return seats == 0 })
	awake := consume(t, ctx, client(), k, total)
	for range total {
		if e := receive(t, awake); e.GetRetryCount() == 0 {
			t.Errorf("%d was never with the other", e.GetEvent().GetStreamRevision())
		}
	}
	for err = nil; err == nil; {
		_, err = asleep.Recv()
	}
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("dropped with %v", err)
	}
}
