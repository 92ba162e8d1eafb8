package readapi

import (
	"cmp"
	"context"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/user"
	"github.com/reeve-platform/reeve/projections"
)

// User is a user and where in the tree it hangs by now.
type User struct {
	projections.User
	Path string `db:"path" json:"path" doc:"Ids from the platform down to the user, joined by slashes."`
}

// UserByID asks for one user.
type UserByID struct {
	User domain.UserID `json:"user" path:"user" doc:"The user."`
}

// Run answers from the users and their homes.
func (q UserByID) Run(ctx context.Context, db DB) (User, error) {
	return one[User](ctx, db, domain.ErrUserNotFound, userSQL, q.User)
}

// UsersBy asks for users.
type UsersBy struct {
	Page
	Home       domain.NodeID       `json:"home,omitempty" query:"home" doc:"Only users who belong to this node itself."`
	Integrator domain.IntegratorID `json:"integrator,omitempty" query:"integrator" doc:"Only users of this integrator and its tenants."`
	Status     string              `json:"status,omitempty" query:"status" enum:"invited,active,deactivated" doc:"Only with this status."`
	Kind       string              `json:"kind,omitempty" query:"kind" enum:"member,end_customer,service" doc:"Only of this kind."`
	Login      string              `json:"login,omitempty" query:"login" maxLength:"254" doc:"Only with this login, in any spelling."`
	Q          string              `json:"q,omitempty" query:"q" maxLength:"200" doc:"Only with this in the name or the login."`
	Sort       string              `json:"sort,omitempty" query:"sort" enum:"createdAt,-createdAt,updatedAt,-updatedAt,login,-login" default:"createdAt" doc:"Order; a leading minus for descending."`
}

// Run answers from the users and their homes.
func (q UsersBy) Run(ctx context.Context, db DB) (List[User], error) {
	page, sort := q.Page, cmp.Or(q.Sort, "createdAt")
	q.Page = Page{}
	return pageOf[User](ctx, db, userList, ask{page, sort, q, []any{q.Home, string(q.Integrator), q.Status, q.Kind, q.Login, q.Q}})
}

var (
	userColumns = columns("u", projections.Users) + `, h.path || '/' || u.id as path`
	userTables  = `from readmodel.users u join readmodel.nodes h on h.id = u.home`
	userSQL     = `select ` + userColumns + ` ` + userTables + ` where u.id = $1`
	userList    = listing{
		columns: userColumns,
		from: userTables + `
where ($1::text = '' or u.home = $1::text)
and ($2::text = '' or $2::text = any(string_to_array(h.path, '/')))
and ($3::text = '' or u.status = $3::text)
and ($4::text = '' or u.kind = $4::text)
and ($5::text = '' or lower(u.login) = lower($5::text))
and ($6::text = '' or position(lower($6::text) in lower(u.name)) > 0 or position(lower($6::text) in lower(u.login)) > 0)`,
		id: key{"u.id", "uuid"},
		sorts: map[string]key{
			"createdAt": {"u.created_at", "timestamptz"},
			"updatedAt": {"u.updated_at", "timestamptz"},
			"login":     {"lower(u.login)", "text"},
		},
	}
)

// Member is a role that a user holds at a node, and who that is.
type Member struct {
	projections.Membership
	Login  string      `db:"login" json:"login" doc:"E-mail address of the user."`
	Name   string      `db:"name" json:"name,omitempty" doc:"Name of the user."`
	Status user.Status `db:"status" json:"status" enum:"invited,active,deactivated" doc:"Where in its own life the user is."`
}

// MembersOf asks who holds which role at a node itself. Whoever holds one above
// it may do there what that role allows, too.
type MembersOf struct {
	Page
	Node domain.NodeID `json:"node" path:"node" doc:"The node: platform, or the id of an integrator or tenant."`
	Role string        `json:"role,omitempty" query:"role" maxLength:"63" doc:"Only who holds this role."`
}

// Run answers from the memberships and the users, by login.
func (q MembersOf) Run(ctx context.Context, db DB) (List[Member], error) {
	page := q.Page
	q.Page = Page{}
	list, err := pageOf[Member](ctx, db, memberList, ask{page, "login", q, []any{q.Node, q.Role}})
	if err != nil {
		return list, err
	}
	return known(ctx, db, list, domain.ErrNodeNotFound, nodeExists, q.Node)
}

var memberList = listing{
	columns: columns("m", projections.Memberships) + `, u.login, u.name, u.status`,
	from: `from readmodel.memberships m join readmodel.users u on u.id = m.user_id
where m.node = $1::text and ($2::text = '' or m.role = $2::text)`,
	id:    key{"m.key", "text"},
	sorts: map[string]key{"login": {"lower(u.login)", "text"}},
}
