package auth

import (
	"crypto"
	"encoding/json"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/reeve-platform/reeve/domain"
)

// An Issuer signs access tokens with whatever key the log says is next.
type Issuer struct {
	o         Options
	directory *Directory
	sealer    *Sealer

	mu     sync.Mutex
	opened map[string]crypto.Signer // by kid
}

// NewIssuer signs with keys of the directory, opened by the sealer.
func NewIssuer(d *Directory, s *Sealer, o Options) *Issuer {
	return &Issuer{o: o.filled(), directory: d, sealer: s, opened: map[string]crypto.Signer{}}
}

// A Grant is what a token is to say.
type Grant struct {
	Subject string // id of the principal
	Client  string // who asks for it; the subject itself, for a client
	Node    domain.NodeID
	Scopes  domain.Permissions
	Life    time.Duration // the longest allowed if zero or more than that
}

// Issue signs an access token (RFC 9068).
func (i *Issuer) Issue(g Grant) (text string, c Claims, err error) {
	now := i.o.Now()
	if g.Life <= 0 || g.Life > longestLife {
		g.Life = longestLife
	}
	c = Claims{
		Issuer: i.o.Issuer, Audience: i.o.Audience, Subject: g.Subject, Client: g.Client,
		IssuedAt: now.Unix(), Expires: now.Add(g.Life).Unix(), JTI: uuid.NewString(), Scope: ScopeOf(g.Scopes),
	}
	switch i.directory.level(g.Node) {
	case domain.PlatformLevel:
	case domain.IntegratorLevel:
		c.IntegratorID = string(g.Node)
	case domain.TenantLevel:
		c.TenantID = string(g.Node)
	default:
		return "", c, domain.ErrNodeNotFound
	}
	text, err = i.sign(c, now)
	return text, c, err
}

func (i *Issuer) sign(c Claims, now time.Time) (string, error) {
	key, ok := i.directory.signer(now)
	if !ok {
		return "", ErrNoSigningKey
	}
	private, err := i.open(key)
	if err != nil {
		return "", ErrNoSigningKey.Because(err)
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	h := jws.NewHeaders()
	if err := h.Set(jws.TypeKey, accessType); err != nil {
		return "", err
	}
	if err := h.Set(jws.KeyIDKey, key.public.Kid); err != nil {
		return "", err
	}
	signed, err := jws.Sign(payload, jws.WithKey(key.alg, private, jws.WithProtectedHeaders(h)))
	return string(signed), err
}

// open keeps private keys in memory once they are needed.
func (i *Issuer) open(k signingKey) (crypto.Signer, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if signer, ok := i.opened[k.public.Kid]; ok {
		return signer, nil
	}
	if i.sealer == nil {
		return nil, errSealed
	}
	signer, err := i.sealer.open(k.public.Kid, k.sealed)
	if err == nil {
		i.opened[k.public.Kid] = signer
	}
	return signer, err
}
