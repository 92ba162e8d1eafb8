// Package user is the life of one user: a person or a service that may sign in
// and that roles can be granted to.
//
//	invited -> active <-> deactivated
//	invited -> deactivated
//
// A user has a home: the platform, an integrator or a tenant. It is a node of the
// tree below its home, so whatever bars the home bars the user. The same e-mail
// address at two integrators is two users who know nothing of each other.
package user

import (
	"fmt"
	"maps"

	"github.com/reeve-platform/reeve/domain"
)

// Events is everything that can ever have happened to a user.
var Events = domain.Vocabulary{
	domain.Define[Invited]("UserInvited", 1),
	domain.Define[Activated]("UserActivated", 1),
	domain.Define[Deactivated]("UserDeactivated", 1),
	domain.Define[Reactivated]("UserReactivated", 1),
}

// Stream names the history of a user.
func Stream(id domain.UserID) domain.StreamID { return domain.UserStream(id) }

// Status is where a user is in its life.
type Status string

// The statuses, as the outside world reads them. Absent is the zero value.
const (
	StatusAbsent      Status = ""
	StatusInvited     Status = "invited" // has not signed in yet
	StatusActive      Status = "active"
	StatusDeactivated Status = "deactivated" // can sign in again once reactivated
)

// Standing is how far a user in that status may be used.
func (s Status) Standing() domain.Standing {
	switch s {
	case StatusInvited:
		return domain.Pending
	case StatusActive:
		return domain.Usable
	case StatusDeactivated:
		return domain.Barred
	}
	return domain.Absent
}

// User is what the rules need to remember, and nothing else.
type User struct {
	ID       domain.UserID
	Status   Status
	Profile  Profile
	Identity *Identity

	administers bool                   // is a platform administrator for good
	homes       map[domain.NodeID]home // that an invitation asked about; never changed in place
}

// A home is what is known of a node that users may belong to.
type home struct {
	level    domain.Level
	parent   domain.NodeID
	standing domain.Standing
}

// Evolve folds one event of the user, or of a node or of grants that a rule needs
// to know of. The user's own events come first.
func (u User) Evolve(e domain.Event) User {
	switch e := e.(type) {
	case Invited:
		u.ID, u.Status, u.Profile, u.Identity = e.User, StatusInvited, e.Profile, e.Identity
	case Activated:
		u.Status = StatusActive
		if e.Identity != nil {
			u.Identity = e.Identity
		}
	case Deactivated:
		u.Status = StatusDeactivated
	case Reactivated:
		u.Status = StatusActive
	case domain.Administers:
		if user, forGood := e.Administers(); user != "" && user == u.ID {
			u.administers = forGood
		}
	default:
		return u.housed(e)
	}
	return u
}

// housed folds what an event says about a node that may be a home.
func (u User) housed(e domain.Event) User {
	if p, ok := e.(domain.Placed); ok {
		node, level, parent := p.Placed()
		u = u.house(node, func(h *home) { h.level, h.parent = level, parent })
	}
	if s, ok := e.(domain.Stands); ok {
		node, standing := s.Stands()
		u = u.house(node, func(h *home) { h.standing = standing })
	}
	return u
}

func (u User) house(n domain.NodeID, change func(*home)) User {
	homes := maps.Clone(u.homes)
	if homes == nil {
		homes = map[domain.NodeID]home{}
	}
	h := homes[n]
	change(&h)
	homes[n] = h
	u.homes = homes
	return u
}

// Owner is the home.
func (u User) Owner() domain.Owner {
	o := domain.Owner{Integrator: u.Profile.Integrator}
	if u.Profile.Home != domain.PlatformID && u.Profile.Home != domain.NodeID(u.Profile.Integrator) {
		o.Tenant = domain.TenantID(u.Profile.Home)
	}
	return o
}

// steps says, for people, what a user in each status allows.
var steps = map[Status]string{
	StatusInvited:     "an invited user cannot be %s; allowed: activate, deactivate",
	StatusActive:      "an active user cannot be %s; allowed: deactivate",
	StatusDeactivated: "a deactivated user cannot be %s; allowed: reactivate",
}

// refused answers a step that the life of a user does not have.
func (u User) refused(done string) error {
	if u.Status == StatusAbsent {
		return domain.ErrUserNotFound
	}
	return domain.ErrTransition.With(fmt.Sprintf(steps[u.Status], done))
}
