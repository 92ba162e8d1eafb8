package auth

import (
	"context"
	"crypto"
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
