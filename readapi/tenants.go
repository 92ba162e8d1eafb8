package readapi

import (
	"cmp"
	"context"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/projections"
)

// Tenant is a tenant and what it amounts to together with its integrator.
type Tenant struct {
	projections.Tenant
	EffectiveStatus tenant.Status `db:"effective_status" json:"effectiveStatus" enum:"created,active,suspended,archived,pending_deletion,deleted" doc:"Its status, with its integrator's taken into account."`
	EffectiveCauses tenant.Causes `db:"effective_causes" json:"effectiveCauses" doc:"Why it is suspended, its integrator's stop included."`
}

// TenantByID asks for one tenant.
type TenantByID struct {
	AsOf
	Tenant domain.TenantID `json:"tenant" path:"tenant" doc:"The tenant."`
}

// Run answers from the tenants and the nodes above them.
func (q TenantByID) Run(ctx context.Context, db DB) (Tenant, error) {
	return one[Tenant](ctx, db, domain.ErrTenantNotFound, tenantSQL, q.Tenant)
}

// TenantsBy asks for tenants. Those that are being deleted are only listed when
// asked for by status.
type TenantsBy struct {
	Page
	AsOf
	Status          string              `json:"status,omitempty" query:"status" enum:"created,active,suspended,archived,pending_deletion,deleted" doc:"Only with this status."`
	EffectiveStatus string              `json:"effectiveStatus,omitempty" query:"effectiveStatus" enum:"created,active,suspended,archived,pending_deletion,deleted" doc:"Only with this status once the integrator's is taken into account."`
	Kind            string              `json:"kind,omitempty" query:"kind" enum:"organisation,merchant,internal" doc:"Only of this kind."`
	Integrator      domain.IntegratorID `json:"integrator,omitempty" query:"integrator" doc:"Only under this integrator."`
	Slug            string              `json:"slug,omitempty" query:"slug" maxLength:"63" doc:"Only with this slug."`
	Q               string              `json:"q,omitempty" query:"q" maxLength:"200" doc:"Only with this in the name or the slug."`
	Sort            string              `json:"sort,omitempty" query:"sort" enum:"createdAt,-createdAt,updatedAt,-updatedAt,name,-name,slug,-slug" default:"createdAt" doc:"Order; a leading minus for descending."`
}

// Run answers from the tenants and the nodes above them.
func (q TenantsBy) Run(ctx context.Context, db DB) (List[Tenant], error) {
	page, sort := q.Page, cmp.Or(q.Sort, "createdAt")
	q.Page = Page{}
	return pageOf[Tenant](ctx, db, tenantList, ask{page, sort, q, []any{q.Status, q.EffectiveStatus, q.Kind, string(q.Integrator), q.Slug, q.Q}})
}

// What tenant.Effective says, in SQL, so that it can be filtered by. An integrator
// that is stopped or offboarded suspends an active tenant. How it stands is looked
// up among the nodes, because a tenant sees those above it and not the integrator.
const (
	barred          = `(t.status = 'active' and coalesce(i.standing, '') in ('suspended', 'ended'))`
	effectiveStatus = `case when ` + barred + ` then 'suspended' else t.status end`
	effectiveCauses = `case when ` + barred + ` then array['integrator'] else t.suspension_causes end`
	tenantTables    = `from readmodel.tenants t left join readmodel.nodes i on i.id = t.parent`
)

var tenantColumns = columns("t", projections.Tenants) + `, ` + effectiveStatus + ` as effective_status, ` + effectiveCauses + ` as effective_causes`

var tenantSQL = `select ` + tenantColumns + ` ` + tenantTables + ` where t.id = $1`

var tenantList = listing{
	columns: tenantColumns,
	from: tenantTables + `
where case when $1::text = '' and $2::text = '' then t.status not in ('pending_deletion', 'deleted') else $1::text in ('', t.status) end
and ($2::text = '' or ` + effectiveStatus + ` = $2::text)
and ($3::text = '' or t.kind = $3::text)
and ($4::text = '' or t.integrator_id = nullif($4::text, '')::uuid)
and ($5::text = '' or t.slug = $5::text)
and ($6::text = '' or position(lower($6::text) in lower(t.name)) > 0 or position(lower($6::text) in t.slug) > 0)`,
	id: key{"t.id", "uuid"},
	sorts: map[string]key{
		"createdAt": {"t.created_at", "timestamptz"},
		"updatedAt": {"t.updated_at", "timestamptz"},
		"name":      {"lower(t.name)", "text"},
		"slug":      {"t.slug", "text"},
	},
}

// mostTenants is how many tenants of one integrator are answered beside it;
// whoever wants all of them asks for the list.
const mostTenants = 200

// TenantsByIntegrator answers, for each integrator, its tenants by name, deleted
// ones left out, at most 200.
func TenantsByIntegrator(ctx context.Context, db DB, ids []domain.IntegratorID) ([][]Tenant, error) {
	rows, err := many[Tenant](ctx, db, tenantsByIntegratorSQL, ids, mostTenants)
	return grouped(ids, rows, func(t Tenant) domain.IntegratorID { return t.IntegratorID }), err
}

var tenantsByIntegratorSQL = `select ` + tenantColumns + ` from unnest($1::uuid[]) as asked(id)
join readmodel.nodes i on i.id = asked.id::text
cross join lateral (
  select * from readmodel.tenants t where t.integrator_id = asked.id and t.status <> 'deleted' order by lower(t.name), t.id limit $2::int
) t order by lower(t.name), t.id`

// TenantsUnder names the tenants that hang under an integrator and are not
// deleted, at a position of at least the given one: what must be empty before
// an integrator can be offboarded.
func (s *Source) TenantsUnder(ctx context.Context, integrator domain.IntegratorID, least uint64) ([]domain.TenantID, error) {
	type row struct{ ID domain.TenantID }
	var rows []row
	_, err := s.Read(ctx, system("tenantsUnder", "an integrator is offboarded only when nothing hangs under it", least, "tenants"), func(ctx context.Context, db DB) (err error) {
		rows, err = many[row](ctx, db, `select id from readmodel.tenants where integrator_id = $1 and status <> 'deleted' order by created_at, id`, integrator)
		return err
	})
	ids := make([]domain.TenantID, len(rows))
	for n, r := range rows {
		ids[n] = r.ID
	}
	return ids, err
}
