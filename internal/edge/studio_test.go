package edge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/edgetest"
)

// The tests run a paint studio: a catalogue small enough to know by heart that
// has every sort of member.

type colour string

type part struct {
	Name string `json:"name" minLength:"1" maxLength:"5" doc:"Name."`
	Role colour `json:"role" enum:"red,green" doc:"Role."`
}

// Page is exported because only exported structs embed their members.
type Page struct {
	Limit int    `json:"limit,omitempty" query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many."`
	After string `json:"after,omitempty" query:"after" maxLength:"8" doc:"Cursor."`
}

type paint struct {
	Tenant domain.TenantID      `json:"tenant" path:"tenant" doc:"The tenant."`
	Wall   int                  `json:"wall" path:"wall" minimum:"1" doc:"Number of the wall."`
	Dry    bool                 `json:"dry,omitempty" query:"dry" doc:"Only say what would happen."`
	Node   domain.NodeID        `json:"node,omitempty" doc:"A node."`
	Other  *domain.IntegratorID `json:"other,omitempty" doc:"An integrator."`
	Colour colour               `json:"colour" enum:"red,green" doc:"The colour."`
	Parts  []part               `json:"parts,omitempty" maxItems:"3" doc:"Parts of the wall."`
	Value  json.RawMessage      `json:"value,omitempty" doc:"Anything."`
	Due    *time.Time           `json:"due,omitempty" doc:"Until when."`
	Big    int64                `json:"big,omitempty" doc:"A large number."`
	Small  *uint8               `json:"small,omitempty" doc:"A small number."`
	Share  float64              `json:"share,omitempty" exclusiveMinimum:"0" maximum:"1" doc:"A fraction."`
	Note   *string              `json:"note,omitempty" pattern:"^[a-z]+$" doc:"A note."`
	Mail   string               `json:"mail,omitempty" format:"email" doc:"Address."`
	Labels map[string]string    `json:"labels,omitempty" doc:"Labels."`
	Tags   []string             `json:"tags,omitempty" uniqueItems:"true" doc:"Tags."`
	Inner  []string             `json:"-"`
}

type build struct {
	Tenant domain.TenantID `json:"tenant,omitempty" doc:"Id; a random one if left out."`
	Name   string          `json:"name" minLength:"1" maxLength:"10" doc:"The name."`
}

type walls struct {
	Page
	Colour  colour   `json:"colour,omitempty" query:"colour" enum:"red,green" doc:"Only of this colour."`
	Include []string `json:"include,omitempty" query:"include" enum:"parts,owner" maxItems:"2" doc:"More to answer."`
	Fail    string   `json:"fail,omitempty" query:"fail" doc:"How to fail."`
}

type wall struct {
	ID    domain.TenantID `json:"id"`
	Parts []part          `json:"parts"`
}

// StreamRevision is the revision an If-Match must name.
func (wall) StreamRevision() uint64 { return 4 }

var (
	errDry    = &domain.Error{Kind: domain.Conflict, Code: "paint-dry", Detail: "the paint is dry already"}
	failures  = map[string]error{"conflict": errDry.Because(errors.New(canary)), "unavailable": domain.ErrLogUnavailable, "large": domain.ErrAppendTooLarge, "unknown": errors.New(canary), "late": context.DeadlineExceeded, "internal": domain.ErrUnreadableEvent.With(canary)}
	theAnswer = edge.Answer{Body: wall{ID: acme}, Position: 12}
)

const (
	acme   = "6f9619ff-8b86-4011-b42d-00c04fc964ff"
	canary = "s3cr3t-canary"
)

// A studio serves the catalogue and remembers what reached it.
type studio struct {
	*httptest.Server
	mu       sync.Mutex
	requests []edge.Request
	inputs   []any
	log      bytes.Buffer
	observed []string
	checked  atomic.Int64
}

