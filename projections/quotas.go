package projections

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/quota"
)

// Quota is a row of the quotas table: how much of one meter a tenant may use.
type Quota struct {
	Key         string            `db:"key,text" json:"-"` // <tenant>/<meter>
	Owner       string            `db:"owner,text" json:"-"`
	TenantID    domain.TenantID   `db:"tenant_id,uuid" json:"tenantId" doc:"The tenant."`
	Meter       quota.Meter       `db:"meter,text" json:"meter" doc:"What is measured."`
	Limit       int64             `db:"usage_limit,bigint" json:"limit" doc:"How much may be used."`
	Period      quota.Period      `db:"period,text" json:"period" enum:"none,hour,day,month,year" doc:"After how long the count begins anew."`
	Enforcement quota.Enforcement `db:"enforcement,text" json:"enforcement" enum:"hard,soft" doc:"Whether use beyond the limit is refused or only told."`
	Warn        []int32           `db:"warn,int[]" json:"warn" doc:"Percentages of the limit at which to warn."`
	Revision    int64             `db:"revision,bigint" json:"revision" doc:"Revision of the history of the tenant's quotas."`
	Position    int64             `db:"position,bigint" json:"-"`
	UpdatedAt   time.Time         `db:"updated_at,timestamptz" json:"updatedAt" doc:"When it last changed."`
}

// StreamRevision is the revision an If-Match must name.
func (q Quota) StreamRevision() uint64 { return uint64(q.Revision) }

// Quotas has one row for each meter that a tenant's use was ever limited of.
var Quotas = Table[Quota]{
	Name: "quotas", Version: 1, Seen: Owners.By("tenant_id"),
	Indexes: []string{"tenant_id, meter"},
	Key: func(r domain.Recorded) string {
		if e, ok := r.Event.(quota.Changed); ok {
			return string(e.Tenant) + "/" + string(e.Meter)
		}
		return ""
	},
	Fold: func(q Quota, r domain.Recorded) (Quota, bool) {
		e := r.Event.(quota.Changed)
		q.Key, q.Owner = string(e.Tenant)+"/"+string(e.Meter), string(e.Tenant)
		q.TenantID, q.Meter = e.Tenant, e.Meter
		q.Limit, q.Period, q.Enforcement, q.Warn = e.After.Limit, e.After.Period, e.After.Enforcement, percents(e.After.Warn)
		q.Revision, q.Position, q.UpdatedAt = int64(r.Revision), int64(r.Position), r.Meta.At
		return q, true
	},
}

func percents(warn []int) []int32 {
	out := make([]int32, 0, len(warn))
	for _, w := range warn {
		out = append(out, int32(w))
	}
	return out
}
