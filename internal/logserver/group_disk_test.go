package logserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// While the disk is full a group goes on sending, and what its consumer wants
// parked waits until there is room: it is neither dropped nor passed over.
func TestParkingWaitsForRoomOnTheDisk(t *testing.T) {
	disk := &sickDisk{FS: vfs.Default}
	s, result := served(t, t.TempDir(), disk)
	defer func() {
		if err := errors.Join(s.Close(), <-result); err != nil {
			t.Error(err)
		}
	}()
	k := groupKey{Stream: "s", Group: "g"}
	config := groupConfig{groupKey: k, Strategy: "RoundRobin", HistoryBufferSize: 10, ReadBatchSize: 5}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := grpc.NewClient(s.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	client := api.NewPersistentSubscriptionsClient(conn)
	if _, err := client.Create(ctx, stored(config)); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		if o, err := submitOne(s, int64(n)-1); err != nil || o.err != nil {
			t.Fatal(o, err)
		}
	}
	disk.full.Store(true)
	waitFor(t, func() bool { return s.Stats().DiskFull })
	other := config
	other.Group = "h"
	if _, err := client.Create(ctx, stored(other)); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("creating a group on a full disk: %v", err)
	}
	call := consume(t, ctx, client, k, 1)
	event := receive(t, call)
	park := &api.ReadReq_Nack{Ids: []*shared.UUID{event.GetEvent().GetId()}, Action: api.ReadReq_Nack_Park}
	if err := call.Send(&api.ReadReq{Content: &api.ReadReq_Nack_{Nack: park}}); err != nil {
		t.Fatal(err)
	}
	if next := receive(t, call); next.GetEvent().GetStreamRevision() != 1 {
		t.Errorf("then came %v", next)
	}
	parked := func() int64 {
		i, err := client.GetInfo(ctx, &api.GetInfoReq{Options: &api.GetInfoReq_Options{
			StreamOption: &api.GetInfoReq_Options_StreamIdentifier{StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte("s")}}, GroupName: "g"}})
		if err != nil {
			t.Fatal(err)
		}
		return i.GetSubscriptionInfo().GetParkedMessageCount()
	}
	if n := parked(); n != 0 {
		t.Errorf("%d parked on a full disk", n)
	}
	disk.full.Store(false)
	waitFor(t, func() bool { return parked() == 1 })
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("still waiting")
		}
	}
}

// stored is the request that creates a group as configured.
func stored(c groupConfig) *api.CreateReq {
	id := &shared.StreamIdentifier{StreamName: []byte(c.Stream)}
	return &api.CreateReq{Options: &api.CreateReq_Options{
		GroupName: c.Group,
		StreamOption: &api.CreateReq_Options_Stream{Stream: &api.CreateReq_StreamOptions{
			StreamIdentifier: id, RevisionOption: &api.CreateReq_StreamOptions_Start{Start: empty}}},
		Settings: &api.CreateReq_Settings{
			ConsumerStrategy: string(c.Strategy), MaxRetryCount: c.MaxRetryCount,
			HistoryBufferSize: c.HistoryBufferSize, ReadBatchSize: c.ReadBatchSize}}}
}

func consume(t *testing.T, ctx context.Context, client api.PersistentSubscriptionsClient, k groupKey, buffer int32) api.PersistentSubscriptions_ReadClient {
	t.Helper()
	call, err := client.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	options := &api.ReadReq_Options{
		StreamOption: &api.ReadReq_Options_StreamIdentifier{StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(k.Stream)}},
		GroupName:    k.Group, BufferSize: buffer,
		UuidOption: &api.ReadReq_Options_UUIDOption{Content: &api.ReadReq_Options_UUIDOption_Structured{Structured: empty}},
	}
	if err := call.Send(&api.ReadReq{Content: &api.ReadReq_Options_{Options: options}}); err != nil {
		t.Fatal(err)
	}
	confirmed, err := call.Recv()
	if err != nil || confirmed.GetSubscriptionConfirmation().GetSubscriptionId() != k.String() {
		t.Fatal(confirmed, err)
	}
	return call
}

func receive(t *testing.T, call api.PersistentSubscriptions_ReadClient) *api.ReadResp_ReadEvent {
	t.Helper()
	answer, err := call.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if _, set := answer.GetEvent().GetCount().(*api.ReadResp_ReadEvent_RetryCount); !set {
		t.Error("no retry count")
	}
	return answer.GetEvent()
}

// A configuration that somebody else wrote over is passed by.
func TestForeignConfigurationIsPassedBy(t *testing.T) {
	dir := t.TempDir()
	s, result := served(t, dir, vfs.Default)
	catalog := s.groups
	config := groupConfig{groupKey: groupKey{Stream: "s", Group: "g"}, Strategy: "Pinned"}
	if err := catalog.create(config); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if err := s.journal.note(groupsStream, content{id: [16]byte{1, byte(n)}, kind: "Other", data: fmt.Append(nil, n)}); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := catalog.configured(); err != nil || len(found) != 1 || found[0].groupKey != config.groupKey {
		t.Errorf("%+v, %v", found, err)
	}
	if err := errors.Join(s.Close(), <-result); err != nil {
		t.Error(err)
	}
}

// A group that this server would not have made does not keep it from starting.
func TestForeignGroupIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	s, result := served(t, dir, vfs.Default)
	good := groupConfig{groupKey: groupKey{Stream: "s", Group: "g"}, Strategy: "Pinned"}
	if err := s.groups.create(good); err != nil {
		t.Fatal(err)
	}
	bad := groupConfig{groupKey: groupKey{Stream: allStream, Group: "bad"}, Strategy: "Pinned", Filter: &groupFilter{Regex: "("}}
	record, err := json.Marshal(groupsRecord{Entries: []groupConfig{bad, good}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.journal.note(groupsStream, content{id: [16]byte{7}, kind: groupsType, json: true, data: record}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), <-result); err != nil {
		t.Fatal(err)
	}
	again, result := served(t, dir, vfs.Default)
	if again.groups.find(good.groupKey) == nil || again.groups.find(bad.groupKey) != nil {
		t.Error("not just the group that can be served")
	}
	if err := errors.Join(again.Close(), <-result); err != nil {
		t.Error(err)
	}
}

// An event that retention has let go of is passed over, wherever it is.
func TestGroupPassesOverWhatIsGone(t *testing.T) {
	s, result := served(t, t.TempDir(), vfs.Default)
	for n := range 3 {
		if o, err := submitOne(s, int64(n)-1); err != nil || o.err != nil {
			t.Fatal(o, err)
		}
	}
	for position := uint64(1); position < 3; position++ { // what a compaction leaves
		s.journal.tail.ring[position%tailCapacity].wire = []byte{0}
	}
	k := groupKey{Stream: "s", Group: "g"}
	config := groupConfig{groupKey: k, Strategy: "RoundRobin", HistoryBufferSize: 10, ReadBatchSize: 5}
	if err := s.groups.create(config); err != nil {
		t.Fatal(err)
	}
	if _, err := s.journal.decoded(1); !errors.Is(err, errRemoved) {
		t.Errorf("decoded: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := grpc.NewClient(s.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	if e := receive(t, consume(t, ctx, api.NewPersistentSubscriptionsClient(conn), k, 1)); e.GetEvent().GetStreamRevision() != 2 {
		t.Errorf("got %v", e)
	}
	if err := errors.Join(conn.Close(), s.Close(), <-result); err != nil {
		t.Error(err)
	}
}
