package projections

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// Membership is a row of the memberships table: a role that a user holds at a
// node, whether it counts at the moment or not.
type Membership struct {
	Key       string         `db:"key,text" json:"-"` // <node>/<user>/<role>
	Owner     string         `db:"owner,text" json:"-"`
	Node      domain.NodeID  `db:"node,text" json:"node" doc:"The node."`
	User      domain.UserID  `db:"user_id,uuid" json:"user" doc:"The user."`
	Role      access.Key     `db:"role,text" json:"role" doc:"Key of the role."`
	DefinedAt domain.NodeID  `db:"defined_at,text" json:"definedAt,omitempty" doc:"Node that defines the role; none for a built-in one."`
	Until     *time.Time     `db:"until,timestamptz" json:"until,omitempty" doc:"When it ends by itself; never if left out."`
	GrantedBy cascade.Origin `db:"granted_by,json" json:"grantedBy" doc:"The fact that granted it."`
	Position  int64          `db:"position,bigint" json:"-"`
}

// Memberships has one row for each role that a user holds at a node.
var Memberships = Table[Membership]{
	Name: "memberships", Version: 1, Seen: Owners,
	Indexes: []string{"node", "user_id"},
	Key: func(r domain.Recorded) string {
		switch e := r.Event.(type) {
		case access.RoleGranted:
			return memberKey(e.Node, e.User, e.Role)
		case access.RoleRevoked:
			return memberKey(e.Node, e.User, e.Before.Role)
		}
		return ""
	},
	Fold: func(m Membership, r domain.Recorded) (Membership, bool) {
		e, ok := r.Event.(access.RoleGranted)
		return Membership{
			Key: memberKey(e.Node, e.User, e.Role), Owner: string(e.Node), Node: e.Node, User: e.User,
			Role: e.Role, DefinedAt: e.DefinedAt, Until: e.Until, GrantedBy: cascade.OriginOf(r), Position: int64(r.Position),
		}, ok
	},
}

func memberKey(n domain.NodeID, u domain.UserID, k access.Key) string {
	return string(n) + "/" + string(u) + "/" + string(k)
}
