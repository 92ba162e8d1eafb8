package readapi

import (
	"context"

	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/projections"
)

// OverridesBy asks what any node says about flags, users among them, who are no
// nodes that can be listed.
type OverridesBy struct {
	Page
	AsOf
	Flag  flag.Key           `json:"flag,omitempty" query:"flag" maxLength:"128" doc:"Only of this flag."`
	Level string             `json:"level,omitempty" query:"level" enum:"platform,integrator,tenant,user" doc:"Only of nodes of this level."`
	Opted string             `json:"opted,omitempty" query:"opted" enum:"in,out" doc:"Only choices of the nodes themselves: those that opted in, or out."`
	Set   flag.FeatureSetKey `json:"set,omitempty" query:"set" maxLength:"128" doc:"Only what this feature set gave the nodes."`
}

// Override is what any node says about a flag.
type Override struct{ projections.FlagOverride }

// Run answers from the overrides, by node, then flag.
func (q OverridesBy) Run(ctx context.Context, db DB) (List[Override], error) {
	page := q.Page
	q.Page = Page{}
	return pageOf[Override](ctx, db, everyOverride, ask{page, "node", q, []any{q.Flag, q.Level, q.Opted, q.Set}})
}

var everyOverride = listing{
	columns: overrideColumns,
	from: `from readmodel.flag_overrides o where ($1::text = '' or o.flag = $1::text) and ($2::text = '' or o.level = $2::text) and ($3::text = '' or o.opted = $3::text)
and ($4::text = '' or o.feature_set = $4::text)`,
	id:    key{"o.key", "text"},
	sorts: map[string]key{"node": {"o.node", "text"}},
}
