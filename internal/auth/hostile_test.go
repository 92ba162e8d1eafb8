package auth_test

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/auth"
)

// goodHeader and goodClaims make a token that is believed. Every row of the
// table differs from it in one thing.
func (w *world) goodHeader() string { return `{"alg":"RS256","typ":"at+jwt","kid":"` + w.kid + `"}` }

func (w *world) goodClaims() string {
	return fmt.Sprintf(`{"iss":"%s","aud":"%s","sub":"%s","client_id":"%s","iat":%d,"exp":%d,"jti":"j1","scope":"auth:tenant:read","tenant_id":"%s"}`,
		issuer, issuer, billing, billing, noon.Unix(), noon.Unix()+600, north)
}

// header and claims change one thing in a good token and sign it with our key.
func (w *world) header(old, with string) string {
	return w.spelled(swapped(w.goodHeader(), old, with), w.goodClaims())
}

func (w *world) claims(old, with string) string {
	return w.spelled(w.goodHeader(), swapped(w.goodClaims(), old, with))
}

func swapped(in, old, with string) string {
	if !strings.Contains(in, old) {
		panic("nothing to change: " + old)
	}
	return strings.Replace(in, old, with, 1)
}

// keyed signs with an HMAC under what everybody knows.
func (w *world) keyed(secret []byte) string {
	text := b64(swapped(w.goodHeader(), "RS256", "HS256")) + "." + b64(w.goodClaims())
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// stranger signs with a key of the attacker's own.
func stranger(header, claims string, bits int) string {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return signed(header, claims, func(sum []byte) []byte {
		s, _ := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum)
		return s
	})
}

// exponentOne is a "signature" under a key with the exponent 1: the padded hash itself.
func exponentOne(header, claims string) string {
	return signed(header, claims, func(sum []byte) []byte {
		prefix := []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}
		tail := append(append([]byte{0}, prefix...), sum...)
		return append(append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, 256-2-len(tail))...), tail...)
	})
}

func TestHostileTokens(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	w := newWorld(t)
	if _, err := w.verifier.Token(t.Context(), w.spelled(w.goodHeader(), w.goodClaims())); err != nil {
		t.Fatal("the token that all others are made from:", err)
	}
	var visits atomic.Int64
	sink := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	t.Cleanup(sink.Close)
	rows := map[string]string{}
	for _, table := range []map[string]string{w.wrongAlgorithms(), w.wrongKeys(sink.URL), w.wrongTimes(), w.wrongClaims(), w.wrongSpellings()} {
		for name, text := range table {
			if _, twice := rows[name]; twice {
				t.Errorf("two rows are called %q", name)
			}
			rows[name] = text
		}
	}
	for name, text := range rows {
		t.Run(name, func(t *testing.T) {
			for range 2 { // a refusal must not be remembered as anything else
				p, err := w.verifier.Token(t.Context(), text)
				if domain.KindOf(err) != domain.Unauthenticated || p != (auth.Principal{}) {
					t.Fatalf("%+v, %v\n%s", p, err, text)
				}
				if want := name == "expired for a minute and a second"; errors.Is(err, auth.ErrExpired) != want {
					t.Fatal(err)
				}
			}
		})
	}
	if len(rows) < 60 || visits.Load() > 0 {
		t.Errorf("%d tokens; %d visits to where a header pointed", len(rows), visits.Load())
	}
}

func (w *world) wrongAlgorithms() map[string]string {
	der, _ := x509.MarshalPKIXPublicKey(w.private.Public())
	armoured := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	rows := map[string]string{
		"HS256 with the public key as PEM":            w.keyed(armoured),
		"HS256 with the PEM but for its last newline": w.keyed(bytes.TrimSpace(armoured)),
		"HS256 with the public key as DER":            w.keyed(der),
		"HS256 with nothing":                          w.keyed(nil),
		"ES256 with r and s zero":                     signed(swapped(w.goodHeader(), "RS256", "ES256"), w.goodClaims(), func([]byte) []byte { return make([]byte, 64) }),
		"EdDSA of zeros":                              signed(swapped(w.goodHeader(), "RS256", "EdDSA"), w.goodClaims(), func([]byte) []byte { return make([]byte, 64) }),
		"RS512, signed like that":                     w.sha512(),
		"PS256 named":                                 w.header("RS256", "PS256"),
		"rs256 in small letters":                      w.header("RS256", "rs256"),
		"no algorithm":                                w.header(`"alg":"RS256",`, ""),
		"a list of algorithms":                        w.header(`"RS256"`, `["RS256"]`),
	}
	for _, none := range []string{"none", "None", "nOnE", "NONE", ""} {
		head := swapped(w.goodHeader(), "RS256", none)
		rows["algorithm "+none+", no signature"] = b64(head) + "." + b64(w.goodClaims()) + "."
		rows["algorithm "+none+", signed"] = w.spelled(head, w.goodClaims())
	}
	return rows
}

