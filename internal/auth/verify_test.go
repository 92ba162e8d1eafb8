package auth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/apikey"
	"github.com/reeve-platform/reeve/domain/client"
	"github.com/reeve-platform/reeve/domain/signing"
	"github.com/reeve-platform/reeve/internal/auth"
	"github.com/reeve-platform/reeve/internal/edge"
)

func TestWhoseCredentialItIs(t *testing.T) {
	w := newWorld(t)
	evaluates := domain.PermissionsOf(domain.FlagEvaluate)
	key := auth.Principal{ID: string(shop), Type: auth.Service, Node: north, Scopes: evaluates, Expires: noon.Add(24 * time.Hour), Key: true}
	of := func(id domain.ClientID, node domain.NodeID) auth.Principal {
		return auth.Principal{ID: string(id), Type: auth.Service, Node: node, Scopes: reads, Expires: noon.Add(15 * time.Minute)}
	}
	tenants := w.token(t, billing, north)
	person, _, err := w.issuer.Issue(auth.Grant{Subject: string(ann), Client: "reeve", Node: domain.PlatformID, Scopes: evaluates, Life: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		headers []string
		want    auth.Principal
		err     error
	}{
		"a tenant's client":            {[]string{"Authorization", "Bearer " + tenants}, of(billing, north), nil},
		"an integrator's client":       {[]string{"Authorization", "Bearer " + w.token(t, partner, acme)}, of(partner, acme), nil},
		"the platform's client":        {[]string{"Authorization", "Bearer " + w.token(t, operator, domain.PlatformID)}, of(operator, domain.PlatformID), nil},
		"a user":                       {[]string{"Authorization", "Bearer " + person}, auth.Principal{ID: string(ann), Type: auth.User, Node: domain.PlatformID, Scopes: evaluates, Expires: noon.Add(time.Minute)}, nil},
		"an API key":                   {[]string{"X-API-Key", shopKey}, key, nil},
		"an API key as a bearer token": {[]string{"Authorization", "bearer " + shopKey}, key, nil},
		"nobody":                       {nil, auth.Principal{}, edge.ErrUnauthenticated},
		"two tokens":                   {[]string{"Authorization", "Bearer " + tenants, "Authorization", "Bearer " + person}, auth.Principal{}, auth.ErrAmbiguous},
		"a token and an API key":       {[]string{"Authorization", "Bearer " + tenants, "X-API-Key", shopKey}, auth.Principal{}, auth.ErrAmbiguous},
		"an API key twice":             {[]string{"X-API-Key", shopKey, "X-API-Key", shopKey}, auth.Principal{}, auth.ErrAmbiguous},
		"a password":                   {[]string{"Authorization", "Basic YTpi"}, auth.Principal{}, auth.ErrInvalid},
		"an empty header":              {[]string{"Authorization", ""}, auth.Principal{}, auth.ErrInvalid},
		"an empty API key":             {[]string{"X-API-Key", ""}, auth.Principal{}, auth.ErrInvalid},
		"a token as an API key":        {[]string{"X-API-Key", tenants}, auth.Principal{}, auth.ErrInvalid},
		"an API key with a typo":       {[]string{"X-API-Key", shopKey[:10] + "x" + shopKey[11:]}, auth.Principal{}, auth.ErrInvalid},
		"another key of that id":       {[]string{"X-API-Key", domain.APIKeyText(shop, strings.Repeat("t", domain.SecretDigits))}, auth.Principal{}, auth.ErrInvalid},
		"an API key nobody created":    {[]string{"X-API-Key", domain.APIKeyText(domain.APIKeyID(ann), strings.Repeat("s", domain.SecretDigits))}, auth.Principal{}, auth.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := w.verifier.Authenticate(asks(c.headers...))
			if diff := cmp.Diff(c.want, got); diff != "" || !errors.Is(err, c.err) {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
	if _, err := w.verifier.Authenticate(asks("Authorization", "Bearer "+tenants)); err != nil {
		t.Error("again:", err)
	}
}

// A token that was believed is believed no longer once something has happened,
// however often it was seen before.
func TestWhatEndsAToken(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(*world)
		want    error
	}{
		"nothing":                    {func(*world) {}, nil},
		"a little time":              {func(w *world) { w.pass(15*time.Minute + auth.Leeway - time.Second) }, nil},
		"time":                       {func(w *world) { w.pass(15*time.Minute + auth.Leeway) }, auth.ErrExpired},
		"the client is disabled":     {func(w *world) { w.tell(client.Stream(billing), client.Disabled{Client: billing, Node: north}) }, auth.ErrInvalid},
		"its signing key is retired": {func(w *world) { w.tell(signing.Stream, signing.Retired{Kid: w.kid}) }, auth.ErrInvalid},
		"the token is revoked": {func(w *world) {
			w.tell(client.RevocationStream(billing), client.TokenRevoked{Client: billing, JTI: "j1", Expires: noon.Add(10 * time.Minute)})
		}, auth.ErrInvalid},
		"another client revokes that name": {func(w *world) {
			w.tell(client.RevocationStream(partner), client.TokenRevoked{Client: partner, JTI: "j1", Expires: noon.Add(10 * time.Minute)})
		}, nil},
		"somebody writes into another stream": {func(w *world) { w.tell("client-of-somebody", client.Disabled{Client: billing, Node: north}) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			text := w.spelled(w.goodHeader(), w.goodClaims())
			if name == "time" || name == "a little time" {
				text = w.token(t, billing, north)
			}
			for range 2 {
				if _, err := w.verifier.Token(t.Context(), text); err != nil {
					t.Fatal("before:", err)
				}
			}
			c.happens(w)
			for range 2 {
				if _, err := w.verifier.Token(t.Context(), text); !errors.Is(err, c.want) {
					t.Error(err)
				}
			}
		})
	}
}

func TestWhatEndsAnAPIKey(t *testing.T) {
	next := domain.APIKeyText(shop, strings.Repeat("n", domain.SecretDigits))
	rotated := apikey.Rotated{Key: shop, Node: north, Digest: domain.Digest(next), OverlapEnds: noon.Add(time.Hour), Expires: noon.Add(24 * time.Hour)}
	rotate := func(w *world) { w.tell(apikey.Stream(shop), rotated) }
	for name, c := range map[string]struct {
		happens  func(*world)
		old, new error
	}{
		"nothing":             {func(*world) {}, nil, auth.ErrInvalid},
		"time":                {func(w *world) { w.pass(24 * time.Hour) }, auth.ErrExpired, auth.ErrInvalid},
		"a rotation":          {rotate, nil, nil},
		"the overlap's end":   {func(w *world) { rotate(w); w.pass(time.Hour) }, auth.ErrInvalid, nil},
		"revocation":          {func(w *world) { rotate(w); w.tell(apikey.Stream(shop), apikey.Revoked{Key: shop, Node: north}) }, auth.ErrInvalid, auth.ErrInvalid},
		"a fact told again":   {func(w *world) { rotate(w); w.position = 0; w.tell(apikey.Stream(shop), apikey.Revoked{Key: shop}) }, nil, nil},
		"somebody else's key": {func(w *world) { w.tell("apikey-x", rotated) }, nil, auth.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.happens(w)
			if _, err := w.verifier.APIKey(shopKey); !errors.Is(err, c.old) {
				t.Error("the old text:", err)
			}
			if _, err := w.verifier.APIKey(next); !errors.Is(err, c.new) {
				t.Error("the new text:", err)
			}
		})
	}
}

// What is said to somebody who is refused does not tell why.
func TestRefusalsTellNothing(t *testing.T) {
	w := newWorld(t)
	_, err := w.verifier.Token(t.Context(), w.header(`{`, `{"crit":["x"],`))
	e, ok := domain.AsError(err)
	if !ok || e.Code != auth.ErrInvalid.Code || e.Detail != auth.ErrInvalid.Detail || len(e.Fields) > 0 {
		t.Error(err)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{edge.ErrUnauthenticated, `Bearer realm="reeve"`},
		{err, `Bearer realm="reeve", error="invalid_token"`},
		{auth.ErrExpired, `Bearer realm="reeve", error="invalid_token", error_description="expired"`},
		{auth.ErrAmbiguous, `Bearer realm="reeve", error="invalid_request"`},
	} {
		if got := auth.Challenge(c.err); got != c.want {
			t.Errorf("%v: %s", c.err, got)
		}
	}
}

func TestNobodyIssuesMoreThanIsThere(t *testing.T) {
	w := newWorld(t)
	if _, _, err := w.issuer.Issue(auth.Grant{Subject: "x", Client: "x", Node: "nowhere", Scopes: reads}); !errors.Is(err, domain.ErrNodeNotFound) {
		t.Error(err)
	}
	empty := auth.NewIssuer(auth.NewDirectory(), w.sealer, auth.Options{Issuer: issuer})
	if _, _, err := empty.Issue(auth.Grant{Subject: "x", Client: "x", Node: domain.PlatformID, Scopes: reads}); !errors.Is(err, auth.ErrNoSigningKey) {
		t.Error(err)
	}
	stranger, _ := auth.NewSealer([]byte("another key encryption key, 32 b"))
	closed := auth.NewIssuer(w.Directory, stranger, auth.Options{Issuer: issuer, Now: w.clock})
	if _, _, err := closed.Issue(auth.Grant{Subject: "x", Client: "x", Node: domain.PlatformID, Scopes: reads}); !errors.Is(err, auth.ErrNoSigningKey) {
		t.Error(err)
	}
	_, c, _ := w.issuer.Issue(auth.Grant{Subject: "x", Client: "x", Node: north, Scopes: reads, Life: time.Hour})
	if c.Expires-c.IssuedAt != 900 || c.TenantID != string(north) || c.Scope != "auth:flag:read auth:tenant:read" {
		t.Errorf("%+v", c)
	}
}
