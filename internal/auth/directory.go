package auth

import (
	"crypto/subtle"
	"sync"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/apikey"
	"github.com/reeve-platform/reeve/domain/client"
	"github.com/reeve-platform/reeve/domain/signing"
)

// A Directory is who there is, folded from the log. It is safe for concurrent
// use, and asks for no clock: every look-up names its instant.
type Directory struct {
	mu      sync.RWMutex
	at      uint64 // position of the last fact
	clients map[domain.ClientID]holder
	keys    map[domain.APIKeyID]holder
	signing []signingKey // oldest first
	revoked revocations
	links   map[identity]domain.UserID
	places  map[domain.NodeID]place
}

type (
	// A holder has a credential, and had another one just before.
	holder struct {
		id          string
		node        domain.NodeID
		permissions domain.Permissions // none: it is nobody any more
		expires     time.Time          // the zero time for never
		now, before proof
		overlap     time.Time // until when the one before counts
	}

	// A proof is what a holder can prove itself with.
	proof struct {
		digest string
		keys   []verifyKey
	}

	// A signingKey is one that tokens are signed with.
	signingKey struct {
		verifyKey
		from   time.Time
		sealed []byte
	}

	identity struct{ issuer, subject string }

	// A place is where in the tree a node hangs.
	place struct {
		level  domain.Level
		parent domain.NodeID
	}
)

// NewDirectory knows nobody yet.
func NewDirectory() *Directory {
	return &Directory{
		clients: map[domain.ClientID]holder{}, keys: map[domain.APIKeyID]holder{},
		revoked: newRevocations(), links: map[identity]domain.UserID{}, places: map[domain.NodeID]place{},
	}
}

// Apply folds one fact of the log. Facts that come again are passed over, and so
// is what stands in a stream that it does not belong to: somebody else may write
// into the same log. Whoever feeds a directory must stop at a fact that cannot be
// decoded.
func (d *Directory) Apply(r domain.Recorded) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.Position <= d.at {
		return nil
	}
	d.at = r.Position
	if e, ok := r.Event.(domain.Placed); ok {
		node, level, parent := e.Placed()
		d.places[node] = place{level, parent}
	}
	if e, ok := r.Event.(domain.Identifies); ok {
		if user, issuer, subject := e.Identifies(); user != "" {
			d.links[identity{issuer, subject}] = user
		}
	}
	if e, ok := r.Event.(domain.Appoints); ok && r.Stream == domain.PlatformStream {
		d.appoint(e.Appoints())
	}
	d.applyClient(r)
	d.applyKey(r)
	if r.Stream == signing.Stream {
		d.applySigning(r.Event)
	}
	return nil
}

// appoint lets a client do everything that has something to prove itself with, which
// one that is disabled has not.
func (d *Directory) appoint(id domain.ClientID) {
	if h := d.clients[id]; h.now.digest != "" || len(h.now.keys) > 0 {
		h.permissions = everything
		d.clients[id] = h
	}
}

func (d *Directory) applyClient(r domain.Recorded) {
	change := func(id domain.ClientID, f func(*holder)) {
		if h := d.clients[id]; r.Stream == client.Stream(id) {
			f(&h)
			d.clients[id] = h
		}
	}
	switch e := r.Event.(type) {
	case client.Registered:
		change(e.Client, func(h *holder) {
			*h = holder{id: string(e.Client), node: e.Node, permissions: e.Permissions, now: proofOf(e.Credential)}
		})
	case client.CredentialRotated:
		change(e.Client, func(h *holder) { h.rotate(proofOf(e.Credential), e.OverlapEnds) })
	case client.Disabled:
		change(e.Client, func(h *holder) { h.permissions, h.now, h.before = 0, proof{}, proof{} })
	case client.TokenRevoked:
		if r.Stream == client.RevocationStream(e.Client) || r.Stream == client.Stream(e.Client) { // the latter until there was the former
			d.revoked.forget(r.Meta.At)
			d.revoked.add(revocation{e.Client, e.JTI}, e.Expires)
		}
	}
}

func (d *Directory) applyKey(r domain.Recorded) {
	change := func(id domain.APIKeyID, f func(*holder)) {
		if h := d.keys[id]; r.Stream == apikey.Stream(id) {
			f(&h)
			d.keys[id] = h
		}
	}
	switch e := r.Event.(type) {
	case apikey.Created:
		change(e.Key, func(h *holder) {
			*h = holder{id: string(e.Key), node: e.Node, permissions: e.Permissions, expires: e.Expires, now: proof{digest: e.Digest}}
		})
	case apikey.Rotated:
		change(e.Key, func(h *holder) {
			h.rotate(proof{digest: e.Digest}, e.OverlapEnds)
			h.expires = e.Expires
		})
	case apikey.Revoked:
		change(e.Key, func(h *holder) { h.permissions, h.now, h.before = 0, proof{}, proof{} })
	}
}

func proofOf(c domain.Credential) proof { return proof{c.Digest, importKeys(c.Keys)} }

func (h *holder) rotate(next proof, overlap time.Time) {
	h.before, h.now, h.overlap = h.now, next, overlap
}

// client finds an OAuth client that is not disabled.
func (d *Directory) client(id domain.ClientID) (holder, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	h, ok := d.clients[id]
	return h, ok && h.permissions != 0
}

// apiKey finds an API key that is not revoked; it may have expired.
func (d *Directory) apiKey(id domain.APIKeyID) (holder, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	h, ok := d.keys[id]
	return h, ok && h.permissions != 0
}

// isRevoked reports whether a token was taken back.
func (d *Directory) isRevoked(by domain.ClientID, jti string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	_, revoked := d.revoked.until[revocation{by, jti}]
	return revoked
}

// mayRevoke reports whether a client has taken back so few tokens that it may take
// back another one.
func (d *Directory) mayRevoke(by domain.ClientID, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.revoked.forget(now)
	return d.revoked.of[by] < mostRevoked
}

// linked finds the user that an external issuer knows as subject, if it is one that
// the issuer vouches for: a tenant may have gone elsewhere with its users.
func (d *Directory) linked(by External, subject string) (domain.UserID, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	user, ok := d.links[identity{by.Issuer, subject}]
	return user, ok && d.liesIn(domain.NodeID(user), by.Node)
}

// liesIn reports whether a node is another one or lies below it.
func (d *Directory) liesIn(n, at domain.NodeID) bool {
	for range deepest {
		if n == at || at == domain.PlatformID {
			return true
		}
		n = d.places[n].parent
	}
	return false
}

// deepest is how many nodes lie between the platform and a user, both included.
const deepest = 4

// level is where in the tree a node stands.
func (d *Directory) level(n domain.NodeID) domain.Level {
	if n == domain.PlatformID {
		return domain.PlatformLevel
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.places[n].level
}

// proves reports whether a secret is one of the holder's. It takes as long
// whether it is or not.
func (h holder) proves(secret string, at time.Time) bool {
	digest := []byte(domain.Digest(secret))
	now := subtle.ConstantTimeCompare(digest, []byte(h.now.digest))
	before := subtle.ConstantTimeCompare(digest, []byte(h.before.digest))
	if !at.Before(h.overlap) {
		before = 0
	}
	return now|before == 1
}

// key finds one of the holder's public keys.
func (h holder) key(kid string, at time.Time) (verifyKey, bool) {
	for _, k := range h.now.keys {
		if k.public.Kid == kid {
			return k, true
		}
	}
	for _, k := range h.before.keys {
		if k.public.Kid == kid && at.Before(h.overlap) {
			return k, true
		}
	}
	return verifyKey{}, false
}
