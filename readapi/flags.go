package readapi

import (
	"cmp"
	"context"
	"strings"
	"time"

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
func (q FlagByKey) Run(ctx context.Context, db DB) (Flag, error) {
	return one[Flag](ctx, db, flag.ErrNotFound, flagSQL, q.Flag)
}

// Flag is a flag, when it was evaluated last, and what speaks for taking it away.
type Flag struct {
	projections.Flag
	LastEvaluatedAt *time.Time `db:"last_evaluated_at" json:"lastEvaluatedAt,omitempty" doc:"When it was evaluated last by itself, where the caller may see that."`
	LastListedAt    *time.Time `db:"last_listed_at" json:"lastListedAt,omitempty" doc:"When all flags were last evaluated at once, which does not tell which of them anybody looked at."`
	Stale           []string   `db:"stale" json:"stale,omitempty" doc:"What speaks for taking it away: marked by somebody, expired, or unused for 30 days."`
	Next            string     `db:"next" json:"next,omitempty" enum:"deprecate,archive,revive" doc:"What would be the next step of taking it away, if anything speaks for that."`
	Overrides       *int64     `db:"overrides" json:"overrides,omitempty" doc:"How many nodes say something about it; only where stale flags are asked for."`
}

// FlagsBy asks for flags.
type FlagsBy struct {
	Page
	AsOf
	Status string `json:"status,omitempty" query:"status" enum:"draft,active,deprecated,killed,archived" doc:"Only with this status."`
	Type   string `json:"type,omitempty" query:"type" enum:"boolean,string,number,json" doc:"Only of this type."`
	Tag    string `json:"tag,omitempty" query:"tag" maxLength:"200" doc:"Only with this tag."`
	Owner  string `json:"owner,omitempty" query:"owner" maxLength:"200" doc:"Only of this owner."`
	Stale  bool   `json:"stale,omitempty" query:"stale" doc:"Only those that something speaks for taking away, and how many nodes say something about them."`
	Sort   string `json:"sort,omitempty" query:"sort" enum:"key,-key,createdAt,-createdAt,updatedAt,-updatedAt" default:"key" doc:"Order; a leading minus for descending."`
}

// Run answers from the flags.
func (q FlagsBy) Run(ctx context.Context, db DB) (List[Flag], error) {
	page, sort := q.Page, cmp.Or(q.Sort, "key")
	q.Page = Page{}
	return pageOf[Flag](ctx, db, flagList, ask{page, sort, q, []any{q.Status, q.Type, q.Tag, q.Owner, q.Stale}})
}

var (
	flagColumns = columns("f", projections.Flags) + `, f.last_evaluated_at, f.last_listed_at, f.stale,
case when cardinality(f.stale) = 0 then '' when f.status = 'active' then 'deprecate' when f.status = 'killed' then 'revive' else 'archive' end as next`
	flagSQL  = `select ` + flagColumns + `, null::bigint as overrides ` + staleFlags + ` where f.key = $1`
	flagList = listing{
		columns: flagColumns + `,
case when $5::boolean then (select count(*) from readmodel.flag_overrides o where o.flag = f.key) end as overrides`,
		from: staleFlags + `
where (not $5::boolean or cardinality(f.stale) > 0) and ($1::text = '' or f.status = $1::text) and ($2::text = '' or f.type = $2::text)
and ($3::text = '' or $3::text = any(f.tags)) and ($4::text = '' or f.contact = $4::text)`,
		id: key{"f.key", "text"},
		sorts: map[string]key{
			"key":       {"f.key", "text"},
			"createdAt": {"f.created_at", "timestamptz"},
			"updatedAt": {"f.updated_at", "timestamptz"},
		},
	}
)

// A flag that nobody evaluates is unused as soon as usage has been recorded for as long
// as that takes, and the flag has been what it is, unless another depends on it.
const staleFlags = `from (select f.*, u.*, case when f.status = 'archived' then '{}'::text[] else array_remove(array[
  case when f.marked_by is not null then 'marked' end,
  case when nullif(f.expires, '')::date <= (now() at time zone 'utc')::date then 'expired' end,
  case when f.status in ('active', 'deprecated') and u.begun is not null
    and greatest(u.begun, u.last_evaluated_at, u.last_listed_at, (f.status_by->>'at')::timestamptz) < now() - interval '30 days'
    and not exists (select from readmodel.flags g, jsonb_array_elements(g.prerequisites::jsonb) p where g.status <> 'archived' and p->>'flag' = f.key) then 'unused' end
], null) end as stale
  from readmodel.flags f cross join lateral (select
    (select max(u.last_at) from readmodel.flag_usage u where u.flag = f.key) as last_evaluated_at,
    (select max(u.last_at) from readmodel.flag_usage u where u.flag = '') as last_listed_at,
    (select min(u.first_at) from readmodel.flag_usage u) as begun) u
) f`

// FlagUsageOf asks where a flag is evaluated.
type FlagUsageOf struct {
	Page
	AsOf
	Flag flag.Key `json:"flag" path:"flag" maxLength:"128" doc:"The flag."`
	Sort string   `json:"sort,omitempty" query:"sort" enum:"lastAt,-lastAt,node,-node" default:"-lastAt" doc:"Order; a leading minus for descending."`
}

// Run answers from the usage of flags.
func (q FlagUsageOf) Run(ctx context.Context, db DB) (List[projections.FlagUse], error) {
	page, sort := q.Page, cmp.Or(q.Sort, "-lastAt")
	q.Page = Page{}
	list, err := pageOf[projections.FlagUse](ctx, db, usageList, ask{page, sort, q, []any{q.Flag}})
	if err != nil {
		return list, err
	}
	return known(ctx, db, list, flag.ErrNotFound, `select true from readmodel.flags f where f.key = $1::text`, q.Flag)
}

var usageList = listing{
	columns: columns("u", projections.FlagUsage),
	from:    `from readmodel.flag_usage u where u.flag in ($1::text, '') and exists (select from readmodel.flags f where f.key = $1::text)`,
	id:      key{"u.key", "text"},
	sorts:   map[string]key{"lastAt": {"u.last_at", "timestamptz"}, "node": {"u.node", "text"}},
}

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
