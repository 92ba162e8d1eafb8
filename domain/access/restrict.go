package access

import (
	"cmp"
	"slices"

	"github.com/reeve-platform/reeve/domain"
)

// RestrictRoles says which roles count in an integrator and its tenants. Grants
// of others stay recorded and are without effect until the restriction is lifted;
// new ones are refused. What is granted at the platform is not touched, nor is what
// clients and keys were registered with: they hold no roles.
type RestrictRoles struct {
	Node  domain.NodeID `json:"node" path:"node" doc:"The integrator."`
	Roles []Key         `json:"roles,omitempty" maxItems:"200" uniqueItems:"true" doc:"Keys of the roles that count; every role if left out or empty."`

	meant meant
}

// RoleSetRestricted: of the roles granted in the integrator only these count;
// every one if there are none.
type RoleSetRestricted struct {
	Node   domain.NodeID `json:"node"`
	Before []Ref         `json:"before,omitempty"`
	After  []Ref         `json:"after,omitempty"`
}

// Change gives both sets.
func (e RoleSetRestricted) Change() (before, after any) { return e.Before, e.After }

// ErrRestrictionLevel: only an integrator has a set of roles.
var ErrRestrictionLevel = &domain.Error{Kind: domain.Conflict, Code: "restriction-level", Detail: "roles can be restricted at an integrator only"}

// LetsCount are the roles that count from then on; nil for every one.
func (c RestrictRoles) LetsCount() ([]Key, domain.NodeID) { return c.Roles, c.Node }

// Meaning holds the command to what its author was found to have: by the time it
// decides, each key must mean one of these roles still, and that role the same.
func (c *RestrictRoles) Meaning(roles []Meaning) { c.meant = roles }

// Stream names the history of access at the node.
func (c RestrictRoles) Stream() domain.StreamID { return Stream(c.Node) }

// Reads names the node and the roles above it.
func (c RestrictRoles) Reads(a Access) []domain.StreamID { return a.histories(c.Node) }

// Decide applies the rule.
func (c RestrictRoles) Decide(a Access, _ domain.Meta) ([]domain.Event, error) {
	if err := a.open(c.Node); err != nil {
		return nil, err
	}
	if a.level(c.Node) != domain.IntegratorLevel {
		return nil, ErrRestrictionLevel
	}
	after, err := c.refs(a)
	if err != nil {
		return nil, err
	}
	before := a.allowed[c.Node]
	if slices.Equal(before, after) {
		return nil, nil
	}
	return []domain.Event{RoleSetRestricted{c.Node, before, after}}, nil
}

// refs finds the roles by their keys, in order. It says which role is meant
// today, so that a tenant's own role of the same key is not meant tomorrow.
func (c RestrictRoles) refs(a Access) (refs []Ref, err error) {
	for _, k := range c.Roles {
		ref, def, err := a.find(k, c.Node)
		if err != nil {
			return nil, err
		}
		if !c.meant.has(ref, def) {
			return nil, ErrRoleMoved
		}
		refs = append(refs, ref)
	}
	slices.SortFunc(refs, func(a, b Ref) int { return cmp.Compare(a.String(), b.String()) })
	return slices.Compact(refs), nil
}
