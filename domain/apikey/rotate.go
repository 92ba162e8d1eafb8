package apikey

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// Rotate gives a key a new secret and tells it once. The old text stays good
// until the overlap ends.
type Rotate struct {
	Node    domain.NodeID   `json:"node" path:"node" doc:"Node the key belongs to."`
	Key     domain.APIKeyID `json:"key" path:"key" doc:"The key."`
	Overlap *int            `json:"overlapSeconds,omitempty" minimum:"0" maximum:"2592000" doc:"For how long the old text stays good; a day if left out."`
	Expires *time.Time      `json:"expires,omitempty" doc:"When the key expires from now on; as before if left out."`

	secret string
}

// Rotated: the key is this text, and until the overlap ends also what it was just before.
type Rotated struct {
	Key         domain.APIKeyID `json:"key"`
	Node        domain.NodeID   `json:"node"`
	Digest      string          `json:"digest"`
	OverlapEnds time.Time       `json:"overlapEnds"`
	Expires     time.Time       `json:"expires"`
	Before      time.Time       `json:"before"` // when it would have expired
}

// Change gives when the key expires.
func (e Rotated) Change() (before, after any) { return e.Before, e.Expires }

// Rearms says until when the text before counts.
func (e Rotated) Rearms() (string, time.Time) { return string(e.Key), e.OverlapEnds }

// Discreetly leaves the digest out.
func (e Rotated) Discreetly() any {
	e.Digest = ""
	return e
}

// Renews is whose credential it tells: whoever is told it can do whatever that one
// can.
func (c Rotate) Renews() (principal string, at domain.NodeID) { return string(c.Key), c.Node }

// WithSecret hands the command the secret to be.
func (c Rotate) WithSecret(plain string) Rotate {
	c.secret = domain.APIKeyText(c.Key, plain)
	return c
}

// Shown is the whole key.
func (c Rotate) Shown() string { return c.secret }

// Stream names the key's history.
func (c Rotate) Stream() domain.StreamID { return Stream(c.Key) }

// Reads names the node, which the fact belongs to.
func (c Rotate) Reads(Key) []domain.StreamID { return domain.SiteStreams(c.Node) }

// Decide applies the rule.
func (c Rotate) Decide(k Key, m domain.Meta) ([]domain.Event, error) {
	if err := k.at(c.Node); err != nil {
		return nil, err
	}
	switch {
	case k.Status == Terminated:
		return nil, ErrRevoked
	case k.Digest == domain.Digest(c.secret):
		return nil, nil
	case !m.At.Before(k.Expires):
		return nil, ErrExpired
	}
	ends, err := domain.OverlapEnds(c.Overlap, m.At)
	if err != nil {
		return nil, err
	}
	expires, err := expiry(c.Expires, k.Expires, m.At)
	if err != nil {
		return nil, err
	}
	return []domain.Event{Rotated{c.Key, c.Node, domain.Digest(c.secret), ends, expires, k.Expires}}, nil
}
