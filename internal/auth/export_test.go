package auth

import (
	"context"
	"crypto"
	"time"
)

// Open opens a sealed key, for tests that sign what an issuer never would.
func (s *Sealer) Open(kid string, sealed []byte) (crypto.Signer, error) { return s.open(kid, sealed) }

// ReadToken is what the fuzz test throws texts at.
func ReadToken(text string) error {
	_, err := readToken(text)
	return err
}

// The limits that tests measure against.
const (
	Leeway      = leeway
	UnknownKids = unknownKids
	KeysGood    = keysGood
	ClientBurst = clientBurst
	MostReplays = mostReplays
	MostRevoked = mostRevoked
)

// Refresh fetches the keys of an issuer now.
func (t *Trusted) Refresh(ctx context.Context) { t.keys.refresh(ctx) }

// The bounds of what is counted.
const (
	MostTallies = mostTallies
	MostLanes   = mostLanes
	PerBeat     = perBeat
)

// Beat is one beat of a running observer.
func (o *Observer) Beat(ctx context.Context) error { return o.write(ctx, o.due()) }

// Remembered is how many clients the guard against replays remembers.
func (e *Endpoints) Remembered() int { return len(e.replays.used) }

// First uses an assertion of a client.
func (e *Endpoints) First(client, jti string, expires, now time.Time) bool {
	return e.replays.first(client, jti, expires, now)
}
