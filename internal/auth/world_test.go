package auth_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/apikey"
	"github.com/reeve-platform/reeve/domain/client"
	"github.com/reeve-platform/reeve/domain/signing"
	"github.com/reeve-platform/reeve/internal/auth"
)

const (
	issuer                   = "https://reeve.example"
	acme     domain.NodeID   = "11111111-1111-4111-8111-111111111111"
	north    domain.NodeID   = "33333333-3333-4333-8333-333333333333"
	south    domain.NodeID   = "44444444-4444-4444-8444-444444444444"
	billing  domain.ClientID = "55555555-5555-4555-8555-555555555555"
	partner  domain.ClientID = "66666666-6666-4666-8666-666666666666"
	operator domain.ClientID = "77777777-7777-4777-8777-777777777777"
	shop     domain.APIKeyID = "88888888-8888-4888-8888-888888888888"
	ann      domain.UserID   = "99999999-9999-4999-8999-999999999999"
)

var (
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	reads = domain.PermissionsOf(domain.FlagRead, domain.TenantRead)
	kek   = []byte("a key encryption key of 32 bytes")

	billingSecret = domain.ClientSecret(strings.Repeat("b", domain.SecretDigits))
	shopKey       = domain.APIKeyText(shop, strings.Repeat("s", domain.SecretDigits))
)

// firstKey takes a while to make, and is the same in every world.
var firstKey = sync.OnceValue(func() domain.SigningKey {
	sealer, _ := auth.NewSealer(kek)
	k, err := sealer.Forge("RS256")
	if err != nil {
		panic(err)
	}
	return k
})

// A world is a directory that was told of two tenants, three clients and an API
// key, with everything that is built on it, and a clock that stands still.
type world struct {
	*auth.Directory
	sealer    *auth.Sealer
	issuer    *auth.Issuer
	verifier  *auth.Verifier
	endpoints http.Handler
	surface   *auth.Endpoints
	private   *rsa.PrivateKey
	kid       string

	mu       sync.Mutex
	now      time.Time
	position uint64
	admit    func(auth.Principal) error
}

// placed is somebody else's fact about where a node hangs.
type placed struct {
	node   domain.NodeID
	level  domain.Level
	parent domain.NodeID
}

func (p placed) Placed() (domain.NodeID, domain.Level, domain.NodeID) {
	return p.node, p.level, p.parent
}

func newWorld(t testing.TB, trusted ...*auth.Trusted) *world {
	t.Helper()
	w := &world{Directory: auth.NewDirectory(), now: noon}
	w.sealer, _ = auth.NewSealer(kek)
	key := firstKey()
	private, err := w.sealer.Open(key.Public.Kid, key.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	w.private, w.kid = private.(*rsa.PrivateKey), key.Public.Kid
	o := auth.Options{Issuer: issuer, Now: w.clock, Trusted: trusted}
	w.issuer, w.verifier = auth.NewIssuer(w.Directory, w.sealer, o), auth.NewVerifier(w.Directory, o)
	router := chi.NewRouter()
	w.surface = auth.NewEndpoints(w.Directory, w.issuer, w.verifier, o, auth.Hooks{
		Admit: func(p auth.Principal) error {
			if w.admit == nil {
				return nil
			}
			return w.admit(p)
		},
		Caller: auth.NewGuard(w.verifier, access.NewModel(), auth.NewMirror()).Caller,
		Revoke: func(_ context.Context, by domain.ClientID, jti string, expires time.Time) error {
			w.tell(client.RevocationStream(by), client.TokenRevoked{Client: by, JTI: jti, Expires: expires})
			return nil
		},
	})
	w.surface.Mount(router)
	w.endpoints = router
	w.begin(key)
	return w
}

func (w *world) begin(key domain.SigningKey) {
	w.tell("integrator-x", placed{acme, domain.IntegratorLevel, domain.PlatformID})
	w.tell("tenant-x", placed{north, domain.TenantLevel, acme}, placed{south, domain.TenantLevel, acme})
	w.tell(signing.Stream, signing.Rotated{Key: key.Public, Sealed: key.Sealed, SignsFrom: noon})
	secret := domain.Credential{Digest: domain.Digest(billingSecret)}
	for id, node := range map[domain.ClientID]domain.NodeID{billing: north, partner: acme, operator: domain.PlatformID} {
		w.tell(client.Stream(id), client.Registered{Client: id, Node: node, Name: "x", Permissions: reads, Credential: secret})
	}
	w.tell(apikey.Stream(shop), apikey.Created{Key: shop, Node: north, Permissions: domain.PermissionsOf(domain.FlagEvaluate), Digest: domain.Digest(shopKey), Expires: noon.Add(24 * time.Hour)})
}

// tell applies facts of one stream.
func (w *world) tell(stream domain.StreamID, events ...domain.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range events {
		w.position++
		w.Apply(domain.Recorded{Event: e, Stream: stream, Position: w.position, Meta: domain.Meta{At: w.now}})
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// token is one that the issuer signed for a client.
func (w *world) token(t testing.TB, id domain.ClientID, node domain.NodeID) string {
	t.Helper()
	text, _, err := w.issuer.Issue(auth.Grant{Subject: string(id), Client: string(id), Node: node, Scopes: reads})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// rotate lets a new key take over.
func (w *world) rotate(t testing.TB, alg string) signing.Rotated {
	t.Helper()
	key, err := w.sealer.Forge(alg)
	if err != nil {
		t.Fatal(err)
	}
	from := w.clock().Add(signing.Notice)
	e := signing.Rotated{Key: key.Public, Sealed: key.Sealed, SignsFrom: from, BeforeUntil: from.Add(signing.Linger)}
	w.tell(signing.Stream, e)
	return e
}

// spelled signs whatever is said with the issuer's own key, by RS256.
func (w *world) spelled(header, claims string) string {
	return signed(header, claims, func(sum []byte) []byte {
		s, _ := rsa.SignPKCS1v15(rand.Reader, w.private, crypto.SHA256, sum)
		return s
	})
}

func signed(header, claims string, sign func(sha256 []byte) []byte) string {
	text := b64(header) + "." + b64(claims)
	sum := sha256.Sum256([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(sign(sum[:]))
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// asks is a request with headers given as pairs.
func asks(headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/v1/tenants", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}
