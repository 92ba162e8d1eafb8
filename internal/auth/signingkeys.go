package auth

import (
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/signing"
)

// applySigning folds what happened to a signing key. The list is never changed
// in place: whoever has read it keeps what it has.
func (d *Directory) applySigning(e domain.Event) {
	switch e := e.(type) {
	case signing.Rotated:
		k, err := importKey(e.Key)
		if err != nil {
			return
		}
		keys := slices.Clone(d.signing)
		for i := range keys {
			if keys[i].until.IsZero() {
				keys[i].until = e.BeforeUntil
			}
		}
		d.signing = append(keys, signingKey{k, e.SignsFrom, e.Sealed})
	case signing.Retired:
		d.signing = slices.DeleteFunc(slices.Clone(d.signing), func(k signingKey) bool { return k.public.Kid == e.Kid })
	}
}

func (d *Directory) signingKeys() []signingKey {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.signing
}

// verifying finds a signing key whose signatures are believed.
func (d *Directory) verifying(kid string, at time.Time) (verifyKey, bool) {
	for _, k := range d.signingKeys() {
		if k.public.Kid == kid && k.live(at) {
			return k.verifyKey, true
		}
	}
	return verifyKey{}, false
}

// signer is the key to sign with: the newest whose turn has come, or else the
// oldest that waits for it, which happens when the one before had to be retired.
func (d *Directory) signer(at time.Time) (signingKey, bool) {
	keys := d.signingKeys()
	for _, k := range slices.Backward(keys) {
		if !at.Before(k.from) && k.live(at) {
			return k, true
		}
	}
	for _, k := range keys {
		if k.live(at) {
			return k, true
		}
	}
	return signingKey{}, false
}

// Published is every key that a verifier of our tokens needs at an instant, those
// included that do not sign yet.
func (d *Directory) Published(at time.Time) []domain.PublicKey {
	out := []domain.PublicKey{}
	for _, k := range d.signingKeys() {
		if k.live(at) {
			out = append(out, k.public)
		}
	}
	return out
}