func (w *world) sha512() string {
	text := b64(swapped(w.goodHeader(), "RS256", "RS512")) + "." + b64(w.goodClaims())
	sum := sha512.Sum512([]byte(text))
	s, _ := rsa.SignPKCS1v15(rand.Reader, w.private, crypto.SHA512, sum[:])
	return text + "." + base64.RawURLEncoding.EncodeToString(s)
}

func (w *world) wrongKeys(sink string) map[string]string {
	kid := func(text string) string { return w.header(`"`+w.kid+`"`, text) }
	extra := func(member string) string { return w.header(`{`, `{`+member+`,`) }
	head := func(member string) string { return swapped(w.goodHeader(), `{`, `{`+member+`,`) }
	weak := `"jwk":{"kty":"RSA","n":"` + base64.RawURLEncoding.EncodeToString(w.private.N.Bytes()) + `","e":"AQ"}`
	return map[string]string{
		"signed by somebody else":           stranger(w.goodHeader(), w.goodClaims(), 2048),
		"signed with 1024 bits, key in jwk": stranger(head(`"jwk":{"kty":"RSA","n":"AQAB","e":"AQAB"}`), w.goodClaims(), 1024),
		"an exponent of one, key in jwk":    exponentOne(head(weak), w.goodClaims()),
		"a path for a key":                  kid(`"../../dev/null"`),
		"SQL for a key":                     kid(`"' or 1=1--"`),
		"an address for a key":              kid(`"` + sink + `/key"`),
		"an unknown key":                    kid(`"unknown"`),
		"a key named by a number":           kid(`1`),
		"a key named by nothing":            kid(`""`),
		"a key with a long name":            kid(`"` + strings.Repeat("k", 65) + `"`),
		"no key named":                      w.header(`,"kid":"`+w.kid+`"`, ""),
		"keys at an address (jku)":          extra(`"jku":"` + sink + `/jwks.json"`),
		"a certificate at an address (x5u)": extra(`"x5u":"` + sink + `/cert.pem"`),
		"a self-signed certificate (x5c)":   extra(`"x5c":["MIIB"]`),
		"a key in the header (jwk)":         extra(`"jwk":{"kty":"oct","k":"AA"}`),
	}
}

func (w *world) wrongTimes() map[string]string {
	exp := func(text string) string { return w.claims(fmt.Sprintf(`"exp":%d`, noon.Unix()+600), text) }
	iat := func(text string) string { return w.claims(fmt.Sprintf(`"iat":%d`, noon.Unix()), text) }
	return map[string]string{
		"no expiry":                         w.claims(fmt.Sprintf(`"exp":%d,`, noon.Unix()+600), ""),
		"expiry as text":                    exp(fmt.Sprintf(`"exp":"%d"`, noon.Unix()+600)),
		"expiry with a fraction":            exp(fmt.Sprintf(`"exp":%d.5`, noon.Unix()+600)),
		"expiry with an exponent":           exp(`"exp":1.8e9`),
		"expiry beyond all numbers":         exp(`"exp":1e400`),
		"expiry beyond all clocks":          exp(`"exp":99999999999999999999`),
		"expiry below zero":                 exp(`"exp":-1`),
		"expiry null":                       exp(`"exp":null`),
		"expired for a minute and a second": w.spelled(w.goodHeader(), swapped(swapped(w.goodClaims(), fmt.Sprintf(`"exp":%d`, noon.Unix()+600), fmt.Sprintf(`"exp":%d`, noon.Unix()-61)), fmt.Sprintf(`"iat":%d`, noon.Unix()), fmt.Sprintf(`"iat":%d`, noon.Unix()-600))),
		"a life of more than 15 minutes":    exp(fmt.Sprintf(`"exp":%d`, noon.Unix()+901)),
		"not valid yet":                     w.claims(`{`, fmt.Sprintf(`{"nbf":%d,`, noon.Unix()+300)),
		"not valid before nonsense":         w.claims(`{`, `{"nbf":"now",`),
		"made in ten minutes":               iat(fmt.Sprintf(`"iat":%d`, noon.Unix()+600)),
		"made after its end":                iat(fmt.Sprintf(`"iat":%d`, noon.Unix()+601)),
		"made at no time":                   w.claims(fmt.Sprintf(`"iat":%d,`, noon.Unix()), ""),
	}
}

