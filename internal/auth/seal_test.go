package auth_test

import (
	"bytes"
	"crypto"
	"slices"
	"testing"

	"github.com/reeve-platform/reeve/internal/auth"
)

func TestASealedKeyOpensUnderItsOwnNameOnly(t *testing.T) {
	sealer, err := auth.NewSealer(kek)
	if err != nil {
		t.Fatal(err)
	}
	for _, alg := range []string{"ES256", "EdDSA"} {
		k, err := sealer.Forge(alg)
		if err != nil || k.Public.Check() != nil || k.Public.Alg != alg {
			t.Fatal(alg, k.Public, err)
		}
		signer, err := sealer.Open(k.Public.Kid, k.Sealed)
		if err != nil {
			t.Fatal(err)
		}
		if public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(signer.Public()) {
			t.Error("another key came out")
		}
		if _, err := sealer.Open("another", k.Sealed); err == nil {
			t.Error("it opens under another name")
		}
		for i := range len(k.Sealed) {
			broken := slices.Clone(k.Sealed)
			broken[i] ^= 1
			if _, err := sealer.Open(k.Public.Kid, broken); err == nil {
				t.Fatalf("it opens with byte %d changed", i)
			}
		}
		if _, err := sealer.Open(k.Public.Kid, nil); err == nil {
			t.Error("nothing opens")
		}
		again, _ := sealer.Forge(alg)
		if bytes.Equal(again.Sealed, k.Sealed) || again.Public.Kid == k.Public.Kid {
			t.Error("two keys are one")
		}
	}
}

func TestAnotherKEKOpensNothing(t *testing.T) {
	other, err := auth.NewSealer(append([]byte("x"), kek...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(firstKey().Public.Kid, firstKey().Sealed); err == nil {
		t.Error("it opens")
	}
	if _, err := auth.NewSealer(kek[:31]); err == nil {
		t.Error("a short key is taken")
	}
	if _, err := other.Forge("HS256"); err == nil {
		t.Error("HS256")
	}
}
