package domain

import (
	"crypto/ecdh"
	"encoding/base64"
	"fmt"
	"math/big"
	"regexp"
)

// A PublicKey is a JSON Web Key (RFC 7517) that signatures are verified with.
// There is no member for any private part, so that none can be given by mistake.
type PublicKey struct {
	Kid string `json:"kid" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"Name of the key."`
	Kty string `json:"kty" enum:"RSA,EC,OKP" doc:"What sort of key it is."`
	Alg string `json:"alg" enum:"RS256,ES256,EdDSA" doc:"The only algorithm it is used with."`
	Use string `json:"use,omitempty" enum:"sig" doc:"What it is for."`
	N   string `json:"n,omitempty" maxLength:"1400" doc:"Modulus of an RSA key, in base64url."`
	E   string `json:"e,omitempty" maxLength:"8" doc:"Exponent of an RSA key, in base64url."`
	Crv string `json:"crv,omitempty" enum:"P-256,Ed25519" doc:"Curve of another key."`
	X   string `json:"x,omitempty" maxLength:"44" doc:"First coordinate, in base64url."`
	Y   string `json:"y,omitempty" maxLength:"44" doc:"Second coordinate, in base64url."`
}

// ErrPublicKey: nothing can safely be verified with the key.
var ErrPublicKey = &Error{Kind: Invalid, Code: "invalid-public-key", Detail: "a key is RSA of 2048 to 8192 bits for RS256, P-256 for ES256 or Ed25519 for EdDSA, and has a kid of 1 to 64 of A-Z, a-z, 0-9, _ and -"}

var kids = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// IsKid reports whether a key may be called that.
func IsKid(s string) bool { return kids.MatchString(s) }

// Check refuses keys that are weak, malformed or meant for something else.
func (k PublicKey) Check() error {
	fine := IsKid(k.Kid) && (k.Use == "" || k.Use == "sig")
	switch k.Alg {
	case "RS256":
		fine = fine && k.Kty == "RSA" && k.Crv+k.X+k.Y == "" && strongRSA(k.N, k.E)
	case "ES256":
		fine = fine && k.Kty == "EC" && k.Crv == "P-256" && k.N+k.E == "" && onP256(k.X, k.Y)
	case "EdDSA":
		fine = fine && k.Kty == "OKP" && k.Crv == "Ed25519" && k.N+k.E+k.Y == "" && len(unbase64(k.X)) == 32
	default:
		fine = false
	}
	if !fine {
		return ErrPublicKey
	}
	return nil
}

// CheckKeys is Check for a set; no two may have one name.
func CheckKeys(pointer string, keys []PublicKey) error {
	taken := map[string]bool{}
	for i, k := range keys {
		if err := k.Check(); err != nil || taken[k.Kid] {
			return ErrPublicKey.At(fmt.Sprintf("%s/%d", pointer, i), ErrPublicKey.Detail)
		}
		taken[k.Kid] = true
	}
	return nil
}

// strongRSA: an exponent of 1 signs nothing, and an even modulus is none.
func strongRSA(n, e string) bool {
	modulus, exponent := new(big.Int).SetBytes(unbase64(n)), new(big.Int).SetBytes(unbase64(e))
	bits := modulus.BitLen()
	return bits >= 2048 && bits <= 8192 && modulus.Bit(0) == 1 && exponent.Bit(0) == 1 && exponent.BitLen() >= 2 && exponent.BitLen() <= 31
}

func onP256(x, y string) bool {
	point := append(append([]byte{4}, unbase64(x)...), unbase64(y)...)
	_, err := ecdh.P256().NewPublicKey(point)
	return len(unbase64(x)) == 32 && err == nil
}

func unbase64(s string) []byte {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}
