package domain

import (
	"strings"

	"github.com/google/uuid"
)

// A Level is a rung of the tree. There are exactly four.
type Level string

// The levels, from the root down.
const (
	PlatformLevel   Level = "platform"
	IntegratorLevel Level = "integrator"
	TenantLevel     Level = "tenant"
	UserLevel       Level = "user"
)

// Depth is 0 for the platform and 3 for a user.
func (l Level) Depth() int {
	switch l {
	case IntegratorLevel:
		return 1
	case TenantLevel:
		return 2
	case UserLevel:
		return 3
	}
	return 0
}

type (
	// NodeID names any node of the tree: "platform", or the UUIDv4 of an
	// integrator, tenant or user.
	NodeID string
	// IntegratorID is a UUIDv4.
	IntegratorID string
	// TenantID is a UUIDv4.
	TenantID string
	// UserID is a UUIDv4.
	UserID string
)

// PlatformID is the one node without a parent.
const PlatformID NodeID = "platform"

// DirectIntegrator is the built-in integrator that tenants without one hang under.
const DirectIntegrator IntegratorID = "00000000-0000-4000-8000-00000000d1ec"

// ErrID: ids of nodes are random UUIDs, version 4 (RFC 9562 section 5.4).
var ErrID = &Error{Kind: Invalid, Code: "invalid-id", Detail: "an id must be a UUID of version 4"}

// UnmarshalText refuses anything but a UUIDv4.
func (id *IntegratorID) UnmarshalText(b []byte) (err error) {
	*id, err = parseV4[IntegratorID](b)
	return
}

// UnmarshalText refuses anything but a UUIDv4.
func (id *TenantID) UnmarshalText(b []byte) (err error) { *id, err = parseV4[TenantID](b); return }

// UnmarshalText refuses anything but a UUIDv4.
func (id *UserID) UnmarshalText(b []byte) (err error) { *id, err = parseV4[UserID](b); return }

// UnmarshalText refuses anything but "platform" or a UUIDv4.
func (id *NodeID) UnmarshalText(b []byte) (err error) {
	if NodeID(b) == PlatformID {
		*id = PlatformID
		return nil
	}
	*id, err = parseV4[NodeID](b)
	return
}

func parseV4[ID ~string](b []byte) (ID, error) {
	if len(b) == 0 {
		return "", nil // absent; whether that is allowed is for the command to say
	}
	u, err := uuid.ParseBytes(b)
	if err != nil || len(b) != 36 || u.Version() != 4 || u.Variant() != uuid.RFC4122 {
		return "", ErrID
	}
	return ID(strings.ToLower(string(b))), nil
}

// A Requires event says how many approvals a node asks for before flags are changed at
// it, and whether all nodes below it ask for as many, at least.
type Requires interface {
	Requires() (node NodeID, approvals int, below bool)
}

// A Node is a place in the tree. Path lists the ids from the platform down to
// the node itself, joined by "/".
type Node struct {
	ID     NodeID `json:"id"`
	Level  Level  `json:"level"`
	Parent NodeID `json:"parent,omitempty"`
	Path   string `json:"path"`
}
