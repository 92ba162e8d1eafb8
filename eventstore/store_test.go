package eventstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/logserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Noted is the only event of these tests.
type Noted struct {
	Text string `json:"text"`
	N    int    `json:"n"`
}

var vocabulary = domain.NewRegistry(domain.Vocabulary{domain.Define[Noted]("Noted", 1)})

// serve runs an embedded log until the test, or the returned func, ends it.
func serve(t testing.TB, dir, addr string) (*logserver.Server, func()) {
	t.Helper()
	log, err := logserver.Open(logserver.Options{Dir: dir, Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	end := run(log)
	t.Cleanup(end)
	return log, end
}

func run(log *logserver.Server) (end func()) {
	done := make(chan struct{})
	go func() { defer close(done); _ = log.Serve() }()
	return sync.OnceFunc(func() { _ = log.Close(); <-done })
}

// A way is how a store appends: whether all of it shares one call.
type way bool

// inBothWays holds the store to one behaviour.
func inBothWays(t *testing.T, f func(t *testing.T, w way)) {
	t.Run("each append is a call", func(t *testing.T) { f(t, false) })
	t.Run("appends share a call", func(t *testing.T) { f(t, true) })
}

func open(t testing.TB, url string) *Store { return way(false).open(t, url) }

func (w way) open(t testing.TB, url string) *Store { return w.opened(t, url, 2*time.Second) }

// hurried is open with a deadline that tests can wait for.
func (w way) hurried(t testing.TB, url string) *Store { return w.opened(t, url, 400*time.Millisecond) }

func (w way) opened(t testing.TB, url string, deadline time.Duration) *Store {
	t.Helper()
	s, err := Open(url, vocabulary, Options{Deadline: deadline, OneNode: bool(w)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func both(t testing.TB) (*logserver.Server, *Store) { return way(false).both(t) }

func (w way) both(t testing.TB) (*logserver.Server, *Store) {
	t.Helper()
	log, _ := serve(t, t.TempDir(), "127.0.0.1:0")
	return log, w.open(t, log.URL())
}

func notes(scope string, n ...int) []domain.Proposed {
	out := make([]domain.Proposed, len(n))
	for i, v := range n {
		out[i] = domain.Proposed{ID: domain.EventID(scope, fmt.Sprint(v), i), Event: Noted{Text: scope, N: v}}
	}
	return out
}

var meta = domain.Meta{
	CommandID: "k-1", CorrelationID: "c-1", CausationID: "c-0", Actor: domain.Actor{ID: "a", Type: "user", OnBehalfOf: "b"},
	TenantID: "8d0f1f0e-5f3b-4c8e-9a63-2f6f0e9d7a11", IntegratorID: domain.DirectIntegrator, SourceIP: "127.0.0.1", UserAgent: "curl",
	Reason: "because", Ticket: "T-1", At: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC), Fingerprint: "f",
}

func TestWhatIsAppendedIsRead(t *testing.T) { inBothWays(t, whatIsAppendedIsRead) }

func whatIsAppendedIsRead(t *testing.T, how way) {
	_, s := how.both(t)
	receipt, err := s.Append(t.Context(), "note-1", 0, meta, notes("a", 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	if receipt.Revision != 1 || receipt.Position == 0 || !cmp.Equal(receipt.Events, []string{"Noted", "Noted"}) {
		t.Fatalf("receipt %+v", receipt)
	}
	got, err := s.Read(t.Context(), "note-1", 1)
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	want := domain.Recorded{
		Event: Noted{Text: "a", N: 2}, Meta: meta, ID: domain.EventID("a", "2", 1), Type: "Noted", Version: 1,
		Stream: "note-1", Revision: 1, Position: receipt.Position, Data: json.RawMessage(`{"text":"a","n":2}`),
	}
	if d := cmp.Diff(want, got[0], cmpopts.IgnoreFields(domain.Recorded{}, "Metadata")); d != "" {
		t.Fatal(d)
	}
	var stored domain.Meta
	if err := json.Unmarshal(got[0].Metadata, &stored); err != nil || !cmp.Equal(stored, meta) {
		t.Fatalf("metadata %s, %v", got[0].Metadata, err)
	}
}

// The names of the metadata are a contract with whoever reads the log.
func TestMetadataNames(t *testing.T) { inBothWays(t, metadataNames) }

func metadataNames(t *testing.T, how way) {
	log, s := how.both(t)
	if _, err := s.Append(t.Context(), "note-1", 0, meta, notes("a", 1)); err != nil {
		t.Fatal(err)
	}
	r, err := rawClient(t, log.URL()).ReadStream(t.Context(), "note-1", esdb.ReadStreamOptions{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	e, err := r.Recv()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"v":1,"commandId":"k-1","correlationId":"c-1","causationId":"c-0","actor":{"id":"a","type":"user","onBehalfOf":"b"},` +
		`"tenantId":"8d0f1f0e-5f3b-4c8e-9a63-2f6f0e9d7a11","integratorId":"00000000-0000-4000-8000-00000000d1ec","sourceIp":"127.0.0.1",` +
		`"userAgent":"curl","reason":"because","ticket":"T-1","occurredAt":"2026-01-02T03:04:05.006Z","fingerprint":"f"}`
	if string(e.Event.UserMetadata) != want {
		t.Errorf("got  %s\nwant %s", e.Event.UserMetadata, want)
	}
	if e.Event.EventType != "Noted" || e.Event.ContentType != "application/json" || string(e.Event.Data) != `{"text":"a","n":1}` {
		t.Errorf("stored as %s, %s: %s", e.Event.EventType, e.Event.ContentType, e.Event.Data)
	}
}

func TestAppend(t *testing.T) { inBothWays(t, appends) }

func appends(t *testing.T, how way) {
	_, s := how.both(t)
	first, err := s.Append(t.Context(), "note-1", 0, meta, notes("a", 1))
	if err != nil {
		t.Fatal(err)
	}
	large := []domain.Proposed{{ID: uuid.New(), Event: Noted{Text: strings.Repeat("x", 1<<20)}}}
	for name, c := range map[string]struct {
		stream domain.StreamID
		next   uint64
		facts  []domain.Proposed
		want   error
	}{
		"the same again has one effect": {"note-1", 0, notes("a", 1), nil},
		"somebody else was first":       {"note-1", 0, notes("b", 1), domain.ErrRaced},
		"the stream is not that long":   {"note-1", 7, notes("b", 1), domain.ErrRaced},
		"the stream is not there":       {"note-2", 1, notes("b", 1), domain.ErrRaced},
		"more than one append holds":    {"note-1", 1, large, domain.ErrAppendTooLarge},
	} {
		got, err := s.Append(t.Context(), c.stream, c.next, meta, c.facts)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err == nil && got.Position != first.Position {
			t.Errorf("%s: at %d, first at %d", name, got.Position, first.Position)
		}
	}
	if got, err := s.Read(t.Context(), "note-none", 0); err != nil || len(got) != 0 {
		t.Errorf("a stream that does not exist has %v, %v", got, err)
	}
}

// A stream may lose its past to an age or a count; what goes to its end goes on.
func TestAtTheEndOfWhateverIsThere(t *testing.T) { inBothWays(t, atTheEndOfWhateverIsThere) }

func atTheEndOfWhateverIsThere(t *testing.T, how way) {
	log, s := how.both(t)
	if r, err := s.Append(t.Context(), "a", domain.AtEnd, domain.Meta{}, notes("new", 0)); err != nil || r.Revision != 0 {
		t.Fatal(r, err)
	}
	short := esdb.StreamMetadata{}
	short.SetTruncateBefore(9)
	if _, err := rawClient(t, log.URL()).SetStreamMetadata(t.Context(), "a", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, short); err != nil {
		t.Fatal(err)
	}
	if past, err := s.Read(t.Context(), "a", 0); len(past) != 0 || err != nil {
		t.Fatal(past, err)
	}
	r, err := s.Append(t.Context(), "a", domain.AtEnd, domain.Meta{}, notes("more", 1, 2))
	if err != nil || r.Revision != 2 {
		t.Fatal(r, err)
	}
	again, err := s.Append(t.Context(), "a", domain.AtEnd, domain.Meta{}, notes("more", 1, 2))
	if err != nil || again.Revision != 2 || again.Position != r.Position {
		t.Error("sent again, it has another effect:", again, err)
	}
}

func rawClient(t *testing.T, url string) *esdb.Client {
	t.Helper()
	config, err := esdb.ParseConnectionString(url)
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = esdb.NoopLogging()
	c, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// fill appends n events to several streams and returns the head.
func fill(t testing.TB, s *Store, n int) uint64 {
	t.Helper()
	var head uint64
	for i := range n {
		stream := domain.StreamID(fmt.Sprintf("note-%d", i%7))
		r, err := s.Append(t.Context(), stream, uint64(i/7), meta, notes(string(stream), i))
		if err != nil {
			t.Fatal(err)
		}
		head = r.Position
	}
	return head
}

// until asks again and again until the answer is good.
func until[T any](t testing.TB, ask func() (T, bool)) T {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if v, good := ask(); good {
			return v
		}
	}
	t.Fatal("it never came to that")
	panic("unreachable")
}
