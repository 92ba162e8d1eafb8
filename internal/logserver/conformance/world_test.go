package conformance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const patience = 20 * time.Second

// A world is what one test sees: a server through an official client.
type world struct {
	*testing.T
	ctx    context.Context
	url    string
	conf   *esdb.Configuration
	client *esdb.Client
	tag    string // ends the names of the test's streams
}

// start looks at the server that the suite is about.
func start(t *testing.T) *world {
	t.Helper()
	return visit(t, target, time.Minute)
}

func visit(t *testing.T, url string, patience time.Duration) *world {
	t.Helper()
	serial++
	w := &world{T: t, url: url, tag: fmt.Sprintf("~%s-%d", run, serial)}
	w.conf, w.client = w.connect(url)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	w.ctx = ctx
	return w
}

// within is the same world in a subtest.
func (w *world) within(t *testing.T) *world {
	same := *w
	same.T = t
	return &same
}

func (w *world) connect(url string) (*esdb.Configuration, *esdb.Client) {
	w.Helper()
	conf, err := esdb.ParseConnectionString(url)
	if err != nil {
		w.Fatal(err)
	}
	conf.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(conf)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = client.Close() })
	return conf, client
}

// name is a stream of this test that nobody has written yet.
func (w *world) name(label string) string { return label + w.tag }

var tags = regexp.MustCompile(`~[0-9a-f]{8}-[0-9]+`)

// plain is a name as the test gave it.
func plain(name string) string { return tags.ReplaceAllString(name, "") }

// mine says whether a stream belongs to this test.
func (w *world) mine(stream string) bool { return tags.FindString(stream) == w.tag }

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

func (w *world) delete(stream string, expected esdb.ExpectedRevision) error {
	_, err := w.client.DeleteStream(w.ctx, stream, esdb.DeleteStreamOptions{ExpectedRevision: expected})
	return err
}

func (w *world) tombstone(stream string, expected esdb.ExpectedRevision) error {
	_, err := w.client.TombstoneStream(w.ctx, stream, esdb.TombstoneStreamOptions{ExpectedRevision: expected})
	return err
}

// describe sets a stream's metadata.
func (w *world) describe(stream string, change func(*esdb.StreamMetadata)) {
	w.Helper()
	m := esdb.StreamMetadata{}
	change(&m)
	if _, err := w.client.SetStreamMetadata(w.ctx, stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, m); err != nil {
		w.Fatal(err)
	}
}

// must is for what has to succeed.
func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// same compares what was wanted with what came.
func (w *world) same(what string, want, got any) {
	w.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("%s: %s", what, diff)
	}
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
		w.Errorf("got %v, want error code %d", err, want)
	}
}

func (w *world) wantStatus(err error, want codes.Code) {
	w.Helper()
	if status.Code(err) != want {
		w.Errorf("got %v, want %v", err, want)
	}
}

func (w *world) wantTrailers(got metadata.MD, want map[string]string) {
	w.Helper()
	for key, value := range want {
		w.same("trailer "+key, []string{value}, got.Get(key))
	}
}

// anchor writes an event and returns its position, behind which everything
// else of the test follows.
func (w *world) anchor() esdb.Position {
	w.Helper()
	return at(w.append(w.name("anchor"), esdb.Any{}, esdb.EventData{EventID: uuid.New(), EventType: "Anchor"}))
}

func at(r *esdb.WriteResult) esdb.Position {
	return esdb.Position{Commit: r.CommitPosition, Prepare: r.PreparePosition}
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
