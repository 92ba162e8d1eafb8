package readapi_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/quota"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/readapi"
)

func slugs(l readapi.List[readapi.Tenant]) (out []string) {
	for _, t := range l.Items {
		out = append(out, t.Slug)
	}
	return out
}

func TestTenants(t *testing.T) {
	w := estate(t)
	w.tell(domain.TenantStream(south), tenant.Suspended{Tenant: south, Cause: tenant.Billing})
	got := ask(w, readapi.TenantByID{Tenant: north})
	if got.Slug != "north" || got.EffectiveStatus != tenant.StatusActive || got.StreamRevision() != 1 || !cmp.Equal(got.EffectiveCauses, tenant.Causes{}) {
		t.Errorf("tenant = %+v", got)
	}
	refuses(w, readapi.TenantByID{Tenant: nadie}, domain.ErrTenantNotFound)
	for _, c := range []struct {
		name string
		q    readapi.TenantsBy
		want []string
	}{
		{"all, oldest first", readapi.TenantsBy{}, []string{"north", "south"}},
		{"newest first", readapi.TenantsBy{Sort: "-createdAt"}, []string{"south", "north"}},
		{"by name down", readapi.TenantsBy{Sort: "-name"}, []string{"south", "north"}},
		{"by status", readapi.TenantsBy{Status: "suspended"}, []string{"south"}},
		{"by kind", readapi.TenantsBy{Kind: "internal"}, nil},
		{"by integrator", readapi.TenantsBy{Integrator: bolt}, nil},
		{"by slug", readapi.TenantsBy{Slug: "north"}, []string{"north"}},
		{"by a piece of the name", readapi.TenantsBy{Q: "E NOR"}, []string{"north"}},
		{"a percent sign is only that", readapi.TenantsBy{Q: "%"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, slugs(ask(w, c.q))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTextThatNothingCanHoldIsRefused(t *testing.T) {
	w := open(t)
	refuses(w, readapi.TenantsBy{Q: "a\x00b"}, domain.ErrText)
	refuses(w, readapi.AuditBy{Actor: "\xff"}, domain.ErrText)
}

func TestTenantsUnderAStoppedIntegratorAreSuspended(t *testing.T) {
	w := estate(t).tell(domain.IntegratorStream(acme), integrator.Stopped{Integrator: acme, From: integrator.StatusActive})
	w.tell(domain.TenantStream(south), tenant.Suspended{Tenant: south, Cause: tenant.Billing})
	for id, causes := range map[domain.TenantID]tenant.Causes{north: {tenant.ByIntegrator}, south: {tenant.Billing}} {
		got := ask(w, readapi.TenantByID{Tenant: id})
		status, want := tenant.Effective(got.Status, got.Causes, domain.Barred)
		if got.EffectiveStatus != status || !cmp.Equal(got.EffectiveCauses, want) || !cmp.Equal(want, causes) {
			t.Errorf("%s: %s %v, want %s %v", got.Slug, got.EffectiveStatus, got.EffectiveCauses, status, want)
		}
	}
	if got := slugs(ask(w, readapi.TenantsBy{EffectiveStatus: "suspended"})); len(got) != 2 {
		t.Errorf("suspended: %v", got)
	}
	w.tell(domain.IntegratorStream(acme), integrator.Restarted{Integrator: acme, To: integrator.StatusActive})
	if got := slugs(ask(w, readapi.TenantsBy{EffectiveStatus: "active"})); !cmp.Equal(got, []string{"north"}) {
		t.Errorf("active after the restart: %v", got)
	}
}

func TestTenantsBeingDeletedAreListedWhenAskedFor(t *testing.T) {
	w := estate(t).tell(domain.TenantStream(south), tenant.Archived{Tenant: south}, tenant.DeletionRequested{Tenant: south, Due: noon})
	if got := slugs(ask(w, readapi.TenantsBy{})); !cmp.Equal(got, []string{"north"}) {
		t.Errorf("by default: %v", got)
	}
	if got := slugs(ask(w, readapi.TenantsBy{Status: "pending_deletion"})); !cmp.Equal(got, []string{"south"}) {
		t.Errorf("asked for: %v", got)
	}
}

func TestIntegrators(t *testing.T) {
	w := estate(t)
	got := ask(w, readapi.IntegratorByID{Integrator: acme})
	if got.BusinessName != "Acme" || got.TenantCount != 2 || got.Status != "active" {
		t.Errorf("integrator = %+v", got)
	}
	refuses(w, readapi.IntegratorByID{Integrator: domain.IntegratorID(north)}, domain.ErrIntegratorNotFound)
	list := ask(w, readapi.IntegratorsBy{Kind: "partner", Name: "OL", Status: "active"})
	if len(list.Items) != 1 || list.Items[0].ID != bolt || list.Items[0].TenantCount != 0 {
		t.Errorf("integrators = %+v", list)
	}
	orgs := ask(w, readapi.MerchantOrgs{})
	if len(orgs.Items) != 1 || orgs.Items[0].ID != acme || orgs.Items[0].Merchants != 2 {
		t.Errorf("merchant orgs = %+v", orgs)
	}
	under, err := w.source.TenantsUnder(t.Context(), acme, w.last)
	if err != nil || !cmp.Equal(under, []domain.TenantID{north, south}) {
		t.Errorf("under acme: %v, %v", under, err)
	}
}

func TestNodes(t *testing.T) {
	w := estate(t)
	got := ask(w, readapi.NodeByID{Node: domain.NodeID(acme), Include: []string{"ancestors", "children"}})
	if got.ID != domain.NodeID(acme) || len(got.Ancestors) != 1 || got.Ancestors[0].ID != domain.PlatformID {
		t.Errorf("ancestors of %s: %+v", got.ID, got.Ancestors)
	}
	if len(got.Children) != 2 || got.Children[0].ID != domain.NodeID(north) {
		t.Errorf("children: %+v", got.Children)
	}
	if plain := ask(w, readapi.NodeByID{Node: domain.NodeID(north)}); plain.Ancestors != nil || plain.Level != domain.TenantLevel {
		t.Errorf("north: %+v", plain)
	}
	refuses(w, readapi.NodeByID{Node: domain.NodeID(nadie)}, flag.ErrNodeNotFound)
	if list := ask(w, readapi.NodesBy{Parent: domain.PlatformID, Sort: "-name"}); len(list.Items) != 2 || list.Items[0].Name != "Bolt" {
		t.Errorf("under the platform: %+v", list.Items)
	}
}

func TestQuotas(t *testing.T) {
	w := estate(t).tell(domain.QuotaStream(north),
		quota.Changed{Tenant: north, Meter: quota.Users, After: quota.Quota{Limit: 5, Period: quota.None, Enforcement: quota.Hard, Warn: []int{80}}},
		quota.Changed{Tenant: north, Meter: quota.Rate, After: quota.Quota{Limit: 9, Period: quota.None, Enforcement: quota.Soft}})
	list := ask(w, readapi.QuotasOf{Tenant: north})
	if len(list.Items) != 2 || list.Items[0].Meter != quota.Rate || list.Items[1].Limit != 5 {
		t.Errorf("quotas = %+v", list)
	}
	one := ask(w, readapi.QuotaOf{Tenant: north, Meter: quota.Users})
	if one.StreamRevision() != 1 {
		t.Errorf("revision of the users quota = %d, want the history's", one.StreamRevision())
	}
	refuses(w, readapi.QuotaOf{Tenant: north, Meter: "nothing"}, readapi.ErrNoQuota)
	refuses(w, readapi.QuotasOf{Tenant: nadie}, domain.ErrTenantNotFound)
	if empty := ask(w, readapi.QuotasOf{Tenant: south}); empty.Items == nil || len(empty.Items) != 0 {
		t.Errorf("no quotas = %#v", empty)
	}
}

func TestAudit(t *testing.T) {
	w := estate(t).tell(domain.TenantStream(north), tenant.Suspended{Tenant: north, Cause: tenant.Billing})
	types := func(q readapi.AuditBy) (out []string) {
		for _, a := range ask(w, q).Items {
			out = append(out, a.Type)
		}
		return out
	}
	for _, c := range []struct {
		name string
		q    readapi.AuditBy
		want []string
	}{
		{"of a node, newest first", readapi.AuditBy{Node: domain.NodeID(north)}, []string{"tenant.Suspended", "tenant.Activated", "tenant.Created"}},
		{"oldest first", readapi.AuditBy{Tenant: north, Sort: "position"}, []string{"tenant.Created", "tenant.Activated", "tenant.Suspended"}},
		{"an integrator's own is of no tenant", readapi.AuditBy{Tenant: domain.TenantID(acme)}, nil},
		{"of a type", readapi.AuditBy{Type: "tenant.Suspended", Actor: "ada"}, []string{"tenant.Suspended"}},
		{"of a stream, within a minute", readapi.AuditBy{Stream: string(domain.TenantStream(north)), From: noon.Add(10 * 60e9), To: noon.Add(11 * 60e9)}, []string{"tenant.Suspended"}},
		{"of nobody", readapi.AuditBy{Actor: "eve"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, types(c.q)); diff != "" {
				t.Error(diff)
			}
		})
	}
	last := ask(w, readapi.AuditBy{Page: readapi.Page{Limit: 1}}).Items[0]
	if string(last.Before) != `"active"` || string(last.After) != `"suspended"` || last.Reason != "because" {
		t.Errorf("last = %+v", last)
	}
}

func TestLoadersAnswerInTheOrderAsked(t *testing.T) {
	w := estate(t).tell(domain.QuotaStream(north), quota.Changed{Tenant: north, Meter: quota.Users, After: quota.Quota{Limit: 5}})
	db := loader{w}
	integrators, err := readapi.IntegratorsByID(t.Context(), db, []domain.IntegratorID{bolt, domain.IntegratorID(nadie), acme})
	if err != nil || integrators[0].ID != bolt || integrators[1] != nil || integrators[2].TenantCount != 2 {
		t.Errorf("integrators %v, %v", integrators, err)
	}
	quotas, err := readapi.QuotasByTenant(t.Context(), db, []domain.TenantID{south, north})
	if err != nil || len(quotas[0]) != 0 || len(quotas[1]) != 1 {
		t.Errorf("quotas %v, %v", quotas, err)
	}
	below, err := readapi.TenantsByIntegrator(t.Context(), db, []domain.IntegratorID{bolt, acme})
	if err != nil || len(below[0]) != 0 || len(below[1]) != 2 || below[1][0].ID != north {
		t.Errorf("below %v, %v", below, err)
	}
}

func TestProjections(t *testing.T) {
	w := estate(t)
	list := ask(w, readapi.Projections{})
	if len(list.Items) != len(projections.All) {
		t.Fatalf("%d projections, want %d", len(list.Items), len(projections.All))
	}
	for _, p := range list.Items {
		if p.State != "live" || p.Position != int64(w.last) {
			t.Errorf("%+v", p)
		}
	}
}

func quotaOf(id domain.TenantID) domain.Event {
	return quota.Changed{Tenant: id, Meter: quota.Users, After: quota.Quota{Limit: 5, Period: quota.None, Enforcement: quota.Hard}}
}
