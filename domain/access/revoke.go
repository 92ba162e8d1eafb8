package access

import (
	"maps"
	"slices"

	"github.com/reeve-platform/reeve/domain"
)

// RevokeRole ends what a user may do at a node by a role.
type RevokeRole struct {
	Node domain.NodeID `json:"node" path:"node" doc:"The node: platform, or the id of an integrator or tenant."`
	User domain.UserID `json:"user" path:"user" doc:"The user."`
	Key  Key           `json:"role" path:"role" minLength:"1" maxLength:"63" doc:"Key of the role."`
}

// RoleRevoked: the user does not hold the role at the node any more.
type RoleRevoked struct {
	Node   domain.NodeID `json:"node"`
	User   domain.UserID `json:"user"`
	Before Terms         `json:"before"`
}

// Change gives the terms that are gone.
func (e RoleRevoked) Change() (before, after any) { return e.Before, nil }

// Administers reports who is a platform administrator no more.
func (e RoleRevoked) Administers() (domain.UserID, bool) {
	return administers(e.Node, e.User, e.Before, false)
}

// ErrNotMember: the role was never granted, so there is nothing to end.
var ErrNotMember = &domain.Error{Kind: domain.NotFound, Code: "membership-not-found", Detail: "the user does not hold that role at the node"}

// Stream names the history of access at the node.
func (c RevokeRole) Stream() domain.StreamID { return Stream(c.Node) }

// Reads names where the node hangs, and the users who would remain administrators.
func (c RevokeRole) Reads(a Access) []domain.StreamID {
	names := a.histories(c.Node)
	if c.Node == domain.PlatformID {
		names = append(names, a.others(c.User)...)
	}
	return names
}

// Decide applies the rule.
func (c RevokeRole) Decide(a Access, _ domain.Meta) ([]domain.Event, error) {
	before, holds, ever := a.holds(seat{c.Node, c.User, c.Key})
	switch {
	case !ever:
		return nil, ErrNotMember
	case !holds:
		return nil, nil
	}
	e := RoleRevoked{c.Node, c.User, before}
	if user, _ := e.Administers(); user != "" && a.isLast(user) {
		return nil, ErrLastAdministrator
	}
	return []domain.Event{e}, nil
}

// others names the histories of every administrator of the platform but one.
func (a Access) others(but domain.UserID) (names []domain.StreamID) {
	for _, user := range slices.Sorted(maps.Keys(a.admins)) {
		if a.admins[user] && user != but {
			names = append(names, domain.UserStream(user))
		}
	}
	return names
}

// isLast reports that a user is a platform administrator for good, and that no
// other who is could act. Who is deactivated does not count: see user.Deactivate,
// which makes sure that nobody is who is one.
func (a Access) isLast(user domain.UserID) bool {
	if !a.admins[user] {
		return false
	}
	for other, forGood := range a.admins {
		if forGood && other != user && a.nodes[domain.NodeID(other)].standing == domain.Usable {
			return false
		}
	}
	return true
}
