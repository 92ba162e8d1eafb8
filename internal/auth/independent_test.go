package auth_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/reeve-platform/reeve/domain/signing"
)

func headerOf(t *testing.T, text string) (h map[string]any) {
	t.Helper()
	part, _, _ := strings.Cut(text, ".")
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err == nil {
		err = json.Unmarshal(b, &h)
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// serve puts the endpoints on a real port.
func (w *world) serve(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(w.endpoints)
	t.Cleanup(s.Close)
	return s
}

// What others wrote gets a token, fetches the keys and finds the token good, by
// each of the algorithms.
func TestOthersAcceptWhatWeIssue(t *testing.T) {
	w := newWorld(t)
	server := w.serve(t)
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			if alg != "RS256" {
				w.rotate(t, alg)
				w.pass(signing.Notice)
			}
			text := fetched(t, server.URL)
			if headerOf(t, text)["alg"] != alg {
				t.Fatal(headerOf(t, text))
			}
			byGoOIDC(t, w, server.URL, alg, text)
			byGolangJWT(t, w, alg, text)
		})
	}
}

// fetched is a token that golang.org/x/oauth2 was given.
func fetched(t *testing.T, server string) string {
	t.Helper()
	c := clientcredentials.Config{
		ClientID: string(billing), ClientSecret: billingSecret, TokenURL: server + "/oauth2/token",
		Scopes: []string{"auth:tenant:read"}, AuthStyle: oauth2.AuthStyleInHeader,
	}
	token, err := c.Token(t.Context())
	if err != nil || token.TokenType != "Bearer" {
		t.Fatal(token, err)
	}
	return token.AccessToken
}

func byGoOIDC(t *testing.T, w *world, server, alg, text string) {
	t.Helper()
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(t.Context(), http.DefaultClient), server+"/.well-known/jwks.json")
	v := oidc.NewVerifier(issuer, keys, &oidc.Config{ClientID: issuer, SupportedSigningAlgs: []string{alg}, Now: w.clock})
	token, err := v.Verify(t.Context(), text)
	if err != nil || token.Subject != string(billing) {
		t.Error("go-oidc:", token, err)
	}
}

func byGolangJWT(t *testing.T, w *world, alg, text string) {
	t.Helper()
	var c jwt.MapClaims
	_, err := jwt.ParseWithClaims(text, &c, func(token *jwt.Token) (any, error) {
		for _, k := range w.Published(w.clock()) {
			if k.Kid == token.Header["kid"] {
				return rawOf(t, k), nil
			}
		}
		return nil, jwt.ErrTokenUnverifiable
	}, jwt.WithValidMethods([]string{alg}), jwt.WithIssuer(issuer), jwt.WithAudience(issuer), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithTimeFunc(w.clock))
	if err != nil || c["tenant_id"] != string(north) || c["scope"] != "auth:tenant:read" {
		t.Error("golang-jwt:", c, err)
	}
	if expires, _ := c.GetExpirationTime(); expires == nil || expires.Sub(w.clock()) > 15*time.Minute {
		t.Error("expires", expires)
	}
}