func open(t *testing.T, change ...func(*edge.Options)) *studio {
	t.Helper()
	s := &studio{}
	o := edge.Options{Version: "1.2.3", Logger: slog.New(slog.NewJSONHandler(locked{s}, &slog.HandlerOptions{Level: slog.LevelDebug})), Observe: s.observe,
		Guard: edgetest.Guard{As: domain.Actor{ID: "anna", Type: "user"}}}
	for _, c := range change {
		c(&o)
	}
	r := chi.NewRouter()
	edge.REST(r, o, s.catalog()...)
	r.Post("/bare", bare)
	edge.Health(r, func(context.Context) edge.Checks {
		s.checked.Add(1)
		return edge.Checks{Checks: []edge.Check{{Name: "log", OK: len(change) == 0}}, Projections: []edge.Projection{{Name: "tenants", State: "live", Position: 3, Head: 5, Lag: 2}}}
	}, func(r *http.Request) edge.Insight {
		return map[string]edge.Insight{"ops": {All: true}, "ann": {Position: 7}}[r.Header.Get("Authorization")]
	})
	s.Server = httptest.NewServer(r)
	t.Cleanup(s.Close)
	return s
}

// bare is what stands on bare chi: it reads its body itself, and takes its time.
func bare(w http.ResponseWriter, r *http.Request) {
	if _, err := edge.ReadBody(r.Body, edge.MaxBody); err != nil {
		edge.Refuse(w, r, err)
		return
	}
	select {
	case <-r.Context().Done():
		edge.Refuse(w, r, r.Context().Err())
	case <-time.After(100 * time.Millisecond):
		w.WriteHeader(http.StatusNoContent)
	}
}

// locked writes to the log of a studio.
type locked struct{ *studio }

// Write appends a line.
func (l locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Write(b)
}

func (s *studio) observe(route string, status int, _ time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observed = append(s.observed, route+" "+http.StatusText(status))
}

func (s *studio) catalog() []edge.Served {
	receipt := func(input any, _ edge.Request) (edge.Answer, error) {
		if b, ok := input.(*build); ok && b.Name == "panic" {
			panic(canary)
		}
		return edge.Answer{Body: domain.Receipt{Stream: "wall-1", Revision: 7, Position: 4711, Events: []string{"Painted"}}, Position: 4711}, nil
	}
	ask := func(input any, _ edge.Request) (edge.Answer, error) {
		if q, ok := input.(*walls); ok && q.Fail != "" {
			return edge.Answer{}, failures[q.Fail]
		}
		return theAnswer, nil
	}
	return []edge.Served{
		entry[paint](s, edge.Served{Name: "paintWall", Route: "PUT /v1/tenants/{tenant}/walls/{wall}", Needs: "wall:write", Summary: "Paint a wall.", Writes: true, Output: reflect.TypeFor[domain.Receipt]()}, receipt),
		entry[build](s, edge.Served{Name: "buildWall", Route: "POST /v1/walls", Needs: "wall:write", Summary: "Build a wall.", Writes: true, Creates: true, Output: reflect.TypeFor[domain.Receipt]()}, receipt),
		entry[walls](s, edge.Served{Name: "walls", Route: "GET /v1/walls", Needs: "wall:read", Summary: "All walls.", Output: reflect.TypeFor[wall]()}, ask),
	}
}

func entry[I any](s *studio, e edge.Served, answer func(any, edge.Request) (edge.Answer, error)) edge.Served {
	e.Input = reflect.TypeFor[I]()
	e.Call = func(_ context.Context, bind edge.Bind, r edge.Request) (edge.Answer, error) {
		in := new(I)
		if err := bind(in); err != nil {
			return edge.Answer{}, err
		}
		s.mu.Lock()
		s.requests, s.inputs = append(s.requests, r), append(s.inputs, in)
		s.mu.Unlock()
		return answer(in, r)
	}
	return e
}

// A reply is an answer whose body has been read.
type reply struct {
	*http.Response
	text string
}

func (s *studio) ask(t *testing.T, line, body string, headers ...string) reply {
	t.Helper()
	method, path, _ := strings.Cut(line, " ")
	r, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res, string(b)}
}

func (r reply) problem(t *testing.T) (p edge.Problem) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.text), &p); err != nil || r.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("no problem: %s %q %v", r.Header.Get("Content-Type"), r.text, err)
	}
	if p.Status != r.StatusCode || p.Type != "/problems/"+p.Code || p.Title == "" || p.TraceID == "" {
		t.Fatalf("status %d with %+v", r.StatusCode, p)
	}
	return p
}

// serve is for tests that need no catalogue.
func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}
