package exec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/quota"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/edgetest"
	"github.com/reeve-platform/reeve/internal/edge/graph"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/readapi"
)

const (
	acme = "0b9a4ad2-5c31-4b6e-8d5a-1f0e6f6c0a01"
	home = "0b9a4ad2-5c31-4b6e-8d5a-1f0e6f6c0a02"
)

// A stand serves the real catalogues, with answers that the test gives.
type stand struct {
	http.Handler
	log     bytes.Buffer
	late    bool           // to answer, until nobody waits any more
	answers map[string]any // an edge.Answer, an error, or a value to panic with

	mu    sync.Mutex
	asked []asked
	loads map[string][]int // how many keys each load was asked for
}

// asked is one call of an entry as it got there.
type asked struct {
	name  string
	input any
	edge.Request
}

func entries() []edge.Served {
	return append(edge.With[*commands.Ledger](nil, commands.Catalog), edge.With[*readapi.Source](nil, readapi.Catalog)...)
}

func newStand(t *testing.T, change ...func(*edge.Options)) *stand {
	t.Helper()
	s := &stand{answers: map[string]any{}, loads: map[string][]int{}}
	all := entries()
	for i, e := range all {
		all[i].Call = func(ctx context.Context, bind edge.Bind, r edge.Request) (edge.Answer, error) {
			if s.late {
				<-ctx.Done()
			}
			return s.call(e, bind, r)
		}
	}
	o := edge.Options{Logger: slog.New(slog.NewTextHandler(&s.log, nil)), Guard: edgetest.Guard{}}
	for _, c := range change {
		c(&o)
	}
	r := chi.NewRouter()
	edge.REST(r, o, all...)
	graph.Mount(r, o, graph.Surface{Schema: schema(), Entries: all, Relations: s.relations()})
	s.Handler = r
	return s
}

func (s *stand) call(e edge.Served, bind edge.Bind, r edge.Request) (edge.Answer, error) {
	in := reflect.New(e.Input)
	if err := bind(in.Interface()); err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	s.asked = append(s.asked, asked{e.Name, in.Elem().Interface(), r})
	s.mu.Unlock()
	switch a := s.answers[e.Name].(type) {
	case edge.Answer:
		return a, nil
	case error:
		return edge.Answer{}, a
	case nil:
		return edge.Answer{Body: domain.Receipt{Stream: "tenant-" + acme, Revision: 3, Position: 40, Events: []string{}}, Position: 40}, nil
	default:
		panic(a)
	}
}

// relations are the real ones with loads that count.
func (s *stand) relations() []graph.Relation {
	return []graph.Relation{
		graph.Relate("tenants", "", func(i *readapi.Integrator) domain.IntegratorID { return i.ID },
			counted(s, "tenants", func(domain.IntegratorID) []readapi.Tenant { return []readapi.Tenant{row(acme)} })).UpTo(200).Needing(domain.TenantRead),
		graph.Relate("integrator", "", func(t *readapi.Tenant) domain.IntegratorID { return t.IntegratorID },
			counted(s, "integrator", func(id domain.IntegratorID) *readapi.Integrator {
				return &readapi.Integrator{Integrator: projections.Integrator{ID: id, BusinessName: "Home"}}
			})).Needing(domain.IntegratorRead),
		graph.Relate("flags", "", func(i *readapi.Integrator) domain.NodeID { return domain.NodeID(i.ID) }, counted(s, "flags", resolved)).Needing(domain.FlagRead),
		graph.Relate("flags", "", func(n *readapi.Node) domain.NodeID { return n.ID }, counted(s, "flags", resolved)).Needing(domain.FlagRead),
		graph.Relate("flags", "", func(t *readapi.Tenant) domain.NodeID { return domain.NodeID(t.ID) }, counted(s, "flags", resolved)).Needing(domain.FlagRead),
		graph.Relate("quotas", "", func(t *readapi.Tenant) domain.TenantID { return t.ID },
			counted(s, "quotas", func(id domain.TenantID) []projections.Quota {
				return []projections.Quota{{TenantID: id, Meter: quota.Meter("users"), Limit: 1 << 40}}
			})).Needing(domain.QuotaRead),
	}
}

func resolved(node domain.NodeID) []projections.ResolvedFlag {
	return []projections.ResolvedFlag{{Node: node, Flag: "dark-mode", Value: json.RawMessage("false")}}
}

func counted[K comparable, V any](s *stand, name string, answer func(K) V) graph.Load[K, V] {
	return func(_ context.Context, _ edge.Request, keys []K) (values []V, at uint64, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.loads[name] = append(s.loads[name], len(keys))
		for _, k := range keys {
			values = append(values, answer(k))
		}
		return values, 35, nil
	}
}

func row(id domain.TenantID) readapi.Tenant {
	at := time.Date(2026, 1, 2, 4, 4, 5, 6e6, time.FixedZone("CET", 3600))
	return readapi.Tenant{Tenant: projections.Tenant{
		ID: id, Slug: "acme", Name: "Acme", Kind: tenant.Organisation, IntegratorID: home, Status: tenant.StatusActive,
		Causes: tenant.Causes{}, Revision: 3, CreatedAt: at, UpdatedAt: at,
	}, EffectiveStatus: tenant.StatusSuspended, EffectiveCauses: tenant.Causes{"integrator"}}
}

// A reply is what came back for a document.
type reply struct {
	status     int
	header     http.Header
	Data       json.RawMessage
	Errors     []failure
	Extensions map[string]any
}

