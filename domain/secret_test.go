package domain_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/reeve-platform/reeve/domain"
)

const keyID domain.APIKeyID = "00000000-0000-4000-8000-00000000d1ec"

var plainSecret = domain.Base62([]byte("exactly 32 bytes of a secret ...")[:32], domain.SecretDigits)

func TestAnAPIKeyIsRecognised(t *testing.T) {
	text := domain.APIKeyText(keyID, plainSecret)
	if id, ok := domain.ReadAPIKey(text); !ok || id != keyID {
		t.Fatal(text, id, ok)
	}
	for name, other := range map[string]string{
		"nothing":             "",
		"the prefix":          domain.APIKeyPrefix,
		"a digit less":        text[:len(text)-1],
		"a digit more":        text + "0",
		"another prefix":      "rvs_" + text[4:],
		"two digits swapped":  text[:40] + text[41:42] + text[40:41] + text[42:],
		"a space around it":   " " + text[:len(text)-1],
		"a typing error":      strings.Replace(text, text[30:31], other(text[30]), 1),
		"a client's secret":   domain.ClientSecret(plainSecret),
		"no separator":        strings.ReplaceAll(text, "_", "0"),
		"somebody else's key": "ghp_" + text[4:],
	} {
		t.Run(name, func(t *testing.T) {
			if id, ok := domain.ReadAPIKey(other); ok {
				t.Errorf("%q is %s", other, id)
			}
		})
	}
}

func other(c byte) string {
	if c == 'x' {
		return "y"
	}
	return "x"
}

func TestAClientSecretIsRecognised(t *testing.T) {
	text := domain.ClientSecret(plainSecret)
	if !domain.IsClientSecret(text) || domain.IsClientSecret(text[:len(text)-1]+other(text[len(text)-1])) || domain.IsClientSecret("rvs_") {
		t.Fatal(text)
	}
}

func TestEveryKindOfTypingErrorIsRecognised(t *testing.T) {
	text := domain.APIKeyText(keyID, plainSecret)
	for i := range text {
		if _, ok := domain.ReadAPIKey(text[:i] + other(text[i]) + text[i+1:]); ok {
			t.Errorf("a wrong digit at %d", i)
		}
	}
}

// A key that is printed by mistake shows nothing.
func TestCredentialsDoNotPrintTheirDigests(t *testing.T) {
	if s := fmt.Sprintf("%v %s", domain.Credential{Digest: "canary"}, domain.Credential{Digest: "canary"}); strings.Contains(s, "canary") {
		t.Error(s)
	}
}

func FuzzReadAPIKey(f *testing.F) {
	f.Add(domain.APIKeyText(keyID, plainSecret))
	f.Add("rvk_")
	f.Add(strings.Repeat("_", 76))
	f.Fuzz(func(t *testing.T, text string) {
		id, ok := domain.ReadAPIKey(text)
		if !ok {
			return
		}
		secret := text[len("rvk_")+23:][:domain.SecretDigits]
		if again := domain.APIKeyText(id, secret); again != text {
			t.Errorf("%q is read as %q", text, again)
		}
	})
}

const p256X, p256Y = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"

func TestOnlyStrongPublicKeysAreTaken(t *testing.T) {
	n := "s" + strings.Repeat("A", 340) + "B" // 2048 bits and odd
	rsa := domain.PublicKey{Kid: "k", Kty: "RSA", Alg: "RS256", N: n, E: "AQAB"}
	ec := domain.PublicKey{Kid: "k", Kty: "EC", Alg: "ES256", Crv: "P-256", X: p256X, Y: p256Y}
	ed := domain.PublicKey{Kid: "k", Kty: "OKP", Alg: "EdDSA", Crv: "Ed25519", X: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
	change := func(k domain.PublicKey, f func(*domain.PublicKey)) domain.PublicKey { f(&k); return k }
	for name, c := range map[string]struct {
		key  domain.PublicKey
		fine bool
	}{
		"EC":                   {ec, true},
		"Ed25519":              {ed, true},
		"for signatures":       {change(ec, func(k *domain.PublicKey) { k.Use = "sig" }), true},
		"for encryption":       {change(ec, func(k *domain.PublicKey) { k.Use = "enc" }), false},
		"no name":              {change(ec, func(k *domain.PublicKey) { k.Kid = "" }), false},
		"a path for a name":    {change(ec, func(k *domain.PublicKey) { k.Kid = "../../dev/null" }), false},
		"another algorithm":    {change(ec, func(k *domain.PublicKey) { k.Alg = "RS256" }), false},
		"a secret one":         {change(ec, func(k *domain.PublicKey) { k.Alg = "HS256" }), false},
		"no algorithm":         {change(ec, func(k *domain.PublicKey) { k.Alg = "" }), false},
		"a point off the line": {change(ec, func(k *domain.PublicKey) { k.Y = k.X }), false},
		"padding":              {change(ed, func(k *domain.PublicKey) { k.X += "=" }), false},
		"RSA of 1024 bits":     {change(rsa, func(k *domain.PublicKey) { k.N = n[:171] }), false},
		"an exponent of 1":     {change(rsa, func(k *domain.PublicKey) { k.E = "AQ" }), false},
		"an even exponent":     {change(rsa, func(k *domain.PublicKey) { k.E = "Ag" }), false},
		"no modulus":           {change(rsa, func(k *domain.PublicKey) { k.N = "" }), false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.key.Check(); (err == nil) != c.fine {
				t.Error(err)
			}
		})
	}
	if domain.CheckKeys("/keys", []domain.PublicKey{ec, ec}) == nil {
		t.Error("one name for two keys")
	}
}
