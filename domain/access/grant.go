package access

import (
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// GrantRole lets a user do at a node, and below it, what a role lets its holders
// do. The node is the user's home or below it: whoever manages a home decides who
// its users are, and must not thereby come by rights from above.
type GrantRole struct {
	Node  domain.NodeID `json:"node" path:"node" doc:"The node: platform, or the id of an integrator or tenant."`
	User  domain.UserID `json:"user" path:"user" doc:"The user."`
	Key   Key           `json:"role" path:"role" minLength:"1" maxLength:"63" doc:"Key of the role, which is built in or defined at the node or above it."`
	Until *time.Time    `json:"until,omitempty" doc:"When it ends by itself; never if left out."`

	meant meant
}

// RoleGranted: the user holds the role at the node, on these terms.
type RoleGranted struct {
	Node domain.NodeID `json:"node"`
	User domain.UserID `json:"user"`
	Terms
	Before *Terms `json:"before,omitempty"` // nil if the user did not hold it
}

// Change gives both terms.
func (e RoleGranted) Change() (before, after any) {
	if e.Before == nil {
		return nil, e.Terms
	}
	return *e.Before, e.Terms
}

// Administers reports who is a platform administrator for good.
func (e RoleGranted) Administers() (domain.UserID, bool) {
	return administers(e.Node, e.User, e.Terms, e.Until == nil)
}

func administers(n domain.NodeID, u domain.UserID, t Terms, forGood bool) (domain.UserID, bool) {
	if n != domain.PlatformID || t.Ref != (Ref{Role: PlatformAdmin}) {
		return "", false
	}
	return u, forGood
}

var (
	// ErrUntil: the grant would have ended before it began.
	ErrUntil = &domain.Error{Kind: domain.Invalid, Code: "invalid-until", Detail: "until must not be in the past"}
	// ErrGrantee: a user who is deactivated is granted nothing new.
	ErrGrantee = &domain.Error{Kind: domain.Conflict, Code: "user-not-active", Detail: "the user is deactivated; reactivate it first"}
	// ErrReach: a user can hold roles at its home and below it only.
	ErrReach = &domain.Error{Kind: domain.Conflict, Code: "outside-home", Detail: "a user can hold roles at its home and below it, nowhere else"}
	// ErrGrantLevel: the role makes no sense there.
	ErrGrantLevel = &domain.Error{Kind: domain.Conflict, Code: "grant-level", Detail: "the role cannot be granted at a node of that level"}
	// ErrRestricted: the integrator lets other roles count only.
	ErrRestricted = &domain.Error{Kind: domain.Conflict, Code: "role-restricted", Detail: "the integrator does not let that role count"}
	// ErrLastAdministrator: the platform must not be left to nobody.
	ErrLastAdministrator = &domain.Error{Kind: domain.Conflict, Code: "last-administrator", Detail: "the platform must keep an active administrator whose grant does not end by itself"}
)

// Confers is what the author must have to let others have it, as far as the
// command itself knows: of a built-in role. See Role.
func (c GrantRole) Confers() domain.Permissions {
	b, _ := builtIn(c.Key)
	return b.Permissions
}

// Role is the role that is given away, and where. What one that is not built in
// lets its holders do is for [Model.Confers] to say.
func (c GrantRole) Role() (Key, domain.NodeID) { return c.Key, c.Node }

// Meaning holds the command to what its author was found to have: by the time it
// decides, the key must mean that role still, and the role the same.
func (c *GrantRole) Meaning(roles []Meaning) { c.meant = roles }

// Ends is when the grant does; nil for never.
func (c GrantRole) Ends() *time.Time { return c.until() }

// Stream names the history of access at the node.
func (c GrantRole) Stream() domain.StreamID { return Stream(c.Node) }

// Reads names the node, the roles above it, and the user.
func (c GrantRole) Reads(a Access) []domain.StreamID {
	names := append(a.histories(c.Node), domain.UserStream(c.User))
	if c.Node == domain.PlatformID {
		names = append(names, a.others(c.User)...)
	}
	return names
}

// Decide applies the rule.
func (c GrantRole) Decide(a Access, m domain.Meta) ([]domain.Event, error) {
	if err := a.open(c.Node); err != nil {
		return nil, err
	}
	ref, def, err := a.find(c.Key, c.Node)
	if err != nil {
		return nil, err
	}
	if !c.meant.has(ref, def) {
		return nil, ErrRoleMoved
	}
	after := Terms{ref, c.until()}
	before, holds, _ := a.holds(seat{c.Node, c.User, c.Key})
	if holds && before.equal(after) {
		return nil, nil
	}
	if err := c.check(a, ref, m.At); err != nil {
		return nil, err
	}
	e := RoleGranted{Node: c.Node, User: c.User, Terms: after}
	if holds {
		e.Before = &before
	}
	if user, forGood := e.Administers(); user != "" && !forGood && a.isLast(user) {
		return nil, ErrLastAdministrator
	}
	return []domain.Event{e}, nil
}

// until is in the precision that the log keeps times in.
func (c GrantRole) until() *time.Time {
	if c.Until == nil {
		return nil
	}
	t := c.Until.UTC().Truncate(time.Millisecond)
	return &t
}

func (c GrantRole) check(a Access, ref Ref, now time.Time) error {
	user := a.nodes[domain.NodeID(c.User)]
	b, built := builtIn(c.Key)
	switch {
	case user.level != domain.UserLevel:
		return domain.ErrUserNotFound
	case user.standing != domain.Pending && user.standing != domain.Usable:
		return ErrGrantee
	case !slices.Contains(a.line(c.Node), user.parent):
		return ErrReach
	case built && !slices.Contains(b.Levels, a.level(c.Node)):
		return ErrGrantLevel
	case a.restricted(ref, c.Node):
		return ErrRestricted
	case c.Until != nil && !now.Before(*c.Until):
		return ErrUntil.At("/until", ErrUntil.Detail)
	}
	return nil
}
