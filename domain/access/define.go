package access

import "github.com/reeve-platform/reeve/domain"

// DefineRole says what a role of a node lets its holders do, there and below. It
// replaces what was said before, for all who hold the role.
type DefineRole struct {
	Node        domain.NodeID       `json:"node" path:"node" doc:"The node: platform, or the id of an integrator or tenant."`
	Key         Key                 `json:"role" path:"role" minLength:"1" maxLength:"63" doc:"Key of the role."`
	Name        string              `json:"name" minLength:"1" maxLength:"100" doc:"Name for people."`
	Permissions []domain.Permission `json:"permissions" minItems:"1" maxItems:"64" doc:"What its holders may do; no more than the caller may."`
}

// RoleDefined: the role lets its holders do this, and nothing else.
type RoleDefined struct {
	Node domain.NodeID `json:"node"`
	Role Key           `json:"role"`
	Definition
	Before *Definition `json:"before,omitempty"` // nil if the role is new
}

// Change gives both definitions.
func (e RoleDefined) Change() (before, after any) {
	if e.Before == nil {
		return nil, e.Definition
	}
	return *e.Before, e.Definition
}

const (
	maxName = 100 // characters
	// MostRoles is how many roles a node can define, those that are retired aside.
	MostRoles = 200
)

var (
	// ErrRoleKey: a role cannot be named that way.
	ErrRoleKey = &domain.Error{Kind: domain.Invalid, Code: "invalid-role-key", Detail: "a role key is 1 to 63 of a-z, 0-9 and hyphen and begins with a letter"}
	// ErrRoleName: a name is missing, too long or cannot be read.
	ErrRoleName = &domain.Error{Kind: domain.Invalid, Code: "invalid-role-name", Detail: "a name is one line of 1 to 100 characters that can be read"}
	// ErrNoPermissions: a role that lets nobody do anything.
	ErrNoPermissions = &domain.Error{Kind: domain.Invalid, Code: "role-without-permissions", Detail: "a role needs at least one permission"}
	// ErrRoleAbove: a key means the same on the whole way down.
	ErrRoleAbove = &domain.Error{Kind: domain.Conflict, Code: "role-defined-above", Detail: "a node above defines a role of that key"}
)

// Confers is what the author must have to let others have it.
func (c DefineRole) Confers() domain.Permissions { return domain.PermissionsOf(c.Permissions...) }

// Stream names the history of access at the node.
func (c DefineRole) Stream() domain.StreamID { return Stream(c.Node) }

// Reads names the node and the roles above it.
func (c DefineRole) Reads(a Access) []domain.StreamID { return a.histories(c.Node) }

// Decide applies the rule.
func (c DefineRole) Decide(a Access, _ domain.Meta) ([]domain.Event, error) {
	after := Definition{c.Name, c.Confers()}
	before, known := a.roles[Ref{c.Key, c.Node}]
	if known && !before.retired && before.Definition == after {
		return nil, nil
	}
	if err := a.open(c.Node); err != nil {
		return nil, err
	}
	if before.retired {
		return nil, ErrRoleGone
	}
	if err := c.check(a); err != nil {
		return nil, err
	}
	if !known && a.defined(c.Node) >= MostRoles {
		return nil, domain.ErrNodeFull
	}
	e := RoleDefined{Node: c.Node, Role: c.Key, Definition: after}
	if known {
		e.Before = &before.Definition
	}
	return []domain.Event{e}, nil
}

// defined is how many roles a node defines that are not retired.
func (a Access) defined(n domain.NodeID) (count int) {
	for ref, r := range a.roles {
		if ref.DefinedAt == n && !r.retired {
			count++
		}
	}
	return count
}

func (c DefineRole) check(a Access) error {
	if _, ok := builtIn(c.Key); ok {
		return ErrBuiltIn
	}
	if ref, _, err := a.find(c.Key, a.nodes[c.Node].parent); err == nil || ref.DefinedAt != "" {
		return ErrRoleAbove
	}
	switch {
	case !keyGrammar.MatchString(string(c.Key)):
		return ErrRoleKey.At("/role", ErrRoleKey.Detail)
	case domain.CheckName(c.Name, maxName) != nil:
		return ErrRoleName.At("/name", ErrRoleName.Detail)
	case c.Confers() == 0:
		return ErrNoPermissions.At("/permissions", ErrNoPermissions.Detail)
	}
	return nil
}
