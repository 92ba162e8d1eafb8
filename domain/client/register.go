package client

import (
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// Register lets something that is no person get access tokens. It is told a
// secret once, unless it sends public keys to prove itself with.
type Register struct {
	Node        domain.NodeID       `json:"node" path:"node" doc:"Node at and below which the client may act."`
	Client      domain.ClientID     `json:"client,omitempty" doc:"Id for the new client; a random one if left out."`
	Name        string              `json:"name" minLength:"1" maxLength:"200" doc:"Name for people."`
	Permissions []domain.Permission `json:"permissions" minItems:"1" maxItems:"64" doc:"What the client may do."`
	Keys        []domain.PublicKey  `json:"keys,omitempty" maxItems:"4" doc:"Public keys for private_key_jwt, instead of a secret."`

	secret string
}

// Registered: the client may do this at the node and below.
type Registered struct {
	Client      domain.ClientID    `json:"client"`
	Node        domain.NodeID      `json:"node"`
	Name        string             `json:"name"`
	Permissions domain.Permissions `json:"permissions"`
	Credential  domain.Credential  `json:"credential"`
}

// Empowers says what the client may do.
func (e Registered) Empowers() (string, domain.NodeID, domain.Permissions) {
	return string(e.Client), e.Node, e.Permissions
}

// Change gives what came into being.
func (e Registered) Change() (before, after any) { return nil, e.Discreetly() }

// Discreetly leaves the digest out.
func (e Registered) Discreetly() any {
	e.Credential.Digest = ""
	return e
}

// Named gives the client its id.
func (c Register) Named(id uuid.UUID) Register {
	c.Client = domain.ClientID(id.String())
	return c
}

// Chosen is the id the caller chose.
func (c Register) Chosen() string { return string(c.Client) }

// Settles says that there is one client more.
func (c Register) Settles() (domain.Population, domain.NodeID) { return domain.Clients, c.Node }

// Confers is everything the client will be able to do.
func (c Register) Confers() domain.Permissions { return domain.PermissionsOf(c.Permissions...) }

// WithSecret hands the command the secret to be.
func (c Register) WithSecret(plain string) Register {
	c.secret = domain.ClientSecret(plain)
	return c
}

// Shown is the secret; none if there are keys.
func (c Register) Shown() string {
	if len(c.Keys) > 0 {
		return ""
	}
	return c.secret
}

func (c Register) credential() domain.Credential {
	if len(c.Keys) > 0 {
		return domain.Credential{Keys: c.Keys}
	}
	return domain.Credential{Digest: domain.Digest(c.secret)}
}

// Stream names the client's history.
func (c Register) Stream() domain.StreamID { return Stream(c.Client) }

// Reads names the node, whose standing matters.
func (c Register) Reads(Client) []domain.StreamID { return domain.SiteStreams(c.Node) }

// Decide applies the rule.
func (c Register) Decide(s Client, _ domain.Meta) ([]domain.Event, error) {
	if s.Status != Absent {
		return nil, domain.ErrTransition.With("a client of that id was registered before")
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := s.site.Takes(c.Node); err != nil {
		return nil, err
	}
	return []domain.Event{Registered{c.Client, c.Node, c.Name, c.Confers(), c.credential()}}, nil
}

func (c Register) check() error {
	if err := domain.CheckName(c.Name, 200); err != nil {
		return err
	}
	if c.Confers() == 0 {
		return ErrNothingPermitted.At("/permissions", ErrNothingPermitted.Detail)
	}
	return domain.CheckKeys("/keys", c.Keys)
}
