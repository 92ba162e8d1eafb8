package client

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// Rotate gives a client a new secret, or takes its new keys. The old ones stay
// valid until the overlap ends, so that nothing fails while they are replaced.
type Rotate struct {
	Node    domain.NodeID      `json:"node" path:"node" doc:"Node the client is registered at."`
	Client  domain.ClientID    `json:"client" path:"client" doc:"The client."`
	Keys    []domain.PublicKey `json:"keys,omitempty" maxItems:"4" doc:"New public keys; left out for a new secret."`
	Overlap *int               `json:"overlapSeconds,omitempty" minimum:"0" maximum:"2592000" doc:"For how long the old credential stays valid; a day if left out."`

	secret string
}

// CredentialRotated: the client proves itself with this, and until the overlap
// ends also with what it had just before.
type CredentialRotated struct {
	Client      domain.ClientID   `json:"client"`
	Node        domain.NodeID     `json:"node"`
	Credential  domain.Credential `json:"credential"`
	OverlapEnds time.Time         `json:"overlapEnds"`
}

// Rearms says until when the credential before counts: a token that was got with it
// at the last moment lives on, and clocks differ.
func (e CredentialRotated) Rearms() (string, time.Time) {
	return string(e.Client), e.OverlapEnds.Add(MaximumLife + time.Minute)
}

// Discreetly leaves the digest out.
func (e CredentialRotated) Discreetly() any {
	e.Credential.Digest = ""
	return e
}

// Renews is whose credential it tells: whoever is told it can do whatever that one
// can.
func (c Rotate) Renews() (principal string, at domain.NodeID) { return string(c.Client), c.Node }

// WithSecret hands the command the secret to be.
func (c Rotate) WithSecret(plain string) Rotate {
	c.secret = domain.ClientSecret(plain)
	return c
}

// Shown is the new secret; none if there are keys.
func (c Rotate) Shown() string { return Register{Keys: c.Keys, secret: c.secret}.Shown() }

// Stream names the client's history.
func (c Rotate) Stream() domain.StreamID { return Stream(c.Client) }

// Reads names the node, which the fact belongs to.
func (c Rotate) Reads(Client) []domain.StreamID { return domain.SiteStreams(c.Node) }

// Decide applies the rule.
func (c Rotate) Decide(s Client, m domain.Meta) ([]domain.Event, error) {
	if err := s.at(c.Node); err != nil {
		return nil, err
	}
	ends, err := domain.OverlapEnds(c.Overlap, m.At)
	switch {
	case s.Status == Inactive:
		return nil, ErrDisabled
	case err != nil:
		return nil, err
	case len(s.Credential.Keys) > 0 && len(c.Keys) == 0:
		return nil, ErrKeysRequired.At("/keys", ErrKeysRequired.Detail)
	}
	if err := domain.CheckKeys("/keys", c.Keys); err != nil {
		return nil, err
	}
	credential := Register{Keys: c.Keys, secret: c.secret}.credential()
	if credential.Equal(s.Credential) {
		return nil, nil
	}
	return []domain.Event{CredentialRotated{c.Client, c.Node, credential, ends}}, nil
}
