// Package security is what happened at the doors: who was refused what, and how
// often. Nothing is decided on it. It is kept at a node, so that whoever watches
// over that node sees it, and counts many refusals of the same sort as one fact.
//
// It never holds what a caller wrote: no token, no secret, no header, no body, and
// of a path only the pattern.
package security

import (
	"strings"

	"github.com/reeve-platform/reeve/domain"
)

// Events is everything that can ever have happened at a door.
var Events = domain.Vocabulary{
	domain.Define[Observed]("SecurityObserved", 1),
}

const category = "security-"

// Stream names what happened at the doors of a node.
func Stream(n domain.NodeID) domain.StreamID { return domain.StreamID(category + n) }

// Watches reports whether a stream is one of these.
func Watches(s domain.StreamID) bool { return strings.HasPrefix(string(s), category) }

// Kind is a sort of refusal.
type Kind string

// The kinds.
const (
	LoginFailed       Kind = "login-failed"        // a client did not prove who it is
	TokenRejected     Kind = "token-rejected"      // no credential, or one that is no good
	PermissionDenied  Kind = "permission-denied"   // at a node that the caller may know of
	CrossTenantDenied Kind = "cross-tenant-denied" // at one that it must not learn of
	AccessSuspended   Kind = "access-suspended"    // the caller, or where it belongs, is out for the time being
	RateLimited       Kind = "rate-limited"        // asked too often
	BootstrapRefused  Kind = "bootstrap-refused"   // tried to become the first administrator
)

// Known reports whether it is a kind at all.
func (k Kind) Known() bool {
	switch k {
	case LoginFailed, TokenRejected, PermissionDenied, CrossTenantDenied, AccessSuspended, RateLimited, BootstrapRefused:
		return true
	}
	return false
}

// Watch is what the rule needs to remember: only whose the node is.
type Watch struct{ site domain.Site }

// Evolve folds one event of the node.
func (w Watch) Evolve(e domain.Event) Watch {
	w.site = w.site.Evolve(e)
	return w
}

// Owner is the node itself.
func (w Watch) Owner() domain.Owner { return w.site.Owner() }

// ErrObservation: what was counted must have a kind, a node, an operation and an
// end that is not before its beginning.
var ErrObservation = &domain.Error{Kind: domain.Invalid, Code: "invalid-observation", Detail: "an observation needs a known kind, a node, an operation, a count and two instants in order"}
