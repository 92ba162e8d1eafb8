package readapi

import (
	"cmp"
	"context"
	"slices"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/projections"
)

// Node is a node, with its relatives if they were asked for.
type Node struct {
	projections.Node
	Ancestors []projections.Node `json:"ancestors,omitempty" doc:"From the platform down to the parent; if asked for."`
	Children  []projections.Node `json:"children,omitempty" doc:"By name, at most 200; if asked for."`
}

// NodeByID asks for one node.
type NodeByID struct {
	AsOf
	Node    domain.NodeID `json:"node" path:"node" doc:"The node: platform, or the id of an integrator, tenant or user."`
	Include []string      `json:"include,omitempty" query:"include" enum:"ancestors,children" maxItems:"2" doc:"Relatives to answer too."`
}

// Run answers from the nodes.
func (q NodeByID) Run(ctx context.Context, db DB) (Node, error) {
	rows, err := many[relative](ctx, db, nodeSQL, q.Node, slices.Contains(q.Include, "ancestors"), slices.Contains(q.Include, "children"))
	if err != nil {
		return Node{}, err
	}
	var n Node
	for _, r := range rows {
		switch r.Relation {
		case "self":
			n.Node = r.Node
		case "ancestor":
			n.Ancestors = append(n.Ancestors, r.Node)
		default:
			n.Children = append(n.Children, r.Node)
		}
	}
	if n.ID == "" {
		return n, flag.ErrNodeNotFound
	}
	return n, nil
}

// relative is a node and what it is to the one that was asked for.
type relative struct {
	projections.Node
	Relation string `db:"relation"`
}

var (
	nodeColumns = columns("n", projections.Nodes)
	userNode    = `u.id::text as id, u.owner, 'user' as level, u.home as parent, h.path || '/' || u.id as path, coalesce(nullif(u.name, ''), u.login) as name,
case u.status when 'active' then 'active' when 'invited' then 'pending' else 'suspended' end as standing, u.standing_by, u.position, u.updated_at`

	// The path of a user is that of its home and one step more, wherever the home hangs by now.
	nodeSQL = `select ` + nodeColumns + `, 'self' as relation from readmodel.nodes n where n.id = $1::text
union all
select ` + userNode + `, 'self' from readmodel.users u join readmodel.nodes h on h.id = u.home where u.id = nullif($1::text, 'platform')::uuid
union all
(select ` + nodeColumns + `, 'ancestor'
 from (select $1::text as id union all select u.home from readmodel.users u where u.id = nullif($1::text, 'platform')::uuid) a
 join readmodel.nodes s on s.id = a.id join readmodel.nodes n on n.id = any(string_to_array(s.path, '/')) and n.id <> $1::text
 where $2::bool order by length(n.path))
union all
(select ` + nodeColumns + `, 'child' from readmodel.nodes n where n.parent = $1::text and $3::bool order by lower(n.name), n.id limit 200)`
)

// NodesBy asks for nodes.
type NodesBy struct {
	Page
	AsOf
	Parent domain.NodeID `json:"parent,omitempty" query:"parent" doc:"Only children of this node."`
	Level  string        `json:"level,omitempty" query:"level" enum:"platform,integrator,tenant" doc:"Only of this level."`
	Sort   string        `json:"sort,omitempty" query:"sort" enum:"path,-path,name,-name" default:"path" doc:"Order; a leading minus for descending."`
}

// Run answers from the nodes.
func (q NodesBy) Run(ctx context.Context, db DB) (List[projections.Node], error) {
	page, sort := q.Page, cmp.Or(q.Sort, "path")
	q.Page = Page{}
	return pageOf[projections.Node](ctx, db, nodeList, ask{page, sort, q, []any{q.Parent, q.Level}})
}

var nodeList = listing{
	columns: nodeColumns,
	from:    `from readmodel.nodes n where ($1::text = '' or n.parent = $1::text) and ($2::text = '' or n.level = $2::text)`,
	id:      key{"n.id", "text"},
	sorts:   map[string]key{"path": {"n.path", "text"}, "name": {"lower(n.name)", "text"}},
}
