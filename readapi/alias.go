package readapi

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/projections"
)

// APITenants asks for the platform and its tenants together: some estates call
// the operator of the platform the tenant, others its customers, and find what
// they mean by the word in one answer.
type APITenants struct{ Page }

// PlatformAndTenants is the operator of the platform and a page of its tenants.
type PlatformAndTenants struct {
	Platform Platform `json:"platform" doc:"The operator."`
	Tenants  []Tenant `json:"tenants" doc:"Its customers, oldest first, apart from those that are being deleted."`
	Next     string   `json:"next,omitempty" doc:"Send as after to go on; absent on the last page."`
}

// Platform is what holds for everybody unless somebody below says otherwise.
type Platform struct {
	Identity projections.Node           `json:"identity" doc:"The root of the tree."`
	Defaults map[string]json.RawMessage `json:"defaults" doc:"Values of flags at the platform, by key."`
}

// Run answers from the tenants, the root of the tree and what is resolved there.
func (q APITenants) Run(ctx context.Context, db DB) (PlatformAndTenants, error) {
	list, err := TenantsBy{Page: q.Page}.Run(ctx, db)
	if err != nil {
		return PlatformAndTenants{}, err
	}
	root, err := one[projections.Node](ctx, db, flag.ErrNodeNotFound, `select `+nodeColumns+` from readmodel.nodes n where n.id = $1`, domain.PlatformID)
	if err != nil {
		return PlatformAndTenants{}, err
	}
	defaults, err := defaultsOf(ctx, db)
	return PlatformAndTenants{Platform{root, defaults}, list.Items, list.Next}, err
}

func defaultsOf(ctx context.Context, db DB) (map[string]json.RawMessage, error) {
	rows, err := db.Query(ctx, `select flag, value from readmodel.resolved_flags
where node = $1 and coalesce(valid_from, '-infinity') <= now() and coalesce(valid_until, 'infinity') > now()`, domain.PlatformID)
	if err != nil {
		return nil, err
	}
	defaults := map[string]json.RawMessage{}
	var key string
	var value json.RawMessage
	_, err = pgx.ForEachRow(rows, []any{&key, &value}, func() error {
		defaults[key] = append(json.RawMessage(nil), value...)
		return nil
	})
	return defaults, err
}

// MerchantOrgs asks for the holdings, which have their merchants as tenants.
type MerchantOrgs struct{ Page }

// MerchantOrg is a holding and how many merchants it has.
type MerchantOrg struct {
	projections.Integrator
	Merchants int64 `db:"merchants" json:"merchants" doc:"Tenants of kind merchant that hang under it, apart from deleted ones."`
}

// Run answers from the integrators, and counts their merchants.
func (q MerchantOrgs) Run(ctx context.Context, db DB) (List[MerchantOrg], error) {
	return pageOf[MerchantOrg](ctx, db, merchantOrgList, ask{q.Page, "businessName", MerchantOrgs{}, []any{integrator.Holding}})
}

var merchantOrgList = listing{
	columns: columns("i", projections.Integrators) + `,
(select count(*) from readmodel.tenants t where t.integrator_id = i.id and t.kind = 'merchant' and t.status <> 'deleted') as merchants`,
	from:  `from readmodel.integrators i where i.kind = $1::text`,
	id:    key{"i.id", "uuid"},
	sorts: map[string]key{"businessName": {"lower(i.business_name)", "text"}},
}
