package auth_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/client"
)

// A vouching client proves itself with a key of its own.
type vouching struct {
	*world
	private ed25519.PrivateKey
}

const ledgerClient domain.ClientID = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"

func newVouching(t *testing.T) vouching {
	t.Helper()
	v := vouching{newWorld(t), ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))}
	v.tell(client.Stream(ledgerClient), client.Registered{
		Client: ledgerClient, Node: north, Permissions: reads, Credential: domain.Credential{Keys: []domain.PublicKey{v.public("mine")}},
	})
	return v
}

func (v vouching) public(kid string) domain.PublicKey {
	x := base64.RawURLEncoding.EncodeToString(v.private.Public().(ed25519.PublicKey))
	return domain.PublicKey{Kid: kid, Kty: "OKP", Alg: "EdDSA", Crv: "Ed25519", X: x}
}

const (
	assertionHeader = `{"alg":"EdDSA","typ":"JWT","kid":"mine"}`
	assertionURN    = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

func assertionClaims(jti string) string {
	return fmt.Sprintf(`{"iss":"%s","sub":"%s","aud":"%s/oauth2/token","exp":%d,"jti":"%s"}`, ledgerClient, ledgerClient, issuer, noon.Unix()+60, jti)
}

func (v vouching) assertion(header, claims string) string {
	text := b64(header) + "." + b64(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(v.private, []byte(text)))
}

func (v vouching) status(assertion string, more ...string) int {
	form := url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {assertionURN}, "client_assertion": {assertion}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return v.post("/oauth2/token", "", form).Code
}

func TestAClientVouchesForItself(t *testing.T) {
	claims := func(old, with string) string { return swapped(assertionClaims("j"), old, with) }
	exp := fmt.Sprintf(`"exp":%d`, noon.Unix()+60)
	for name, c := range map[string]struct {
		header, claims string
		more           []string
		want           int
	}{
		"well":                     {assertionHeader, assertionClaims("j"), nil, 200},
		"for the issuer":           {assertionHeader, claims("/oauth2/token", ""), nil, 200},
		"without a type":           {swapped(assertionHeader, `"typ":"JWT",`, ""), assertionClaims("j"), nil, 200},
		"as RFC 7523bis types it":  {swapped(assertionHeader, `"JWT"`, `"client-authentication+jwt"`), assertionClaims("j"), nil, 200},
		"with its id":              {assertionHeader, assertionClaims("j"), []string{"client_id", string(ledgerClient)}, 200},
		"with another id":          {assertionHeader, assertionClaims("j"), []string{"client_id", string(billing)}, 401},
		"as another type of thing": {assertionHeader, assertionClaims("j"), []string{"client_assertion_type", "urn:x"}, 400},
		"with an access token":     {swapped(assertionHeader, "JWT", "at+jwt"), assertionClaims("j"), nil, 401},
		"with a key it has not":    {swapped(assertionHeader, "mine", "other"), assertionClaims("j"), nil, 401},
		"by another algorithm":     {swapped(assertionHeader, "EdDSA", "RS256"), assertionClaims("j"), nil, 401},
		"as another client":        {assertionHeader, claims(`"iss":"`+string(ledgerClient), `"iss":"`+string(billing)), nil, 401},
		"for another subject":      {assertionHeader, claims(`"sub":"`+string(ledgerClient), `"sub":"`+string(billing)), nil, 401},
		"for another server":       {assertionHeader, claims(issuer, "https://other.example"), nil, 401},
		"without a name":           {assertionHeader, claims(`,"jti":"j"`, ""), nil, 401},
		"without an end":           {assertionHeader, claims(exp+",", ""), nil, 401},
		"for a day":                {assertionHeader, claims(exp, fmt.Sprintf(`"exp":%d`, noon.Unix()+86400)), nil, 401},
		"too late":                 {assertionHeader, claims(exp, fmt.Sprintf(`"exp":%d`, noon.Unix()-31)), nil, 401},
		"too soon":                 {assertionHeader, claims(`{`, fmt.Sprintf(`{"nbf":%d,`, noon.Unix()+31)), nil, 401},
		"from the future":          {assertionHeader, claims(`{`, fmt.Sprintf(`{"iat":%d,`, noon.Unix()+31)), nil, 401},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVouching(t)
			if got := v.status(v.assertion(c.header, c.claims), c.more...); got != c.want {
				t.Error(got)
			}
		})
	}
}

func TestAnAssertionIsGoodOnce(t *testing.T) {
	v := newVouching(t)
	first, second := v.assertion(assertionHeader, assertionClaims("1")), v.assertion(assertionHeader, assertionClaims("2"))
	if v.status(first) != 200 || v.status(first) != 401 || v.status(second) != 200 {
		t.Error("replayed")
	}
}

func TestKeysAreReplacedWithOverlap(t *testing.T) {
	v := newVouching(t)
	next := client.CredentialRotated{Client: ledgerClient, Node: north, Credential: domain.Credential{Keys: []domain.PublicKey{v.public("next")}}, OverlapEnds: noon.Add(20 * time.Second)}
	v.tell(client.Stream(ledgerClient), next)
	renamed := swapped(assertionHeader, "mine", "next")
	if v.status(v.assertion(assertionHeader, assertionClaims("1"))) != 200 || v.status(v.assertion(renamed, assertionClaims("2"))) != 200 {
		t.Error("during the overlap")
	}
	v.pass(20 * time.Second)
	if v.status(v.assertion(assertionHeader, assertionClaims("3"))) != 401 || v.status(v.assertion(renamed, assertionClaims("4"))) != 200 {
		t.Error("after it")
	}
}

// A client with keys has no secret that could be guessed, not even an empty one.
func TestAClientWithKeysHasNoSecret(t *testing.T) {
	v := newVouching(t)
	for _, secret := range []string{"", billingSecret} {
		if rec := v.post("/oauth2/token", string(ledgerClient)+":"+secret, grants); rec.Code != 401 {
			t.Error(rec.Code)
		}
	}
}
