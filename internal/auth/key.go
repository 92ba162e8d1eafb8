package auth

import (
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/reeve-platform/reeve/domain"
)

// A verifyKey is a public key and the one algorithm that it is good for. That is
// never taken from a token.
type verifyKey struct {
	public domain.PublicKey
	alg    jwa.SignatureAlgorithm
	raw    any       // of the standard library
	until  time.Time // its signatures are believed until then; the zero time for no end
	thumb  thumbprint
}

// A thumbprint tells a key from all others, whatever they are called (RFC 7638).
type thumbprint [sha256.Size]byte

// importKey checks a public key and makes it ready for use.
func importKey(k domain.PublicKey) (verifyKey, error) {
	if err := k.Check(); err != nil {
		return verifyKey{}, err
	}
	b, err := json.Marshal(k)
	if err != nil {
		return verifyKey{}, err
	}
	parsed, err := jwk.ParseKey(b)
	if err != nil {
		return verifyKey{}, domain.ErrPublicKey.Because(err)
	}
	v := verifyKey{public: k}
	if err := jwk.Export(parsed, &v.raw); err != nil {
		return verifyKey{}, domain.ErrPublicKey.Because(err)
	}
	thumb, err := parsed.Thumbprint(crypto.SHA256)
	if err != nil {
		return verifyKey{}, domain.ErrPublicKey.Because(err)
	}
	v.thumb = thumbprint(thumb)
	v.alg, _ = jwa.LookupSignatureAlgorithm(k.Alg)
	return v, nil
}

// importKeys leaves out what cannot be used: whoever wrote it down has checked
// it, unless it was another build.
func importKeys(keys []domain.PublicKey) (usable []verifyKey) {
	for _, k := range keys {
		if v, err := importKey(k); err == nil {
			usable = append(usable, v)
		}
	}
	return usable
}

func (k verifyKey) live(at time.Time) bool { return k.until.IsZero() || at.Before(k.until) }

// verifies reports whether the token was signed with the key, by its algorithm.
func (k verifyKey) verifies(t written) bool {
	if t.alg != k.public.Alg {
		return false
	}
	_, err := jws.Verify([]byte(t.text), jws.WithKey(k.alg, k.raw))
	return err == nil
}

// publicOf describes a public key of the standard library. Its name is the
// thumbprint of RFC 7638.
func publicOf(raw any, alg string) (domain.PublicKey, error) {
	parsed, err := jwk.Import(raw)
	if err != nil {
		return domain.PublicKey{}, err
	}
	if err := jwk.AssignKeyID(parsed); err != nil {
		return domain.PublicKey{}, err
	}
	b, err := json.Marshal(parsed)
	if err != nil {
		return domain.PublicKey{}, err
	}
	k := domain.PublicKey{Alg: alg, Use: "sig"}
	err = json.Unmarshal(b, &k)
	return k, err
}
