// Package signing is the life of the keys that access tokens are signed with.
// They follow each other and overlap:
//
//	next -> signing -> verifying -> gone
//	any of them -> retired
//
// A new key is published for a while before anything is signed with it, and
// stays published after its successor took over until the last token signed
// with it has expired, so that nobody is ever shown a token of a key that they
// cannot know. Private keys are recorded sealed, under a key outside the log.
package signing

import (
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// Events is everything that can ever have happened to signing keys.
var Events = domain.Vocabulary{
	domain.Define[Rotated]("SigningKeyRotated", 1),
	domain.Define[Retired]("SigningKeyRetired", 1),
}

// Stream is the history of all signing keys.
const Stream = domain.SigningKeysStream

const (
	// Notice is for how long a key is published before it signs.
	Notice = 10 * time.Second
	// Linger is for how long it stays published after the last signature: the
	// longest life of a token and some leeway for clocks.
	Linger = 20 * time.Minute
)

// Alg is what tokens are signed with.
type Alg string

// The algorithms. RS256 is what every verifier knows.
const (
	RS256 Alg = "RS256"
	ES256 Alg = "ES256"
	EdDSA Alg = "EdDSA"
)

// A Term is when one key may be used, in both senses.
type Term struct {
	Kid   string
	From  time.Time // it signs from then on
	Until time.Time // it verifies until then; the zero time for no end
}

// live reports whether signatures of the key are believed.
func (t Term) live(at time.Time) bool { return t.Until.IsZero() || at.Before(t.Until) }

// Keys is what the rules need to remember, oldest first.
type Keys struct{ Terms []Term }

// Evolve folds one event.
func (k Keys) Evolve(e domain.Event) Keys {
	switch e := e.(type) {
	case Rotated:
		terms := slices.Clone(k.Terms)
		for i := range terms {
			if terms[i].Until.IsZero() {
				terms[i].Until = e.BeforeUntil
			}
		}
		k.Terms = append(terms, Term{Kid: e.Key.Kid, From: e.SignsFrom})
	case Retired:
		k.Terms = slices.DeleteFunc(slices.Clone(k.Terms), func(t Term) bool { return t.Kid == e.Kid })
	}
	return k
}

func (k Keys) has(kid string) bool {
	return slices.ContainsFunc(k.Terms, func(t Term) bool { return t.Kid == kid })
}

// newest is the key that signs, or is about to; the zero Term if there is none.
func (k Keys) newest() (t Term) {
	if n := len(k.Terms); n > 0 {
		t = k.Terms[n-1]
	}
	return t
}

var (
	// ErrNotFound: there is no signing key of that name.
	ErrNotFound = &domain.Error{Kind: domain.NotFound, Code: "signing-key-not-found", Detail: "there is no such signing key"}
	// ErrInUse: without its newest key nothing could be signed.
	ErrInUse = &domain.Error{Kind: domain.Conflict, Code: "signing-key-in-use", Detail: "that is the newest signing key; rotate first"}
	// ErrTooSoon: two keys that wait for their turn would be one too many.
	ErrTooSoon = &domain.Error{Kind: domain.Conflict, Code: "signing-key-pending", Detail: "the newest signing key is not in use yet; try again in a few seconds"}
	// ErrAlg: nothing is signed like that.
	ErrAlg = &domain.Error{Kind: domain.Invalid, Code: "invalid-algorithm", Detail: "the algorithm must be RS256, ES256 or EdDSA"}
)
