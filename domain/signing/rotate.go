package signing

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// Rotate makes a new key that tokens are signed with. The key itself comes from
// the write path, which asks for one of this algorithm.
type Rotate struct {
	Alg Alg `json:"alg,omitempty" enum:"RS256,ES256,EdDSA" doc:"Algorithm of the new key; RS256 if left out."`

	key   domain.SigningKey
	first bool
}

// Rotated: from SignsFrom on tokens are signed with the key. Those before it are
// believed until BeforeUntil.
type Rotated struct {
	Key         domain.PublicKey `json:"key"`
	Sealed      []byte           `json:"sealed"` // the private key, PKCS #8 under AES-256-GCM
	SignsFrom   time.Time        `json:"signsFrom"`
	Before      string           `json:"before,omitempty"` // the key it takes over from
	BeforeUntil time.Time        `json:"beforeUntil,omitzero"`
}

// Change gives the names of both keys.
func (e Rotated) Change() (before, after any) { return e.Before, e.Key.Kid }

// Discreetly leaves the private key out.
func (e Rotated) Discreetly() any {
	e.Sealed = nil
	return e
}

// First makes the very first key; if there is one already, nothing happens.
func First() Rotate { return Rotate{first: true} }

// Forges names the algorithm that a key is needed for.
func (c Rotate) Forges() string {
	if c.Alg == "" {
		return string(RS256)
	}
	return string(c.Alg)
}

// WithKey hands the command the key.
func (c Rotate) WithKey(k domain.SigningKey) Rotate {
	c.key = k
	return c
}

// Stream names the history of all keys.
func (c Rotate) Stream() domain.StreamID { return Stream }

// Decide applies the rule.
func (c Rotate) Decide(k Keys, m domain.Meta) ([]domain.Event, error) {
	last := k.newest()
	switch {
	case k.has(c.key.Public.Kid), c.first && last.Kid != "":
		return nil, nil
	case m.At.Before(last.From):
		return nil, ErrTooSoon
	case c.key.Public.Alg != c.Forges():
		return nil, ErrAlg
	}
	if err := c.key.Public.Check(); err != nil {
		return nil, err
	}
	if last.Kid == "" {
		return []domain.Event{Rotated{Key: c.key.Public, Sealed: c.key.Sealed, SignsFrom: m.At}}, nil
	}
	from := m.At.Add(Notice)
	return []domain.Event{Rotated{c.key.Public, c.key.Sealed, from, last.Kid, from.Add(Linger)}}, nil
}
