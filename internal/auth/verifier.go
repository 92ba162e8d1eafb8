package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

// Options are what verifying and issuing need to agree on.
type Options struct {
	Issuer   string           // our own address, such as https://reeve.example
	Audience string           // of our tokens; the issuer if empty
	Trusted  []*Trusted       // other issuers
	Now      func() time.Time // nil: the clock
}

func (o Options) filled() Options {
	if o.Audience == "" {
		o.Audience = o.Issuer
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// A Verifier says whose credential a request comes with.
type Verifier struct {
	o         Options
	directory *Directory
	trusted   map[string]*Trusted
	cache     *lru.Cache[[sha256.Size]byte, believed]
}

// believed is a token whose signature was found good. Whatever may change
// afterwards is looked at each time.
type believed struct {
	principal Principal
	claims    Claims
	kid       string
	issuer    *Trusted   // nil: we
	subject   string     // as the other issuer calls it
	key       thumbprint // of the other issuer
}

// cached is how many verified tokens are remembered.
const cached = 16 << 10

// NewVerifier believes what the directory knows.
func NewVerifier(d *Directory, o Options) *Verifier {
	v := &Verifier{o: o.filled(), directory: d, trusted: map[string]*Trusted{}}
	for _, t := range o.Trusted {
		v.trusted[t.o.Issuer] = t
	}
	v.cache, _ = lru.New[[sha256.Size]byte, believed](cached)
	return v
}

// Authenticate finds out who makes a request, from an access token or an API key
// in the Authorization header, or an API key in X-API-Key. Credentials in the
// query string are none. It fails with edge.ErrUnauthenticated if there is no
// credential, and with an error of this package if there is no good one.
func (v *Verifier) Authenticate(r *http.Request) (Principal, error) {
	bearer, keys := r.Header["Authorization"], r.Header["X-Api-Key"]
	switch {
	case len(bearer)+len(keys) == 0:
		return Principal{}, edge.ErrUnauthenticated
	case len(bearer)+len(keys) > 1:
		return Principal{}, ErrAmbiguous
	case len(keys) == 1:
		return v.APIKey(keys[0])
	}
	scheme, credential, _ := strings.Cut(bearer[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return Principal{}, ErrInvalid
	}
	if strings.HasPrefix(credential, domain.APIKeyPrefix) {
		return v.APIKey(credential)
	}
	return v.Token(r.Context(), credential)
}

// APIKey says whose key it is.
func (v *Verifier) APIKey(text string) (Principal, error) {
	id, ok := domain.ReadAPIKey(text)
	if !ok {
		return Principal{}, ErrInvalid
	}
	now := v.o.Now()
	h, ok := v.directory.apiKey(id)
	p := Principal{ID: h.id, Type: Service, Node: h.node, Scopes: h.permissions, Expires: h.expires, Key: true}
	switch proves := h.proves(text, now); {
	case !ok || !proves:
		return Principal{}, plain(claimedBy(p, ErrInvalid))
	case !now.Before(h.expires):
		return Principal{}, plain(claimedBy(p, ErrExpired))
	}
	return p, nil
}

// Token says whose access token it is. A token that comes again costs a hash.
func (v *Verifier) Token(ctx context.Context, text string) (Principal, error) {
	b, err := v.token(ctx, text)
	return b.principal, err
}

func (v *Verifier) token(ctx context.Context, text string) (believed, error) {
	if len(text) > maxToken {
		return believed{}, ErrInvalid
	}
	sum, now := sumOf(text), v.o.Now()
	b, known := v.cache.Get(sum)
	if !known {
		var err error
		if b, err = v.read(ctx, text, now); err != nil {
			return believed{}, plain(claimedBy(b.principal, err))
		}
	}
	if err := v.stillGood(b, now); err != nil {
		v.cache.Remove(sum)
		return believed{}, plain(claimedBy(b.principal, err))
	}
	if !known {
		v.cache.Add(sum, b)
	}
	return b, nil
}

// sumOf copies a text of ordinary length to the stack, which costs no allocation.
func sumOf(text string) [sha256.Size]byte {
	var room [2048]byte
	return sha256.Sum256(append(room[:0], text...))
}

// plain tells a caller nothing but that its credential is no good, or too old.
func plain(err error) error {
	if errors.Is(err, ErrExpired) {
		return ErrExpired.Because(err)
	}
	return ErrInvalid.Because(err)
}

// claimed is why a credential is no good, and whose it says it is. That stays
// inside, for the record.
type claimed struct {
	error
	by Principal
}

// Unwrap gives the reason.
func (c claimed) Unwrap() error { return c.error }

// claimedBy adds whose credential it is, as far as that is known.
func claimedBy(p Principal, err error) error {
	if p.ID == "" {
		return err
	}
	return claimed{err, p}
}

// read verifies a token that was never seen before.
func (v *Verifier) read(ctx context.Context, text string, now time.Time) (believed, error) {
	t, err := readToken(text)
	if err != nil {
		return believed{}, err
	}
	issuer, _ := stringOf(t.claims["iss"])
	if trusted, ok := v.trusted[issuer]; ok {
		return trusted.read(ctx, v.directory, t, now)
	}
	if issuer != v.o.Issuer || t.typ != accessType {
		return believed{}, errUntidy
	}
	key, ok := v.directory.verifying(t.kid, now)
	if !ok || !key.verifies(t) {
		return believed{}, errUntidy
	}
	return v.own(t, now)
}

// own reads a token that is signed with our own key: even so it must be one that
// this build would write. Whose it is comes with an error too.
func (v *Verifier) own(t written, now time.Time) (believed, error) {
	c, ok := readClaims(t.claims)
	scopes, rest := scopesIn(c.Scope)
	if !ok || c.node() == "" {
		return believed{}, errUntidy
	}
	p := Principal{ID: c.Subject, Type: User, Node: c.node(), Scopes: scopes, Expires: time.Unix(c.Expires, 0).UTC()}
	if c.Subject == c.Client {
		p.Type = Service
	}
	b := believed{principal: p, claims: c, kid: t.kid}
	if c.Audience != v.o.Audience || len(rest) > 0 {
		return b, errUntidy
	}
	return b, timely(t.claims, now, longestLife)
}

// stillGood looks at everything that may have happened since a token was signed.
func (v *Verifier) stillGood(b believed, now time.Time) error {
	if !now.Before(b.principal.Expires.Add(leeway)) {
		return ErrExpired
	}
	if b.issuer != nil {
		user, ok := v.directory.linked(b.issuer.o, b.subject)
		key, live := b.issuer.keys.known(b.kid)
		if !ok || !live || string(user) != b.principal.ID || key.thumb != b.key { // a name may be given to another key
			return errUntidy
		}
		return nil
	}
	by := domain.ClientID(b.claims.Client)
	if _, live := v.directory.verifying(b.kid, now); !live || v.directory.isRevoked(by, b.claims.JTI) {
		return errUntidy
	}
	if b.principal.Type == Service {
		if h, ok := v.directory.client(by); !ok || h.node != b.principal.Node {
			return errUntidy
		}
	}
	return nil
}
