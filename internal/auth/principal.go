package auth

import (
	"errors"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// The types of principals, as events name their actors.
const (
	User    = "user"
	Service = "service" // an OAuth client or an API key
)

// A Principal is who makes a request, as far as the credential says.
type Principal struct {
	ID      string             // UUIDv4 of a user, a client or an API key
	Type    string             // User or Service
	Node    domain.NodeID      // the credential is good at this node and below only
	Scopes  domain.Permissions // what the credential allows at most
	Expires time.Time          // of the credential
	Key     bool               // the credential is an API key, such as applications carry into the open
}

var (
	// ErrInvalid: whatever is wrong with a credential, this is all that is said.
	ErrInvalid = &domain.Error{Kind: domain.Unauthenticated, Code: "invalid-token", Detail: "the access token or API key is not valid"}
	// ErrExpired: the credential was good and is too old.
	ErrExpired = &domain.Error{Kind: domain.Unauthenticated, Code: "expired-token", Detail: "the access token or API key has expired"}
	// ErrAmbiguous: two credentials may belong to two principals.
	ErrAmbiguous = &domain.Error{Kind: domain.Unauthenticated, Code: "ambiguous-credentials", Detail: "send one access token or one API key, and only one"}
	// ErrNoSigningKey: tokens cannot be signed just now.
	ErrNoSigningKey = &domain.Error{Kind: domain.Unavailable, Code: "no-signing-key", Detail: "access tokens cannot be signed just now"}
)

// Challenge is the WWW-Authenticate header (RFC 6750 section 3) for an answer to
// a request that was refused with err.
func Challenge(err error) string {
	const realm = `Bearer realm="reeve"`
	switch {
	case errors.Is(err, ErrInvalid):
		return realm + `, error="invalid_token"`
	case errors.Is(err, ErrExpired):
		return realm + `, error="invalid_token", error_description="expired"`
	case errors.Is(err, ErrAmbiguous):
		return realm + `, error="invalid_request"`
	}
	return realm
}

// everything is every permission there is.
var everything = domain.PermissionsOf(domain.AllPermissions...)
