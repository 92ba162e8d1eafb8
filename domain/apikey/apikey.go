// Package apikey is the life of an API key: a secret that something without an
// account presents with each request, to evaluate flags at one node and below.
//
//	active -> active (rotated) -> revoked
//	active -> expired, by time alone
//
// Of the secret only the digest is ever recorded.
package apikey

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// Events is everything that can ever have happened to an API key.
var Events = domain.Vocabulary{
	domain.Define[Created]("ApiKeyCreated", 1),
	domain.Define[Rotated]("ApiKeyRotated", 1),
	domain.Define[Revoked]("ApiKeyRevoked", 1),
}

// Stream names the history of an API key.
func Stream(id domain.APIKeyID) domain.StreamID { return domain.APIKeyStream(id) }

// Status is where in its life a key is, apart from time.
type Status string

// The statuses. Absent is the zero value.
const (
	Absent     Status = ""
	Active     Status = "active"
	Terminated Status = "revoked"
)

// Key is what the rules need to remember.
type Key struct {
	Node    domain.NodeID
	Status  Status
	Digest  string // of the newest secret
	Expires time.Time

	site domain.Site
}

// Evolve folds one event of the key or of its node.
func (k Key) Evolve(e domain.Event) Key {
	switch e := e.(type) {
	case Created:
		k.Node, k.Status, k.Digest, k.Expires = e.Node, Active, e.Digest, e.Expires
	case Rotated:
		k.Digest, k.Expires = e.Digest, e.Expires
	case Revoked:
		k.Status = Terminated
	default:
		k.site = k.site.Evolve(e)
	}
	return k
}

// Owner is the node that the key belongs to.
func (k Key) Owner() domain.Owner { return k.site.Owner() }

// Grantable is everything that an API key can be good for.
var Grantable = domain.PermissionsOf(domain.FlagEvaluate, domain.FlagRead)

const (
	// Life is for how long a key is valid, unless asked otherwise.
	Life = 90 * 24 * time.Hour
	// MaximumLife is the longest it can.
	MaximumLife = 400 * 24 * time.Hour
)

var (
	// ErrNotFound: no key of that id belongs to the node.
	ErrNotFound = &domain.Error{Kind: domain.NotFound, Code: "api-key-not-found", Detail: "there is no such API key at the node"}
	// ErrRevoked: a revoked key does not come back.
	ErrRevoked = &domain.Error{Kind: domain.Conflict, Code: "api-key-revoked", Detail: "the API key is revoked for good; create another one"}
	// ErrExpired: neither does one that has expired.
	ErrExpired = &domain.Error{Kind: domain.Conflict, Code: "api-key-expired", Detail: "the API key has expired; create another one"}
	// ErrExpiry: a key is valid for a while, not for ever.
	ErrExpiry = &domain.Error{Kind: domain.Invalid, Code: "invalid-expiry", Detail: "an API key expires in the future, and within 400 days"}
	// ErrNotForKeys: an API key is too easily lost to be good for more.
	ErrNotForKeys = &domain.Error{Kind: domain.Invalid, Code: "not-for-api-keys", Detail: "an API key can have flag:evaluate and flag:read, and at least one of them"}
)

// at refuses whatever is not a key of the node.
func (k Key) at(n domain.NodeID) error {
	if k.Status == Absent || k.Node != n {
		return ErrNotFound
	}
	return nil
}

// expiry is when a key expires: as asked, or at a time that was decided otherwise.
func expiry(asked *time.Time, otherwise, at time.Time) (time.Time, error) {
	if asked == nil {
		return otherwise, nil
	}
	if !asked.After(at) || asked.After(at.Add(MaximumLife)) {
		return time.Time{}, ErrExpiry.At("/expires", ErrExpiry.Detail)
	}
	return asked.UTC().Truncate(time.Millisecond), nil
}
