package projections

import (
	"strings"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/platform"
	"github.com/reeve-platform/reeve/domain/tenant"
)

// Node is a row of the nodes table: a place in the tree, and how it stands by
// itself. Path lists the ids from the platform down to the node.
type Node struct {
	ID         domain.NodeID   `db:"id,text" json:"id" doc:"The node."`
	Owner      string          `db:"owner,text" json:"-"`
	Level      domain.Level    `db:"level,text" json:"level" enum:"platform,integrator,tenant,user" doc:"Rung of the tree."`
	Parent     domain.NodeID   `db:"parent,text" json:"parent,omitempty" doc:"Node it hangs under; none for the platform."`
	Path       string          `db:"path,text" json:"path" doc:"Ids from the platform down to the node, joined by slashes."`
	Name       string          `db:"name,text" json:"name" doc:"Name for people."`
	Standing   domain.Standing `db:"standing,text" json:"standing" enum:"pending,active,suspended,closed,ended" doc:"How far it may be used, apart from its ancestors."`
	StandingBy cascade.Origin  `db:"standing_by,json" json:"standingBy" doc:"The fact that gave it this standing."`
	Position   int64           `db:"position,bigint" json:"-"`
	UpdatedAt  time.Time       `db:"updated_at,timestamptz" json:"updatedAt" doc:"When it was last moved, renamed or changed its standing."`
}

// Veil leaves out who gave it its standing and why for readers whom it lies above.
func (n *Node) Veil(above func(domain.NodeID) bool) {
	if above(n.ID) {
		n.StandingBy = n.StandingBy.Bare()
	}
}

// Nodes has one row for the platform, each integrator and each tenant. Users are
// nodes, too, but have rows of their own, in users: the path of a user is that of
// its home and changes whenever the home moves, which no event of the user tells.
var Nodes = Table[Node]{
	Name: tree, Version: 1, Seen: Audience{sort: ofTree},
	Indexes: []string{"parent", "path text_pattern_ops"},
	Key:     nodeOf,
	Fold: func(n Node, r domain.Recorded) (Node, bool) {
		if e, ok := r.Event.(domain.Placed); ok {
			n.ID, n.Level, n.Parent = e.Placed()
			n.Owner, n.Path = string(n.ID), path(n)
		}
		if e, ok := r.Event.(domain.Stands); ok {
			_, n.Standing = e.Stands()
			n.StandingBy = cascade.OriginOf(r)
		}
		n.Name = text(called(n.Name, r.Event))
		n.Position, n.UpdatedAt = int64(r.Position), r.Meta.At
		return n, n.ID != ""
	},
}

// nodeOf is the node that an event places, names or gives a standing.
func nodeOf(r domain.Recorded) string {
	if strings.HasPrefix(string(r.Stream), "user-") {
		return ""
	}
	switch e := r.Event.(type) {
	case domain.Placed:
		id, _, _ := e.Placed()
		return string(id)
	case domain.Stands:
		id, _ := e.Stands()
		return string(id)
	case integrator.ProfileUpdated:
		return string(e.Integrator)
	case tenant.ProfileUpdated:
		return string(e.Tenant)
	}
	return ""
}

// path needs no look at other rows: an integrator always hangs under the
// platform, and a tenant under an integrator.
func path(n Node) string {
	steps := []string{string(domain.PlatformID), string(n.Parent), string(n.ID)}
	return strings.Join(steps[2-n.Level.Depth():][:n.Level.Depth()+1], "/")
}

func called(name string, e domain.Event) string {
	switch e := e.(type) {
	case platform.Established:
		return "Platform"
	case integrator.Registered:
		return e.Profile.BusinessName
	case integrator.ProfileUpdated:
		return e.After.BusinessName
	case tenant.Created:
		return e.Profile.Name
	case tenant.ProfileUpdated:
		return e.After.Name
	}
	return name
}
