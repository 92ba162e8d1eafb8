package readapi

import (
	"cmp"
	"context"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/projections"
)

// Integrator is an integrator and how many tenants hang under it.
type Integrator struct {
	projections.Integrator
	TenantCount int64 `db:"tenant_count" json:"tenantCount" doc:"Tenants that hang under it, apart from deleted ones."`
}

// IntegratorByID asks for one integrator.
type IntegratorByID struct {
	AsOf
	Integrator domain.IntegratorID `json:"integrator" path:"integrator" doc:"The integrator."`
}

// Run answers from the integrators, and counts their tenants.
func (q IntegratorByID) Run(ctx context.Context, db DB) (Integrator, error) {
	return one[Integrator](ctx, db, domain.ErrIntegratorNotFound, integratorSQL, q.Integrator)
}

// IntegratorsBy asks for integrators.
type IntegratorsBy struct {
	Page
	AsOf
	Kind   string `json:"kind,omitempty" query:"kind" enum:"systems_integrator,partner,holding,direct" doc:"Only of this kind."`
	Status string `json:"status,omitempty" query:"status" enum:"active,stopped" doc:"Only with this status."`
	Name   string `json:"name,omitempty" query:"name" maxLength:"200" doc:"Only with this in the business name."`
	Sort   string `json:"sort,omitempty" query:"sort" enum:"createdAt,-createdAt,businessName,-businessName" default:"createdAt" doc:"Order; a leading minus for descending."`
}

// Run answers from the integrators, and counts their tenants.
func (q IntegratorsBy) Run(ctx context.Context, db DB) (List[Integrator], error) {
	page, sort := q.Page, cmp.Or(q.Sort, "createdAt")
	q.Page = Page{}
	return pageOf[Integrator](ctx, db, integratorList, ask{page, sort, q, []any{q.Kind, q.Status, q.Name}})
}

const tenantCount = `(select count(*) from readmodel.tenants t where t.integrator_id = i.id and t.status <> 'deleted') as tenant_count`

var integratorColumns = columns("i", projections.Integrators) + ", " + tenantCount

var integratorSQL = `select ` + integratorColumns + ` from readmodel.integrators i where i.id = $1`

var integratorList = listing{
	columns: integratorColumns,
	from: `from readmodel.integrators i
where ($1::text = '' or i.kind = $1::text) and ($2::text = '' or i.status = $2::text)
and ($3::text = '' or position(lower($3::text) in lower(i.business_name)) > 0)`,
	id: key{"i.id", "uuid"},
	sorts: map[string]key{
		"createdAt":    {"i.created_at", "timestamptz"},
		"businessName": {"lower(i.business_name)", "text"},
	},
}

// IntegratorsByID answers the integrators with these ids, in their order; nil
// where there is none.
func IntegratorsByID(ctx context.Context, db DB, ids []domain.IntegratorID) ([]*Integrator, error) {
	rows, err := many[Integrator](ctx, db, `select `+integratorColumns+` from readmodel.integrators i join unnest($1::uuid[]) as asked(id) using (id)`, ids)
	return inOrder(ids, rows, func(i Integrator) domain.IntegratorID { return i.ID }), err
}
