package readapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/platform"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/pgdev/pgtest"
	"github.com/reeve-platform/reeve/migrations"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/projections/projectionstest"
	"github.com/reeve-platform/reeve/readapi"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// Ids that read well in a failure.
const (
	acme  domain.IntegratorID = "11111111-1111-4111-8111-111111111111"
	bolt  domain.IntegratorID = "22222222-2222-4222-8222-222222222222"
	north domain.TenantID     = "33333333-3333-4333-8333-333333333333"
	south domain.TenantID     = "44444444-4444-4444-8444-444444444444"
	nadie domain.TenantID     = "99999999-9999-4999-8999-999999999999"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A world is a log that is being projected, and a source that reads from it.
type world struct {
	t      testing.TB
	db     *pgxpool.Pool
	log    *projectionstest.History
	engine *projections.Engine
	source *readapi.Source
	next   map[domain.StreamID]uint64
	last   uint64
	url    string       // of the login that reads
	scope  domain.Scope // of whoever asks

	told map[uint64]domain.Recorded // by position
	cut  bool                       // the log cannot be read
	read atomic.Int64               // how often it was
}

// everywhere is the scope of somebody who may see everything.
var everywhere = domain.Scope{Actor: domain.Actor{ID: "ada", Type: "user"}, Paths: []string{"platform"}}

func everything(*http.Request) (domain.Scope, error) { return everywhere, nil }

func open(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, db: projectionstest.Open(t), log: projectionstest.NewHistory(), next: map[domain.StreamID]uint64{}, told: map[uint64]domain.Recorded{}, scope: everywhere}
	w.engine = projectionstest.Start(t, w.db, w.log, projections.All, projections.Options{})
	projectionstest.Await(t, w.engine, w.log)
	url, err := migrations.Reader(t.Context(), w.db.Config().ConnString(), "reeve_reader", "only for tests")
	if err != nil {
		t.Fatal(err)
	}
	w.url = url
	source, err := readapi.Open(t.Context(), url, w.log.Head, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.Close)
	w.source = source
	source.Fact = w.fact
	return w
}

// tell appends events of one stream and waits until they can be read.
func (w *world) tell(stream domain.StreamID, events ...domain.Event) *world {
	w.t.Helper()
	var batch []domain.Recorded
	for _, e := range events {
		w.last++
		data, _ := json.Marshal(e)
		batch = append(batch, domain.Recorded{
			Event: e, Type: fmt.Sprintf("%T", e), Version: 1, Data: data, ID: domain.EventID("world", "", int(w.last)),
			Stream: stream, Revision: w.next[stream], Position: w.last,
			Meta: domain.Meta{At: noon.Add(time.Duration(w.last) * time.Minute), Actor: domain.Actor{ID: "ada", Type: "user"}, Reason: "because", TenantID: owner(stream)},
		})
		w.next[stream]++
	}
	w.log.Append(batch...)
	for _, r := range batch {
		w.told[r.Position] = r
		if err := errors.Join(w.source.Access.Apply(r), w.source.Flags.Apply(r)); err != nil {
			w.t.Fatal(err)
		}
	}
	projectionstest.Await(w.t, w.engine, w.log)
	return w
}

func owner(s domain.StreamID) domain.TenantID {
	for _, category := range []string{"tenant-", "quota-"} {
		if len(s) > len(category) && string(s[:len(category)]) == category {
			return domain.TenantID(s[len(category):])
		}
	}
	return ""
}

func (w *world) platform() *world {
	return w.tell(platform.Stream, platform.Established{Node: domain.PlatformID})
}

func (w *world) integrator(id domain.IntegratorID, kind integrator.Kind, name string) *world {
	return w.tell(domain.IntegratorStream(id), integrator.Registered{Integrator: id, Profile: integrator.Profile{Kind: kind, BusinessName: name, OnboardingDate: noon}}, integrator.Activated{Integrator: id})
}

func (w *world) tenant(id domain.TenantID, under domain.IntegratorID, slug string) *world {
	return w.tell(domain.TenantStream(id), tenant.Created{Tenant: id, Integrator: under, Profile: tenant.Profile{Slug: slug, Name: "The " + slug, Kind: tenant.Merchant}}, tenant.Activated{Tenant: id})
}

// estate is a platform, two integrators and two tenants of the first.
func estate(t testing.TB) *world {
	return open(t).platform().
		integrator(acme, integrator.Holding, "Acme").integrator(bolt, integrator.Partner, "Bolt").
		tenant(north, acme, "north").tenant(south, acme, "south")
}

// ask runs a query and fails the test if it fails.
func ask[R any](w *world, q readapi.Query[R]) R {
	w.t.Helper()
	answer, err := try(w, q)
	if err != nil {
		w.t.Fatalf("%T: %v", q, err)
	}
	return answer
}

func try[R any](w *world, q readapi.Query[R]) (answer R, err error) {
	_, err = w.source.Read(w.t.Context(), readapi.View{Scope: w.scope}, func(ctx context.Context, db readapi.DB) (err error) {
		answer, err = q.Run(ctx, db)
		return err
	})
	return answer, err
}

// refuses runs a query that must fail in a way.
func refuses[R any](w *world, q readapi.Query[R], want *domain.Error) {
	w.t.Helper()
	if _, err := try(w, q); !errors.Is(err, want) {
		w.t.Errorf("%T: %v, want %v", q, err, want)
	}
}

// resolve asks what a flag comes to, and fails the test if that fails.
func resolve(w *world, q readapi.ResolveFlag) readapi.Resolution {
	w.t.Helper()
	answer, err := call(w.t, w, "resolveFlag", 0, q)
	if err != nil {
		w.t.Fatalf("%+v: %v", q, err)
	}
	return answer.Body.(readapi.Resolution)
}

// unresolved asks what must fail in a way.
func unresolved(w *world, q readapi.ResolveFlag, want *domain.Error) {
	w.t.Helper()
	if _, err := call(w.t, w, "resolveFlag", 0, q); !errors.Is(err, want) {
		w.t.Errorf("%+v: %v, want %v", q, err, want)
	}
}

// fact reads the log as the source does, unless it is cut off.
func (w *world) fact(_ context.Context, position uint64) (domain.Recorded, error) {
	r, ok := w.told[position]
	switch {
	case w.cut:
		return r, domain.ErrLogUnavailable
	case !ok:
		return r, &domain.Error{Kind: domain.NotFound, Code: "position-not-found"}
	}
	w.read.Add(1)
	return r, nil
}

// call asks through the catalogue, as a surface does.
func call(t testing.TB, w *world, name string, least uint64, fill any) (edge.Answer, error) {
	t.Helper()
	for _, e := range readapi.Catalog {
		if e.Name == name {
			body, _ := json.Marshal(fill)
			bind := func(dst any) error { return json.Unmarshal(body, dst) }
			return e.Call(t.Context(), w.source, bind, edge.Request{MinPosition: least, Scope: w.scope})
		}
	}
	t.Fatalf("no query named %s", name)
	return edge.Answer{}, nil
}
