package readapi

import (
	"cmp"
	"context"
	"strings"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/projections"
)

// FlagByKey asks for one flag.
type FlagByKey struct {
	AsOf
	Flag flag.Key `json:"flag" path:"flag" maxLength:"128" doc:"The flag."`
}

// Run answers from the flags.
func (q FlagByKey) Run(ctx context.Context, db DB) (projections.Flag, error) {
	return one[projections.Flag](ctx, db, flag.ErrNotFound, flagSQL, q.Flag)
}

// FlagsBy asks for flags.
type FlagsBy struct {
	Page
	AsOf
	Status string `json:"status,omitempty" query:"status" enum:"draft,active,deprecated,killed,archived" doc:"Only with this status."`
	Type   string `json:"type,omitempty" query:"type" enum:"boolean,string,number,json" doc:"Only of this type."`
	Tag    string `json:"tag,omitempty" query:"tag" maxLength:"200" doc:"Only with this tag."`
	Owner  string `json:"owner,omitempty" query:"owner" maxLength:"200" doc:"Only of this owner."`
	Sort   string `json:"sort,omitempty" query:"sort" enum:"key,-key,createdAt,-createdAt,updatedAt,-updatedAt" default:"key" doc:"Order; a leading minus for descending."`
}

// Run answers from the flags.
func (q FlagsBy) Run(ctx context.Context, db DB) (List[projections.Flag], error) {
	page, sort := q.Page, cmp.Or(q.Sort, "key")
	q.Page = Page{}
	return pageOf[projections.Flag](ctx, db, flagList, ask{page, sort, q, []any{q.Status, q.Type, q.Tag, q.Owner}})
}

var (
	flagColumns = columns("f", projections.Flags)
	flagSQL     = `select ` + flagColumns + ` from readmodel.flags f where f.key = $1`
	flagList    = listing{
		columns: flagColumns,
		from: `from readmodel.flags f
where ($1::text = '' or f.status = $1::text) and ($2::text = '' or f.type = $2::text)
and ($3::text = '' or $3::text = any(f.tags)) and ($4::text = '' or f.contact = $4::text)`,
		id: key{"f.key", "text"},
		sorts: map[string]key{
			"key":       {"f.key", "text"},
			"createdAt": {"f.created_at", "timestamptz"},
			"updatedAt": {"f.updated_at", "timestamptz"},
		},
	}
)

// FlagOverride is what a node says about a flag, and whether it counts just now.
type FlagOverride struct {
	projections.FlagOverride
	Phase      string        `db:"phase" json:"phase" enum:"scheduled,in-force,locked,expired,shadowed" doc:"Where it is in its own time; shadowed while a lock above takes its effect."`
	ShadowedBy domain.NodeID `db:"shadowed_by" json:"shadowedBy,omitempty" doc:"The node that holds the lock."`
}

// FlagOverridesOf asks what a node itself says about flags.
type FlagOverridesOf struct {
	Page
	AsOf
	Node domain.NodeID `json:"node" path:"node" doc:"The node: platform, or the id of an integrator, tenant or user."`
}

// Run answers from the overrides.
func (q FlagOverridesOf) Run(ctx context.Context, db DB) (List[FlagOverride], error) {
	page := q.Page
	q.Page = Page{}
	list, err := pageOf[FlagOverride](ctx, db, overrideList, ask{page, "flag", q, []any{q.Node}})
	if err != nil {
		return list, err
	}
	return known(ctx, db, list, flag.ErrNodeNotFound, nodeExists, q.Node)
}

const nodeExists = `select true from readmodel.nodes n where n.id = $1::text
union all select true from readmodel.users u where u.id = nullif($1::text, 'platform')::uuid`

// A lock counts while its own override is in force. The highest one shadows all
// overrides below it.
const shadowedOverrides = `from (select o.*, s.node as shadow
  from readmodel.flag_overrides o
  left join readmodel.nodes n on n.id = case o.level when 'user' then o.parent else o.node end
  left join lateral (
    select u.node from readmodel.flag_overrides u
    where u.flag = o.flag and u.locked and u.node <> o.node and u.node = any(string_to_array(n.path, '/'))
    and coalesce(u.valid_from, '-infinity') <= now() and coalesce(u.valid_until, 'infinity') > now()
    order by array_position(string_to_array(n.path, '/'), u.node) limit 1
  ) s on true`

// Whoever inherits from a node is told what it says, and not to whom: rules may
// name others who inherit from it.
var overrideColumns = strings.NewReplacer("o.value,", "case when o.plain then o.value end as value,", "o.rules,",
	`case when o.owner in (select step from unnest(string_to_array(current_setting('reeve.scope', true), ',')) p, unnest(string_to_array(p, '/')) step
except select split_part(p, '/', -1) from unnest(string_to_array(current_setting('reeve.scope', true), ',')) p) then 'null'::json else o.rules end as rules,`,
).Replace(columns("o", projections.FlagOverrides))

var overrideList = listing{
	columns: overrideColumns + `,
case when o.valid_until <= now() then 'expired' when o.valid_from > now() then 'scheduled' when o.shadow is not null then 'shadowed' when o.locked then 'locked' else 'in-force' end as phase,
coalesce(o.shadow, '') as shadowed_by`,
	from:  shadowedOverrides + ` where o.node = $1) o where true`,
	id:    key{"o.flag", "text"},
	sorts: map[string]key{"flag": {"o.flag", "text"}},
}

// ResolvedFlagsOf asks what every flag comes to at a node, just now or as of then.
type ResolvedFlagsOf struct {
	Page
	AsOf
	Node domain.NodeID `json:"node" path:"node" doc:"The node: platform, or the id of an integrator or tenant."`
}

// Run answers from the resolved flags.
func (q ResolvedFlagsOf) Run(ctx context.Context, db DB) (List[projections.ResolvedFlag], error) {
	page := q.Page
	q.Page = Page{}
	list, err := pageOf[projections.ResolvedFlag](ctx, db, resolvedList, ask{page, "flag", q, []any{q.Node}})
	if err != nil {
		return list, err
	}
	return known(ctx, db, list, flag.ErrNodeNotFound, nodeExists, q.Node)
}

var (
	resolvedColumns = columns("r", projections.ResolvedFlags)
	resolvedList    = listing{
		columns: resolvedColumns,
		from: `from readmodel.resolved_flags r where r.node = $1
and coalesce(r.valid_from, '-infinity') <= now() and coalesce(r.valid_until, 'infinity') > now()`,
		id:    key{"r.flag", "text"},
		sorts: map[string]key{"flag": {"r.flag", "text"}},
	}
)

// ResolvedFlagsByNode answers what every flag comes to at each node just now.
func ResolvedFlagsByNode(ctx context.Context, db DB, ids []domain.NodeID) ([][]projections.ResolvedFlag, error) {
	rows, err := many[projections.ResolvedFlag](ctx, db, `select `+resolvedColumns+` from readmodel.resolved_flags r join unnest($1::text[]) as asked(id) on asked.id = r.node
where coalesce(r.valid_from, '-infinity') <= now() and coalesce(r.valid_until, 'infinity') > now() order by r.flag`, ids)
	return grouped(ids, rows, func(r projections.ResolvedFlag) domain.NodeID { return r.Node }), err
}