func (w *world) wrongClaims() map[string]string {
	without := func(name, value string) string { return w.claims(fmt.Sprintf(`"%s":"%s",`, name, value), "") }
	aud := func(text string) string { return w.claims(`"aud":"`+issuer+`"`, text) }
	good := strings.Split(w.spelled(w.goodHeader(), w.goodClaims()), ".")
	return map[string]string{
		"for somebody else":                     aud(`"aud":"https://other.example"`),
		"for us and somebody else":              aud(`"aud":["` + issuer + `","https://other.example"]`),
		"for a number":                          aud(`"aud":1`),
		"for nobody":                            without("aud", issuer),
		"from somebody else":                    w.claims(`"iss":"`+issuer+`"`, `"iss":"https://other.example"`),
		"from us with a slash":                  w.claims(`"iss":"`+issuer+`"`, `"iss":"`+issuer+`/"`),
		"from nobody":                           without("iss", issuer),
		"without a subject":                     without("sub", string(billing)),
		"without a client":                      without("client_id", string(billing)),
		"without a name":                        without("jti", "j1"),
		"with a long name":                      w.claims(`"j1"`, `"`+strings.Repeat("j", 65)+`"`),
		"without a scope":                       without("scope", "auth:tenant:read"),
		"with a scope of somebody else":         w.claims("auth:tenant:read", "auth:tenant:read openid"),
		"of a client at another tenant":         w.claims(string(north), string(south)),
		"of a tenant's client for the platform": w.claims(`,"tenant_id":"`+string(north)+`"`, ""),
		"of a client that is not there":         w.unknownClient(),
		"for a tenant and an integrator":        w.claims(`"tenant_id"`, `"integrator_id":"`+string(acme)+`","tenant_id"`),
		"for a tenant that is a list":           w.claims(`"`+string(north)+`"`, `["`+string(north)+`"]`),
		"edited to another tenant":              good[0] + "." + b64(swapped(w.goodClaims(), string(north), string(south))) + "." + good[2],
		"two tenants":                           w.claims(`"tenant_id"`, `"tenant_id":"`+string(south)+`","tenant_id"`),
		"two tenants, one in capitals":          w.claims(`"tenant_id"`, `"TENANT_ID":"`+string(south)+`","tenant_id"`),
		"two tenants, one escaped":              w.claims(`"tenant_id"`, `"tenant\u005fid":"`+string(south)+`","tenant_id"`),
		"an ID token":                           w.spelled(swapped(w.goodHeader(), "at+jwt", "JWT"), swapped(w.goodClaims(), `{`, `{"nonce":"n",`)),
		"without a type":                        w.header(`"typ":"at+jwt",`, ""),
		"an unknown type":                       w.header("at+jwt", "secevent+jwt"),
	}
}

func (w *world) unknownClient() string {
	return w.spelled(w.goodHeader(), strings.ReplaceAll(w.goodClaims(), string(billing), string(ann)))
}

func (w *world) wrongSpellings() map[string]string {
	text := w.spelled(w.goodHeader(), w.goodClaims())
	part := strings.Split(text, ".")
	another := strings.Split(w.claims(`"j1"`, `"j2"`), ".")
	last := map[byte]string{'A': "B", 'Q': "R", 'g': "h", 'w': "x"}[part[2][len(part[2])-1]]
	return map[string]string{
		"a dot at the end":              text + ".",
		"a dot at the beginning":        "." + text,
		"padding":                       text + "==",
		"padding inside":                part[0] + "=." + part[1] + "." + part[2],
		"a line feed inside":            part[0] + "\n." + part[1] + "." + part[2],
		"a space at the end":            text + " ",
		"bits behind the last byte":     text[:len(text)-1] + last,
		"no signature":                  part[0] + "." + part[1] + ".",
		"no third part":                 part[0] + "." + part[1],
		"the signature of another":      part[0] + "." + part[1] + "." + another[2],
		"half a signature":              part[0] + "." + part[1] + "." + part[2][:100],
		"as JSON":                       `{"protected":"` + part[0] + `","payload":"` + part[1] + `","signature":"` + part[2] + `"}`,
		"encrypted":                     strings.Join([]string{b64(`{"alg":"RSA-OAEP","enc":"A256GCM"}`), "AA", "AA", "AA", "AA"}, "."),
		"more than 8 KiB":               w.claims(`"j1"`, `"j1","padding":"`+strings.Repeat("x", 8<<10)+`"`),
		"a token in a token":            w.spelled(swapped(w.goodHeader(), `{`, `{"cty":"JWT",`), text),
		"a header that is critical":     w.header(`{`, `{"crit":["exp"],`),
		"an unknown critical header":    w.header(`{`, `{"crit":["x"],"x":1,`),
		"a payload that is not encoded": w.header(`{`, `{"b64":false,"crit":["b64"],`),
		"a payload that is zipped":      w.header(`{`, `{"zip":"DEF",`),
		"an unknown header":             w.header(`{`, `{"hello":"world",`),
		"two algorithms":                w.header(`{`, `{"alg":"none",`),
		"two algorithms, one in small":  w.header(`{`, `{"ALG":"none",`),
		"claims that are a list":        w.spelled(w.goodHeader(), `[`+w.goodClaims()+`]`),
		"claims that are text":          w.spelled(w.goodHeader(), `"claims"`),
		"claims and more":               w.spelled(w.goodHeader(), w.goodClaims()+`{}`),
		"claims that are not UTF-8":     w.claims(`"j1"`, "\"j\xff\""),
		"claims a hundred deep":         w.claims(`{`, `{"deep":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`,`),
		"a member twice, far inside":    w.claims(`{`, `{"act":{"sub":"a","sub":"b"},`),
		"nothing":                       "",
		"two dots":                      "..",
	}
}
