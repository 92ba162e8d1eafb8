// Package client is the life of an OAuth client: something that is not a person,
// registered at one node with a fixed set of permissions.
//
//	registered -> registered (credential rotated) -> disabled
//
// It proves who it is with a secret or with keys of its own (RFC 7523). Of a
// secret only the digest is ever recorded.
package client

import (
	"maps"

	"github.com/reeve-platform/reeve/domain"
)

// Events is everything that can ever have happened to a client.
var Events = domain.Vocabulary{
	domain.Define[Registered]("ClientRegistered", 1),
	domain.Define[CredentialRotated]("ClientCredentialRotated", 1),
	domain.Define[Disabled]("ClientDisabled", 1),
	domain.Define[TokenRevoked]("ClientTokenRevoked", 1),
}

// Stream names the history of a client.
func Stream(id domain.ClientID) domain.StreamID { return domain.ClientStream(id) }

// Status is where in its life a client is.
type Status string

// The statuses. Absent is the zero value.
const (
	Absent   Status = ""
	Active   Status = "active"
	Inactive Status = "disabled" // for good
)

// Client is what the rules need to remember.
type Client struct {
	Node       domain.NodeID
	Status     Status
	Credential domain.Credential // the newest

	site      domain.Site
	appointed domain.ClientID        // the platform's first administrator
	admins    map[domain.UserID]bool // who administer the platform for good; never changed in place
}

// Evolve folds one event of the client or of its node.
func (c Client) Evolve(e domain.Event) Client {
	switch e := e.(type) {
	case Registered:
		c.Node, c.Status, c.Credential = e.Node, Active, e.Credential
	case CredentialRotated:
		c.Credential = e.Credential
	case Disabled:
		c.Status = Inactive
	case domain.Appoints:
		c.appointed = e.Appoints()
	default:
		c.site = c.site.Evolve(e)
	}
	return c.administered(e)
}

func (c Client) administered(e domain.Event) Client {
	a, ok := e.(domain.Administers)
	if !ok {
		return c
	}
	if user, forGood := a.Administers(); user != "" {
		admins := maps.Clone(c.admins)
		if admins == nil {
			admins = map[domain.UserID]bool{}
		}
		admins[user] = forGood
		c.admins = admins
	}
	return c
}

// last reports whether the platform would be left to nobody without the client.
func (c Client) last(id domain.ClientID) bool {
	for _, forGood := range c.admins {
		if forGood {
			return false
		}
	}
	return c.appointed == id
}

// Owner is the node that the client is registered at.
func (c Client) Owner() domain.Owner { return c.site.Owner() }

var (
	// ErrNotFound: no client of that id is registered at the node.
	ErrNotFound = &domain.Error{Kind: domain.NotFound, Code: "client-not-found", Detail: "there is no such client at the node"}
	// ErrDisabled: a client is disabled for good.
	ErrDisabled = &domain.Error{Kind: domain.Conflict, Code: "client-disabled", Detail: "the client is disabled for good; register another one"}
	// ErrNothingPermitted: a client that may do nothing is of no use.
	ErrNothingPermitted = &domain.Error{Kind: domain.Invalid, Code: "permissions-required", Detail: "at least one permission is needed"}
	// ErrLastAdministrator: the platform must not be left to nobody.
	ErrLastAdministrator = &domain.Error{Kind: domain.Conflict, Code: "only-administrator", Detail: "the client is all that administers the platform; make a user its administrator first"}
	// ErrKeysRequired: a client with keys of its own gets new keys, no secret.
	ErrKeysRequired = &domain.Error{Kind: domain.Invalid, Code: "keys-required", Detail: "the client proves itself with keys; send its new ones"}
)

// at refuses whatever is not an active client of the node.
func (c Client) at(n domain.NodeID) error {
	if c.Status == Absent || c.Node != n {
		return ErrNotFound
	}
	return nil
}
