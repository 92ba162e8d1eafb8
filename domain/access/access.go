// Package access is who may do what, on which node of the tree.
//
// A role is a set of permissions. A user holds a role at a node, and may there and
// at every node below do what the role lets it do, until the grant is revoked or
// ends by itself. Some roles are built in; others are defined at a node, for that
// node and those below it. An integrator can restrict which roles count in it.
//
// All of this about one node is one history, so that what must never be untrue of
// it, such as that the platform has an administrator, is decided in one place.
// Commands decide on [Access]; requests are answered by a [Model] of everything.
package access

import (
	"maps"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// Events is everything that can ever have happened to roles and grants.
var Events = domain.Vocabulary{
	domain.Define[RoleDefined]("RoleDefined", 1),
	domain.Define[RoleRetired]("RoleRetired", 1),
	domain.Define[RoleSetRestricted]("RoleSetRestricted", 1),
	domain.Define[RoleGranted]("RoleGranted", 1),
	domain.Define[RoleRevoked]("RoleRevoked", 1),
}

// Stream names the history of who may do what at a node.
func Stream(n domain.NodeID) domain.StreamID { return domain.AccessStream(n) }

// Terms are on what a user holds a role.
type Terms struct {
	Ref
	Until *time.Time `json:"until,omitempty"` // exclusive; for good if nil
}

func (t Terms) equal(o Terms) bool {
	if t.Until == nil || o.Until == nil {
		return t.Ref == o.Ref && t.Until == o.Until
	}
	return t.Ref == o.Ref && t.Until.Equal(*o.Until)
}

// A seat is a role at a node, as a user holds it.
type seat struct {
	node domain.NodeID
	user domain.UserID
	role Key
}

func (s seat) String() string { return string(s.node) + "/" + string(s.user) + "/" + string(s.role) }

// holds gives the terms on which a seat is held; ever is false if it never was.
func (a Access) holds(s seat) (t Terms, held, ever bool) {
	t, ever = a.held.get(s.String())
	return t, t.Role != "", ever
}

// A role is what is known of one that is defined at a node.
type role struct {
	Definition
	retired bool
}

// Access is what the rules need to remember about a node, those above it and the
// user in question. It is folded from the node's own history and from those that
// a command reads.
type Access struct {
	last    domain.NodeID // whose access was folded last, the own one in the end
	nodes   map[domain.NodeID]place
	roles   map[Ref]role
	allowed map[domain.NodeID][]Ref
	held    *trie[Terms]           // by seat; no terms where a role was revoked
	admins  map[domain.UserID]bool // of the platform, for good
}

// Evolve folds one event.
func (a Access) Evolve(e domain.Event) Access {
	switch e := e.(type) {
	case RoleDefined:
		a.last, a.roles = e.Node, with(a.roles, Ref{e.Role, e.Node}, role{Definition: e.Definition})
	case RoleRetired:
		ref := Ref{e.Role, e.Node}
		a.last, a.roles = e.Node, with(a.roles, ref, role{a.roles[ref].Definition, true})
	case RoleSetRestricted:
		a.last, a.allowed = e.Node, with(a.allowed, e.Node, e.After)
	case RoleGranted:
		a.last, a.held = e.Node, a.held.set(seat{e.Node, e.User, e.Role}.String(), e.Terms)
	case RoleRevoked:
		a.last, a.held = e.Node, a.held.set(seat{e.Node, e.User, e.Before.Role}.String(), Terms{})
	default:
		a.nodes = grown(a.nodes, e)
	}
	if e, ok := e.(domain.Administers); ok {
		if user, forGood := e.Administers(); user != "" {
			a.admins = with(a.admins, user, forGood)
		}
	}
	return a
}

// with is the map with one more entry; the map itself stays as it is, because
// whoever holds the old state holds the old map.
func with[K comparable, V any](m map[K]V, k K, v V) map[K]V {
	c := make(map[K]V, len(m)+1)
	maps.Copy(c, m)
	c[k] = v
	return c
}

// Owner tells whose the node is that the command was about.
func (a Access) Owner() (o domain.Owner) {
	for _, n := range a.line(a.last) {
		switch a.nodes[n].level {
		case domain.IntegratorLevel:
			o.Integrator = domain.IntegratorID(n)
		case domain.TenantLevel:
			o.Tenant = domain.TenantID(n)
		}
	}
	return o
}