type failure struct {
	Message    string
	Path       []any
	Extensions struct {
		Code, Kind string
		Status     int
		Errors     []domain.FieldError
	}
}

func (r reply) code() string {
	if len(r.Errors) == 0 {
		return ""
	}
	return r.Errors[0].Extensions.Code
}

func (s *stand) post(t *testing.T, query string, variables map[string]any, headers ...string) reply {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	return s.send(t, "POST", "/graphql", string(body), headers...)
}

// send sends a request with headers such as "If-Match: 3".
func (s *stand) send(t *testing.T, method, path, body string, headers ...string) reply {
	t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	r := reply{status: w.Code, header: w.Header()}
	if b, _ := io.ReadAll(w.Body); json.Valid(b) {
		_ = json.Unmarshal(b, &r)
		r.problem(b)
	}
	return r
}

// problem puts the code of an answer of REST where that of GraphQL is.
func (r *reply) problem(b []byte) {
	var p struct{ Code string }
	if json.Unmarshal(b, &p) == nil && p.Code != "" {
		r.Errors = make([]failure, 1)
		r.Errors[0].Extensions.Code = p.Code
	}
}

func TestAnAnswerIsTheRow(t *testing.T) {
	s := newStand(t)
	s.answers["tenant"] = edge.Answer{Body: row(acme), Position: 41}
	got := s.post(t, `query($id: ID!) { tenant(tenant: $id) {
		id name kind status effectiveStatus suspensionCauses effectiveCauses deletionDue revision createdAt contacts { email } } }`, map[string]any{"id": acme})
	want := `{"tenant":{"id":"` + acme + `","name":"Acme","kind":"organisation","status":"active","effectiveStatus":"suspended",` +
		`"suspensionCauses":[],"effectiveCauses":["integrator"],"deletionDue":null,"revision":3,"createdAt":"2026-01-02T03:04:05.006Z","contacts":[]}}`
	if string(got.Data) != want || len(got.Errors) > 0 {
		t.Fatalf("%s %+v\nwant %s", got.Data, got.Errors, want)
	}
	if got.header.Get("Reeve-Position") != "41" || got.Extensions["position"] != 41.0 {
		t.Fatal("position", got.header, got.Extensions)
	}
}

func TestRelationsLoadOnceForAllRows(t *testing.T) {
	s := newStand(t)
	var rows []readapi.Tenant
	for i := range 50 {
		rows = append(rows, row(domain.TenantID(fmt.Sprintf("0b9a4ad2-5c31-4b6e-8d5a-%012d", i))))
	}
	s.answers["tenants"] = edge.Answer{Body: readapi.List[readapi.Tenant]{Items: rows}, Position: 41}
	got := s.post(t, `{ tenants(limit: 4) { next items { id integrator { businessName tenants { id quotas { limit } } } quotas { meter limit } } } }`, nil)
	if len(got.Errors) > 0 || strings.Count(string(got.Data), `"limit":1099511627776`) != 100 {
		t.Fatalf("%s %+v", got.Data, got.Errors)
	}
	if n := s.loads["integrator"]; len(n) != 1 || n[0] != 1 {
		t.Error("integrators were loaded", n)
	}
	all := 0
	for _, n := range s.loads["quotas"] {
		all += n
	}
	if n := s.loads["quotas"]; len(n) > 2 || all != 51 { // those of the list, and one level below; in one if they meet
		t.Error("quotas were loaded", n)
	}
	if got.Extensions["position"] != 35.0 {
		t.Error("the answer is only true at the oldest of its reads", got.Extensions)
	}
}

func TestFalseIsAValue(t *testing.T) {
	s := newStand(t)
	s.answers["tenant"] = edge.Answer{Body: row(acme), Position: 41}
	got := s.post(t, `{ tenant(tenant: "`+acme+`") { flags { flag value variant locked } } }`, nil)
	if want := `{"tenant":{"flags":[{"flag":"dark-mode","value":false,"variant":null,"locked":false}]}}`; string(got.Data) != want {
		t.Errorf("%s %+v", got.Data, got.Errors)
	}
}

func TestFailuresSayNoMoreThanREST(t *testing.T) {
	secret := errors.New("password=hunter2")
	for name, c := range map[string]struct {
		failure any
		code    string
		kind    string
		status  int
	}{
		"a refusal":         {tenant.ErrSlug.At("/slug", "taken"), tenant.ErrSlug.Code, "BAD_USER_INPUT", 422},
		"a fault of ours":   {secret, "internal", "INTERNAL", 500},
		"a panic":           {"password=hunter2", "internal", "INTERNAL", 500},
		"a wrapped refusal": {fmt.Errorf("%w: %w", domain.ErrRaced, secret), "revision-conflict", "CONFLICT", 409},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			s.answers["tenant"] = c.failure
			got := s.post(t, `{ tenant(tenant: "`+acme+`") { id } }`, nil)
			if len(got.Errors) != 1 || string(got.Data) != `{"tenant":null}` {
				t.Fatalf("%s %+v", got.Data, got.Errors)
			}
			e := got.Errors[0]
			if e.Extensions.Code != c.code || e.Extensions.Kind != c.kind || e.Extensions.Status != c.status || fmt.Sprint(e.Path) != "[tenant]" {
				t.Errorf("%+v", e)
			}
			if strings.Contains(fmt.Sprint(got), "hunter2") {
				t.Error("the text of a fault has left")
			}
			if c.kind == "INTERNAL" && strings.Count(s.log.String(), "hunter2") != 1 {
				t.Error("not logged once:", s.log.String())
			}
		})
	}
}
