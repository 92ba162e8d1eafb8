package auth

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/reeve-platform/reeve/domain"
)

// A Sealer makes signing keys, and seals their private parts for the log. The
// key it seals with follows from the key encryption key, and is used for nothing
// else.
type Sealer struct{ aead cipher.AEAD }

// minKEK is the shortest key encryption key, in bytes.
const minKEK = 32

// NewSealer derives a sealer from a key encryption key.
func NewSealer(kek []byte) (*Sealer, error) {
	if len(kek) < minKEK {
		return nil, fmt.Errorf("the key encryption key must have at least %d bytes", minKEK)
	}
	key, err := hkdf.Key(sha256.New, kek, nil, "reeve signing keys v1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &Sealer{aead}, err
}

// Forge makes a new signing key of an algorithm.
func (s *Sealer) Forge(alg string) (domain.SigningKey, error) {
	private, err := newPrivate(alg)
	if err != nil {
		return domain.SigningKey{}, err
	}
	public, err := publicOf(private.Public(), alg)
	if err != nil {
		return domain.SigningKey{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return domain.SigningKey{}, err
	}
	return domain.SigningKey{Public: public, Sealed: s.seal(public.Kid, der)}, nil
}

func newPrivate(alg string) (crypto.Signer, error) {
	switch alg {
	case "RS256":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return nil, domain.ErrPublicKey
}

// seal binds the sealed text to the key's name: moved to another, it does not open.
func (s *Sealer) seal(kid string, plain []byte) []byte {
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // it never fails
	return s.aead.Seal(nonce, nonce, plain, []byte(kid))
}

var errSealed = errors.New("a signing key cannot be opened with this key encryption key")

// open gives the private key back.
func (s *Sealer) open(kid string, sealed []byte) (crypto.Signer, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return nil, errSealed
	}
	der, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(kid))
	if err != nil {
		return nil, errSealed
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errSealed
	}
	return signer, nil
}
