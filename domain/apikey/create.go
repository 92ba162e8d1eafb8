package apikey

import (
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// Create makes an API key and tells it once.
type Create struct {
	Node        domain.NodeID       `json:"node" path:"node" doc:"Node at and below which the key is good."`
	Key         domain.APIKeyID     `json:"key,omitempty" doc:"Id for the new key; a random one if left out."`
	Name        string              `json:"name" minLength:"1" maxLength:"200" doc:"Name for people."`
	Permissions []domain.Permission `json:"permissions" minItems:"1" maxItems:"2" enum:"flag:evaluate,flag:read" doc:"What the key is good for."`
	Expires     *time.Time          `json:"expires,omitempty" doc:"When it expires; in 90 days if left out."`

	secret string
}

// Created: whoever presents the key may do this at the node and below, until it expires.
type Created struct {
	Key         domain.APIKeyID    `json:"key"`
	Node        domain.NodeID      `json:"node"`
	Name        string             `json:"name"`
	Permissions domain.Permissions `json:"permissions"`
	Digest      string             `json:"digest"` // of the text of the key, SHA-256 in hexadecimal
	Expires     time.Time          `json:"expires"`
}

// Empowers says what the key is good for.
func (e Created) Empowers() (string, domain.NodeID, domain.Permissions) {
	return string(e.Key), e.Node, e.Permissions
}

// Change gives what came into being.
func (e Created) Change() (before, after any) { return nil, e.Discreetly() }

// Discreetly leaves the digest out.
func (e Created) Discreetly() any {
	e.Digest = ""
	return e
}

// Named gives the key its id.
func (c Create) Named(id uuid.UUID) Create {
	c.Key = domain.APIKeyID(id.String())
	return c
}

// Chosen is the id the caller chose.
func (c Create) Chosen() string { return string(c.Key) }

// Settles says that there is one key more.
func (c Create) Settles() (domain.Population, domain.NodeID) { return domain.APIKeys, c.Node }

// Confers is everything the key will be good for.
func (c Create) Confers() domain.Permissions { return domain.PermissionsOf(c.Permissions...) }

// WithSecret hands the command the secret to be; the id must be there before.
func (c Create) WithSecret(plain string) Create {
	c.secret = domain.APIKeyText(c.Key, plain)
	return c
}

// Shown is the whole key.
func (c Create) Shown() string { return c.secret }

// Stream names the key's history.
func (c Create) Stream() domain.StreamID { return Stream(c.Key) }

// Reads names the node, whose standing matters.
func (c Create) Reads(Key) []domain.StreamID { return domain.SiteStreams(c.Node) }

// Decide applies the rule.
func (c Create) Decide(k Key, m domain.Meta) ([]domain.Event, error) {
	if k.Status != Absent {
		return nil, domain.ErrTransition.With("an API key of that id was created before")
	}
	if err := domain.CheckName(c.Name, 200); err != nil {
		return nil, err
	}
	if what := c.Confers(); what == 0 || !Grantable.Has(what) {
		return nil, ErrNotForKeys.At("/permissions", ErrNotForKeys.Detail)
	}
	expires, err := expiry(c.Expires, m.At.Add(Life), m.At)
	if err != nil {
		return nil, err
	}
	if err := k.site.Takes(c.Node); err != nil {
		return nil, err
	}
	return []domain.Event{Created{c.Key, c.Node, c.Name, c.Confers(), domain.Digest(c.secret), expires}}, nil
}
