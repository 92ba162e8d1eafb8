package domain

// Standing is how far a node may be used, as its relatives see it.
type Standing string

// The standings. Absent is the zero value.
const (
	Absent  Standing = ""
	Pending Standing = "pending" // exists, not yet in use
	Usable  Standing = "active"
	Barred  Standing = "suspended" // must not be used for the time being; may still be configured
	Closed  Standing = "closed"    // kept for the record only, such as an archived tenant; must be neither used nor configured
	Ended   Standing = "ended"     // will never be again
)

// Under is how far a node may be used once the one above it is considered: what is
// in use is so only while the one above is.
func (s Standing) Under(above Standing) Standing {
	if s == Usable && (above == Barred || above == Ended) {
		return above
	}
	return s
}

// A Stands event says how a node stands from now on. Nouns that depend on a
// relative fold these without knowing the relative's own events.
type Stands interface {
	Stands() (node NodeID, standing Standing)
}

// A Placed event says where in the tree a node hangs from now on.
type Placed interface {
	Placed() (node NodeID, level Level, parent NodeID)
}

// A Called event says what a node is called in addresses from now on, and what it
// was called before; empty for nothing.
type Called interface {
	Called() (node NodeID, was, is string)
}

// A Limits event says that a tenant's use of something is limited from now on.
type Limits interface {
	Limits() (tenant TenantID)
}

// An Administers event says whether a user is from now on a platform
// administrator for good, which a grant that ends by itself is not. The empty
// user means that the event says nothing about that.
type Administers interface {
	Administers() (user UserID, forGood bool)
}

// A Houses event tells the home of a user who has no history of its own: of one
// that only the integrating application knows. No user means that it tells of none.
type Houses interface {
	Houses() (user, home NodeID)
}

// An Identifies event says that whoever an issuer knows by a subject is a user.
type Identifies interface {
	Identifies() (user UserID, issuer, subject string)
}

// PlatformStream is the platform's own history.
const PlatformStream StreamID = "platform-platform"

// IntegratorStream names the history of an integrator.
func IntegratorStream(id IntegratorID) StreamID { return StreamID("integrator-" + id) }

// TenantStream names the history of a tenant.
func TenantStream(id TenantID) StreamID { return StreamID("tenant-" + id) }

// QuotaStream names the history of a tenant's quotas.
func QuotaStream(id TenantID) StreamID { return StreamID("quota-" + id) }

// UserStream names the history of a user.
func UserStream(id UserID) StreamID { return StreamID("user-" + id) }

// AccessStream names the history of who may do what at a node.
func AccessStream(id NodeID) StreamID { return StreamID("access-" + id) }

// What a noun answers when a relative that it needs is missing or unfit.
var (
	ErrIntegratorNotFound  = &Error{Kind: NotFound, Code: "integrator-not-found", Detail: "there is no such integrator"}
	ErrIntegratorGone      = &Error{Kind: Gone, Code: "integrator-gone", Detail: "the integrator was offboarded"}
	ErrIntegratorStopped   = &Error{Kind: Conflict, Code: "integrator-stopped", Detail: "the integrator is stopped; restart it first"}
	ErrIntegratorNotActive = &Error{Kind: Conflict, Code: "integrator-not-active", Detail: "the integrator must be active"}
	ErrTenantNotFound      = &Error{Kind: NotFound, Code: "tenant-not-found", Detail: "there is no such tenant"}
	ErrNodeNotFound        = &Error{Kind: NotFound, Code: "node-not-found", Detail: "there is no such node"}
	ErrUserNotFound        = &Error{Kind: NotFound, Code: "user-not-found", Detail: "there is no such user"}
	ErrTenantGone          = &Error{Kind: Gone, Code: "tenant-gone", Detail: "the tenant was deleted"}
)
