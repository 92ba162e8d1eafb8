package readapi

import (
	"context"
	"encoding/json"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/projections"
)

// Role is a role, built in or defined.
type Role struct {
	projections.Role
	Levels []domain.Level `db:"levels" json:"levels" doc:"Levels of the nodes that it can be granted at."`
}

// RolesBy asks for roles.
type RolesBy struct {
	Page
	DefinedAt domain.NodeID `json:"definedAt,omitempty" query:"definedAt" doc:"Only those that this node defines."`
	Retired   bool          `json:"retired,omitempty" query:"retired" doc:"Those that were retired, too."`
}

// Run answers from the roles and from what is built in, by key.
func (q RolesBy) Run(ctx context.Context, db DB) (List[Role], error) {
	page := q.Page
	q.Page = Page{}
	return pageOf[Role](ctx, db, roleList, ask{page, "role", q, []any{builtInRoles, string(q.DefinedAt), q.Retired}})
}

// RoleAt is a role as a node sees it.
type RoleAt struct {
	Role
	Counts bool `db:"counts" json:"counts" doc:"Whether it counts at the node; false if an integrator shuts it out."`
}

// RolesAt asks which roles can be granted at a node.
type RolesAt struct {
	Page
	Node domain.NodeID `json:"node" path:"node" doc:"The node: platform, or the id of an integrator or tenant."`
}

// Run answers from the roles and from what is built in, by key.
func (q RolesAt) Run(ctx context.Context, db DB) (List[RoleAt], error) {
	page := q.Page
	q.Page = Page{}
	list, err := pageOf[RoleAt](ctx, db, roleAtList, ask{page, "role", q, []any{builtInRoles, q.Node}})
	if err != nil {
		return list, err
	}
	return known(ctx, db, list, domain.ErrNodeNotFound, nodeExists, q.Node)
}

// builtInRoles is the rows that no table has, as JSON.
var builtInRoles = func() string {
	type row struct {
		Key         access.Key         `json:"key"`
		Name        string             `json:"name"`
		Permissions domain.Permissions `json:"permissions"`
		Levels      []domain.Level     `json:"levels"`
	}
	var all []row
	for _, b := range access.BuiltIns {
		all = append(all, row{b.Key, b.Name, b.Permissions, b.Levels})
	}
	text, _ := json.Marshal(all)
	return string(text)
}()

// A role that is not built in can be granted at the node that defines it and
// wherever below; its key, unlike that of a built-in one, names that node.
var (
	roleColumns = columns("r", projections.Roles)
	everyRole   = `(select ` + roleColumns + `, array['platform', 'integrator', 'tenant'] as levels from readmodel.roles r
union all
select b.key, 'platform', '', b.key, b.name, b.permissions, false, 0, timestamptz '0001-01-01 00:00:00+00', b.levels
from jsonb_to_recordset($1::jsonb) as b(key text, name text, permissions text[], levels text[])) r`

	roleList = listing{
		columns: roleColumns + `, r.levels`,
		from:    `from ` + everyRole + ` where ($2::text = '' or r.defined_at = $2::text) and ($3::bool or not r.retired)`,
		id:      key{"r.key", "text"},
		sorts:   map[string]key{"role": {"r.role", "text"}},
	}
	roleAtList = listing{
		columns: roleColumns + `, r.levels,
not exists (select 1 from readmodel.role_sets s where s.node = any(string_to_array(n.path, '/')) and r.key <> all(s.roles)) as counts`,
		from: `from readmodel.nodes n join ` + everyRole + ` on not r.retired and n.level = any(r.levels)
and (r.defined_at = '' or r.defined_at = any(string_to_array(n.path, '/'))) where n.id = $2::text`,
		id:    key{"r.key", "text"},
		sorts: map[string]key{"role": {"r.role", "text"}},
	}
)
