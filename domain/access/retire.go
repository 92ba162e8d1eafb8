package access

import "github.com/reeve-platform/reeve/domain"

// RetireRole takes a role away from everybody who holds it, for good. Its key is
// not used again: a new role of that name would come to old holders unasked.
type RetireRole struct {
	Node domain.NodeID `json:"node" path:"node" doc:"The node that defines the role."`
	Key  Key           `json:"role" path:"role" minLength:"1" maxLength:"63" doc:"Key of the role."`
}

// RoleRetired: whoever holds the role may do nothing by it.
type RoleRetired struct {
	Node   domain.NodeID `json:"node"`
	Role   Key           `json:"role"`
	Before Definition    `json:"before"`
}

// Change gives the definition that is gone.
func (e RoleRetired) Change() (before, after any) { return e.Before, nil }

// Stream names the history of access at the node.
func (c RetireRole) Stream() domain.StreamID { return Stream(c.Node) }

// Reads names the node.
func (c RetireRole) Reads(a Access) []domain.StreamID { return a.histories(c.Node) }

// Decide applies the rule.
func (c RetireRole) Decide(a Access, _ domain.Meta) ([]domain.Event, error) {
	r, known := a.roles[Ref{c.Key, c.Node}]
	_, built := builtIn(c.Key)
	switch {
	case r.retired:
		return nil, nil
	case built:
		return nil, ErrBuiltIn
	case !known:
		return nil, ErrRoleNotFound
	}
	return []domain.Event{RoleRetired{c.Node, c.Key, r.Definition}}, nil
}
