package readapi_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/quota"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/projections/projectionstest"
	"github.com/reeve-platform/reeve/readapi"
)

const (
	cityTenants     = 10_000
	cityIntegrators = 100
)

func cityTenant(i int) domain.TenantID {
	return domain.TenantID(fmt.Sprintf("%08x-0000-4000-8000-000000000000", i*7919%cityTenants))
}

func cityIntegrator(i int) domain.IntegratorID {
	return domain.IntegratorID(fmt.Sprintf("%08x-1111-4111-8111-111111111111", i%cityIntegrators))
}

// city is 10,000 tenants of 100 integrators, each with a quota.
func city(b *testing.B) *world {
	w := open(b).platform()
	var batch []domain.Recorded
	add := func(s domain.StreamID, tenant domain.TenantID, e domain.Event) {
		w.last++
		batch = append(batch, domain.Recorded{Event: e, Stream: s, Position: w.last, Revision: w.next[s], ID: uuid.New(), Type: "x", Data: []byte("{}"),
			Meta: domain.Meta{At: noon.Add(time.Duration(w.last) * time.Second), TenantID: tenant}})
		w.next[s]++
	}
	for i := range cityIntegrators {
		add(domain.IntegratorStream(cityIntegrator(i)), "", integrator.Registered{Integrator: cityIntegrator(i), Profile: integrator.Profile{Kind: integrator.Partner, BusinessName: fmt.Sprint("I", i)}})
		add(domain.IntegratorStream(cityIntegrator(i)), "", integrator.Activated{Integrator: cityIntegrator(i)})
	}
	for i := range cityTenants {
		id := cityTenant(i)
		kind := []tenant.Kind{tenant.Merchant, tenant.Organisation}[i%2]
		add(domain.TenantStream(id), id, tenant.Created{Tenant: id, Integrator: cityIntegrator(i / 2), Profile: tenant.Profile{Slug: fmt.Sprint("t", i), Name: fmt.Sprint("Tenant ", i), Kind: kind}})
		add(domain.TenantStream(id), id, tenant.Activated{Tenant: id})
		add(domain.QuotaStream(id), id, quota.Changed{Tenant: id, Meter: quota.Users, After: quota.Quota{Limit: 5, Period: quota.None, Enforcement: quota.Hard}})
	}
	w.log.Append(batch...)
	for _, s := range []string{"analyze", "create role reeve_bare bypassrls", "grant usage on schema readmodel, reeve to reeve_bare", "grant select on all tables in schema readmodel, reeve to reeve_bare"} {
		if s == "analyze" {
			awaitCity(b, w)
		}
		if _, err := w.db.Exec(b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
	b.Cleanup(func() { _, _ = w.db.Exec(context.Background(), "drop owned by reeve_bare; drop role reeve_bare") })
	return w
}

// BenchmarkPolicies compares reads with the policies with the same answers without:
// as a role that bypasses them, asked for by a condition written by hand.
func BenchmarkPolicies(b *testing.B) {
	w := city(b)
	bare := readapi.Unguarded(b, w.db.Config().ConnString())
	who := cityTenant(4242)
	path := "platform/" + string(cityIntegrator(4242/2))
	for _, s := range []struct {
		name   string
		scope  domain.Scope
		byHand readapi.TenantsBy
	}{
		{"platform", everywhere, readapi.TenantsBy{}},
		{"integrator", bound(path), readapi.TenantsBy{Integrator: cityIntegrator(4242 / 2)}},
		{"tenant", bound(path + "/" + string(who)), readapi.TenantsBy{Slug: "t4242"}},
	} {
		filtered := s.byHand
		filtered.Kind = "merchant"
		benchmark(b, w, bare, s.name+"/id", s.scope, readapi.TenantByID{Tenant: who}, readapi.TenantByID{Tenant: who})
		benchmark(b, w, bare, s.name+"/list", s.scope, readapi.TenantsBy{}, s.byHand)
		benchmark(b, w, bare, s.name+"/filtered", s.scope, readapi.TenantsBy{Kind: "merchant"}, filtered)
		benchmark(b, w, bare, s.name+"/quotas", s.scope, readapi.QuotasOf{Tenant: who}, readapi.QuotasOf{Tenant: who})
		benchmark(b, w, bare, s.name+"/audit", s.scope, readapi.AuditBy{Tenant: who}, readapi.AuditBy{Tenant: who})
	}
}

func benchmark[R any](b *testing.B, w *world, bare *pgxpool.Pool, name string, scope domain.Scope, guarded, byHand readapi.Query[R]) {
	b.Run(name, func(b *testing.B) {
		var with, without []time.Duration
		for range b.N {
			began := time.Now()
			if _, err := readapi.Bare(b.Context(), bare, byHand); err != nil {
				b.Fatal(err)
			}
			without = append(without, time.Since(began))
			began = time.Now()
			if _, err := seenBy(w, scope, guarded); err != nil {
				b.Fatal(err)
			}
			with = append(with, time.Since(began))
		}
		b.ReportMetric(float64(median(without))/float64(median(with)), "ratio")
		b.ReportMetric(float64(median(with).Microseconds()), "with-us")
		b.ReportMetric(float64(median(without).Microseconds()), "without-us")
	})
}

func median(all []time.Duration) time.Duration {
	slices.SortFunc(all, func(a, b time.Duration) int { return cmp.Compare(a, b) })
	return all[len(all)/2]
}

func awaitCity(b *testing.B, w *world) {
	b.Helper()
	projectionstest.Await(b, w.engine, w.log)
}
