package readapi

import (
	"context"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/quota"
	"github.com/reeve-platform/reeve/projections"
)

// ErrNoQuota: the tenant's use of the meter is not limited.
var ErrNoQuota = &domain.Error{Kind: domain.NotFound, Code: "quota-not-found", Detail: "the tenant has no quota for that meter"}

// QuotaOf asks how much of one meter a tenant may use.
type QuotaOf struct {
	Tenant domain.TenantID `json:"tenant" path:"tenant" doc:"The tenant."`
	Meter  quota.Meter     `json:"meter" path:"meter" maxLength:"64" doc:"What is measured."`
}

// Run answers from the quotas.
func (q QuotaOf) Run(ctx context.Context, db DB) (projections.Quota, error) {
	return one[projections.Quota](ctx, db, ErrNoQuota, quotaSQL, q.Tenant, q.Meter)
}

// QuotasOf asks for the quotas of a tenant.
type QuotasOf struct {
	Page
	Tenant domain.TenantID `json:"tenant" path:"tenant" doc:"The tenant."`
}

// Run answers from the quotas, by meter.
func (q QuotasOf) Run(ctx context.Context, db DB) (List[projections.Quota], error) {
	page := q.Page
	q.Page = Page{}
	list, err := pageOf[projections.Quota](ctx, db, quotaList, ask{page, "meter", q, []any{q.Tenant}})
	if err != nil {
		return list, err
	}
	return known(ctx, db, list, domain.ErrTenantNotFound, `select true from readmodel.tenants where id = $1`, q.Tenant)
}

// All quotas of a tenant share one history, so each answers with its newest
// revision: that is what an If-Match must name.
var (
	quotaTables = `from (select q.*, max(q.revision) over () as newest from readmodel.quotas q where q.tenant_id = $1) s
cross join lateral (select s.key, s.owner, s.tenant_id, s.meter, s.usage_limit, s.period, s.enforcement, s.warn, s.newest as revision, s.position, s.updated_at) q`
	quotaSQL  = `select ` + columns("q", projections.Quotas) + ` ` + quotaTables + ` where q.meter = $2`
	quotaList = listing{
		columns: columns("q", projections.Quotas),
		from:    quotaTables + ` where true`,
		id:      key{"q.meter", "text"},
		sorts:   map[string]key{"meter": {"q.meter", "text"}},
	}
)

// QuotasByTenant answers the quotas of each tenant, by meter.
func QuotasByTenant(ctx context.Context, db DB, ids []domain.TenantID) ([][]projections.Quota, error) {
	rows, err := many[projections.Quota](ctx, db, quotasByTenantSQL, ids)
	return grouped(ids, rows, func(q projections.Quota) domain.TenantID { return q.TenantID }), err
}

var quotasByTenantSQL = `select ` + columns("q", projections.Quotas) + `
from (select q.*, max(q.revision) over (partition by q.tenant_id) as newest
  from readmodel.quotas q join unnest($1::uuid[]) as asked(id) on asked.id = q.tenant_id) s
cross join lateral (select s.key, s.owner, s.tenant_id, s.meter, s.usage_limit, s.period, s.enforcement, s.warn, s.newest as revision, s.position, s.updated_at) q
order by q.meter`
