package auth_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"testing"

	"github.com/reeve-platform/reeve/domain"
)

// rawOf reads a JSON Web Key without any of the libraries that the product uses.
func rawOf(t *testing.T, k domain.PublicKey) any {
	t.Helper()
	number := func(s string) *big.Int {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return new(big.Int).SetBytes(b)
	}
	switch k.Kty {
	case "RSA":
		return &rsa.PublicKey{N: number(k.N), E: int(number(k.E).Int64())}
	case "EC":
		point := append(number(k.X).FillBytes(make([]byte, 33)), number(k.Y).FillBytes(make([]byte, 32))...)
		point[0] = 4 // uncompressed
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	return ed25519.PublicKey(number(k.X).FillBytes(make([]byte, ed25519.PublicKeySize)))
}
