package projections

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
)

// Role is a row of the roles table: what a node calls by a name. Built-in roles
// are in no table.
type Role struct {
	Key         string              `db:"key,text" json:"-"` // <node>/<role>
	Owner       string              `db:"owner,text" json:"-"`
	DefinedAt   domain.NodeID       `db:"defined_at,text" json:"definedAt,omitempty" doc:"Node that defines it; none for a built-in role."`
	Role        access.Key          `db:"role,text" json:"role" doc:"Key of the role."`
	Name        string              `db:"name,text" json:"name" doc:"Name for people."`
	Permissions []domain.Permission `db:"permissions,text[]" json:"permissions" doc:"What its holders may do."`
	Retired     bool                `db:"retired,boolean" json:"retired" doc:"Whether it lets nobody do anything any more."`
	Position    int64               `db:"position,bigint" json:"-"`
	UpdatedAt   time.Time           `db:"updated_at,timestamptz" json:"updatedAt,omitzero" doc:"When it was last defined, or retired."`
}

// Roles has one row for each role that was ever defined.
var Roles = Table[Role]{
	Name: "roles", Version: 1, Seen: Heirs,
	Indexes: []string{"defined_at, role"},
	Key: func(r domain.Recorded) string {
		switch e := r.Event.(type) {
		case access.RoleDefined:
			return roleKey(e.Node, e.Role)
		case access.RoleRetired:
			return roleKey(e.Node, e.Role)
		}
		return ""
	},
	Fold: func(o Role, r domain.Recorded) (Role, bool) {
		o.Position, o.UpdatedAt = int64(r.Position), r.Meta.At
		switch e := r.Event.(type) {
		case access.RoleDefined:
			o.Key, o.Owner, o.DefinedAt, o.Role = roleKey(e.Node, e.Role), string(e.Node), e.Node, e.Role
			o.Name, o.Permissions = text(e.Name), e.Permissions.List()
		case access.RoleRetired:
			o.Retired = true
		}
		return o, o.Key != ""
	},
}

func roleKey(n domain.NodeID, k access.Key) string { return string(n) + "/" + string(k) }

// RoleSet is a row of the role_sets table: which roles count at a node and below.
type RoleSet struct {
	Node      domain.NodeID `db:"node,text" json:"node" doc:"The integrator."`
	Owner     string        `db:"owner,text" json:"-"`
	Roles     []string      `db:"roles,text[]" json:"roles" doc:"The roles that count; those that are not built in with the node that defines them before."`
	Position  int64         `db:"position,bigint" json:"-"`
	UpdatedAt time.Time     `db:"updated_at,timestamptz" json:"updatedAt" doc:"When it was last restricted."`
}

// RoleSets has one row for each integrator in which not every role counts.
var RoleSets = Table[RoleSet]{
	Name: "role_sets", Version: 1, Seen: Heirs,
	Key: func(r domain.Recorded) string {
		if e, ok := r.Event.(access.RoleSetRestricted); ok {
			return string(e.Node)
		}
		return ""
	},
	Fold: func(s RoleSet, r domain.Recorded) (RoleSet, bool) {
		e := r.Event.(access.RoleSetRestricted)
		s = RoleSet{Node: e.Node, Owner: string(e.Node), Roles: []string{}, Position: int64(r.Position), UpdatedAt: r.Meta.At}
		for _, ref := range e.After {
			s.Roles = append(s.Roles, ref.String())
		}
		return s, len(s.Roles) > 0
	},
}
