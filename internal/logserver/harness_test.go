package logserver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/reeve-platform/reeve/internal/logserver"
)

const patience = 20 * time.Second

// A world is one running server with an official client.
type world struct {
	*testing.T
	ctx    context.Context
	server *logserver.Server
	client *esdb.Client
}

// start serves a directory until the test ends.
func start(t *testing.T, dir string) *world {
	t.Helper()
	w := &world{T: t, server: serve(t, dir)}
	w.client = connect(t, w.server.URL())
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	w.ctx = ctx
	return w
}

func serve(t testing.TB, dir string) *logserver.Server {
	t.Helper()
	s, err := logserver.Open(logserver.Options{Dir: dir, Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return s
}

func connect(t testing.TB, url string) *esdb.Client {
	t.Helper()
	conf, err := esdb.ParseConnectionString(url)
	if err != nil {
		t.Fatal(err)
	}
	conf.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// stub is the bare generated client, for what the official one cannot say.
func (w *world) stub() streams.StreamsClient { return streams.NewStreamsClient(w.plain()) }

// plain is a connection of its own, without TLS.
func (w *world) plain() *grpc.ClientConn {
	w.Helper()
	conn, err := grpc.NewClient(w.server.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = conn.Close() })
	return conn
}

// id is the same for the same n.
func id(n int) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, n)) }

// event n has a fixed id, so two appends of the same n are a repetition.
func event(n int) esdb.EventData {
	return esdb.EventData{
		EventID: id(n), EventType: "Counted", ContentType: esdb.ContentTypeJson,
		Data: fmt.Appendf(nil, `{"n":%d}`, n), Metadata: []byte(`{"by":"test"}`),
	}
}

func events(from, count int) []esdb.EventData {
	var all []esdb.EventData
	for n := range count {
		all = append(all, event(from+n))
	}
	return all
}

// append writes events and fails the test if they are refused.
func (w *world) append(stream string, expected esdb.ExpectedRevision, all ...esdb.EventData) *esdb.WriteResult {
	w.Helper()
	r, err := w.try(stream, expected, all...)
	if err != nil {
		w.Fatalf("append to %s: %v", stream, err)
	}
	return r
}

func (w *world) try(stream string, expected esdb.ExpectedRevision, all ...esdb.EventData) (*esdb.WriteResult, error) {
	return w.client.AppendToStream(w.ctx, stream, esdb.AppendToStreamOptions{ExpectedRevision: expected}, all...)
}

func (w *world) describe(stream string, change func(*esdb.StreamMetadata)) {
	w.Helper()
	m := esdb.StreamMetadata{}
	change(&m)
	o := esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}
	if _, err := w.client.SetStreamMetadata(w.ctx, stream, o, m); err != nil {
		w.Fatal(err)
	}
}

func (w *world) tombstone(stream string, expected esdb.ExpectedRevision) error {
	_, err := w.client.TombstoneStream(w.ctx, stream, esdb.TombstoneStreamOptions{ExpectedRevision: expected})
	return err
}

// code is the client's error code, or -1 without an error.
func code(err error) esdb.ErrorCode {
	var e *esdb.Error
	switch {
	case err == nil:
		return -1
	case errors.As(err, &e):
		return e.Code()
	}
	return esdb.ErrorCodeUnknown
}

func (w *world) wantCode(err error, want esdb.ErrorCode) {
	w.Helper()
	if code(err) != want {
		w.Fatalf("got %v, want error code %d", err, want)
	}
}

// read collects a stream forwards from its start.
func (w *world) read(stream string) []*esdb.ResolvedEvent {
	w.Helper()
	all, err := w.readWith(stream, esdb.ReadStreamOptions{From: esdb.Start{}}, math.MaxUint64)
	if err != nil {
		w.Fatalf("read %s: %v", stream, err)
	}
	return all
}

func (w *world) readWith(stream string, o esdb.ReadStreamOptions, count uint64) ([]*esdb.ResolvedEvent, error) {
	r, err := w.client.ReadStream(w.ctx, stream, o, count)
	if err != nil {
		return nil, err
	}
	return collect(r)
}

func (w *world) readAll(o esdb.ReadAllOptions, count uint64) []*esdb.ResolvedEvent {
	w.Helper()
	r, err := w.client.ReadAll(w.ctx, o, count)
	if err != nil {
		w.Fatal(err)
	}
	all, err := collect(r)
	if err != nil {
		w.Fatal(err)
	}
	return all
}

func collect(r *esdb.ReadStream) (all []*esdb.ResolvedEvent, err error) {
	defer r.Close()
	for {
		e, err := r.Recv()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, e)
	}
}

// revisions are the stream revisions of events, in the order given.
func revisions(all []*esdb.ResolvedEvent) []uint64 {
	got := []uint64{}
	for _, e := range all {
		got = append(got, e.OriginalEvent().EventNumber)
	}
	return got
}

// until polls a condition.
func (w *world) until(what string, done func() bool) {
	w.Helper()
	for deadline := time.Now().Add(patience); !done(); {
		if time.Now().After(deadline) {
			w.Fatalf("still waiting for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
