package projections_test

import (
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/user"
	"github.com/reeve-platform/reeve/projections"
)

const anna domain.UserID = "55555555-5555-4555-8555-555555555555"

var (
	annaProfile = user.Profile{Home: domain.NodeID(north), Integrator: acme, Kind: user.Member, Login: "anna@north.example", Name: "Anna"}
	annaAtIdP   = &user.Identity{Issuer: "https://idp.example", Subject: "7"}
	clerk       = access.Definition{Name: "Clerk", Permissions: domain.PermissionsOf(domain.TenantRead, domain.FlagRead)}
	clerkRef    = access.Ref{Role: "clerk", DefinedAt: domain.NodeID(acme)}
	viewerRef   = access.Ref{Role: access.TenantViewer}
)

func invited(events ...domain.Event) part {
	return in(domain.UserStream(anna), append([]domain.Event{user.Invited{User: anna, Profile: annaProfile}}, events...)...)
}

func TestUsers(t *testing.T) {
	row := func(revision int, change func(*projections.User)) []projections.User {
		u := projections.User{
			ID: anna, Owner: string(north), Home: domain.NodeID(north), IntegratorID: acme, Kind: user.Member, Login: "anna@north.example", Name: "Anna",
			Status: user.StatusInvited, StandingBy: by(revision + 1),
			Revision: int64(revision), Position: int64(revision + 1), CreatedAt: minute(1), UpdatedAt: minute(revision + 1),
		}
		change(&u)
		return []projections.User{u}
	}
	activated, out := user.Activated{User: anna, Identity: annaAtIdP}, user.Deactivated{User: anna, From: user.StatusActive}
	linked := func(u *projections.User) {
		u.Status, u.Issuer, u.Subject = user.StatusActive, "https://idp.example", "7"
	}
	tell(t, projections.Users, []given[projections.User]{
		{"invited", story(invited()), row(0, func(*projections.User) {})},
		{"activated", story(invited(user.Activated{User: anna})), row(1, func(u *projections.User) { u.Status = user.StatusActive })},
		{"linked to an identity", story(invited(activated)), row(1, linked)},
		{"invited with an identity", story(in(domain.UserStream(anna), user.Invited{User: anna, Profile: annaProfile, Identity: annaAtIdP})), row(0, func(u *projections.User) {
			linked(u)
			u.Status = user.StatusInvited
		})},
		{"deactivated", story(invited(activated, out)), row(2, func(u *projections.User) {
			linked(u)
			u.Status = user.StatusDeactivated
		})},
		{"reactivated", story(invited(activated, out, user.Reactivated{User: anna})), row(3, linked)},
		{"an event of a later build raises the revision", story(invited(nil)), row(1, func(u *projections.User) { u.StandingBy = by(1) })},
		{"a stream of somebody else is not a user", story(in("user-of-somebody", nil)), nil},
	})
}

// Users have rows of their own, so the nodes are the same with and without them.
func TestUsersAreNotAmongTheNodes(t *testing.T) {
	tell(t, projections.Nodes, []given[projections.Node]{{"a user alone", story(invited(user.Activated{User: anna})), nil}})
}

func TestRoles(t *testing.T) {
	row := func(position int, name string, retired bool, ps ...domain.Permission) []projections.Role {
		return []projections.Role{{
			Key: string(acme) + "/clerk", Owner: string(acme), DefinedAt: domain.NodeID(acme), Role: "clerk", Name: name, Permissions: ps, Retired: retired,
			Position: int64(position), UpdatedAt: minute(position),
		}}
	}
	stream := domain.AccessStream(domain.NodeID(acme))
	defined := access.RoleDefined{Node: domain.NodeID(acme), Role: "clerk", Definition: clerk}
	again := access.RoleDefined{Node: domain.NodeID(acme), Role: "clerk", Definition: access.Definition{Name: "Guard", Permissions: domain.PermissionsOf(domain.FlagRead)}, Before: &clerk}
	tell(t, projections.Roles, []given[projections.Role]{
		{"defined", story(in(stream, defined)), row(1, "Clerk", false, domain.FlagRead, domain.TenantRead)},
		{"defined again", story(in(stream, defined, again)), row(2, "Guard", false, domain.FlagRead)},
		{"retired", story(in(stream, defined, access.RoleRetired{Node: domain.NodeID(acme), Role: "clerk"})), row(2, "Clerk", true, domain.FlagRead, domain.TenantRead)},
	})
	set := func(after ...access.Ref) access.RoleSetRestricted {
		return access.RoleSetRestricted{Node: domain.NodeID(acme), After: after}
	}
	tell(t, projections.RoleSets, []given[projections.RoleSet]{
		{"restricted", story(in(stream, set(clerkRef, viewerRef))), []projections.RoleSet{
			{Node: domain.NodeID(acme), Owner: string(acme), Roles: []string{string(acme) + "/clerk", "tenant-viewer"}, Position: 1, UpdatedAt: minute(1)},
		}},
		{"and lifted", story(in(stream, set(clerkRef), set())), nil},
	})
}

func TestMemberships(t *testing.T) {
	until := minute(90)
	stream, node := domain.AccessStream(domain.NodeID(north)), domain.NodeID(north)
	granted := access.RoleGranted{Node: node, User: anna, Terms: access.Terms{Ref: clerkRef}}
	boxed := access.RoleGranted{Node: node, User: anna, Terms: access.Terms{Ref: clerkRef, Until: &until}, Before: &granted.Terms}
	row := projections.Membership{Key: string(north) + "/" + string(anna) + "/clerk", Owner: string(north), Node: node, User: anna, Role: "clerk", DefinedAt: domain.NodeID(acme), GrantedBy: by(1), Position: 1}
	changed := row
	changed.Until, changed.GrantedBy, changed.Position = &until, by(2), 2
	tell(t, projections.Memberships, []given[projections.Membership]{
		{"granted", story(in(stream, granted)), []projections.Membership{row}},
		{"granted on other terms", story(in(stream, granted, boxed)), []projections.Membership{changed}},
		{"revoked", story(in(stream, granted, access.RoleRevoked{Node: node, User: anna, Before: granted.Terms})), nil},
	})
}
