package domain

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math/big"
	"math/bits"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// A Secretive command needs a secret that is told to its caller once and to
// nobody else. The write path hands it 256 bits in base62, always the same for
// the same request, so that a retry is answered with the same secret. Shown is
// the form in which the holder gets it; empty if the command needs none after all.
type Secretive[C any] interface {
	WithSecret(plain string) C
	Shown() string
}

// Discreet is an event that holds something auditors need not see: what was
// derived from a secret, or a key that is sealed. Discreetly is the event without it.
type Discreet interface{ Discreetly() any }

// The text of a secret is a prefix that scanners of source code recognise, the
// id of an API key, 256 bits, and a CRC-32 over everything before it, so that a
// typing error is recognised without looking anything up:
//
//	rvs_<43 of the secret><6 of the checksum>
//	rvk_<22 of the id>_<43 of the secret><6 of the checksum>
//
// All parts are base62 and of fixed length.
const (
	clientPrefix = "rvs_"
	// APIKeyPrefix begins the text of every API key.
	APIKeyPrefix = "rvk_"

	secretLen = 43
	keyIDLen  = 22
	sumLen    = 6
)

// ClientSecret is a client's secret as its holder gets it.
func ClientSecret(plain string) string { return summed(clientPrefix + plain) }

// APIKeyText is an API key as its holder gets it.
func APIKeyText(id APIKeyID, plain string) string {
	u, _ := uuid.Parse(string(id)) // ids are checked where they come in
	return summed(APIKeyPrefix + Base62(u[:], keyIDLen) + "_" + plain)
}

// IsClientSecret tells the text of a client's secret from anything else.
func IsClientSecret(text string) bool {
	return len(text) == len(clientPrefix)+secretLen+sumLen && strings.HasPrefix(text, clientPrefix) && isSummed(text)
}

// ReadAPIKey finds the id in the text of an API key. Whether there is such a key
// is for others to say.
func ReadAPIKey(text string) (APIKeyID, bool) {
	const whole = len(APIKeyPrefix) + keyIDLen + 1 + secretLen + sumLen
	if len(text) != whole || !strings.HasPrefix(text, APIKeyPrefix) || text[len(APIKeyPrefix)+keyIDLen] != '_' || !isSummed(text) {
		return "", false
	}
	u, ok := readUUID(text[len(APIKeyPrefix):][:keyIDLen])
	if !ok || u.Version() != 4 || u.Variant() != uuid.RFC4122 {
		return "", false
	}
	return APIKeyID(u.String()), true
}

// readUUID is the number of 128 bits that base62 digits write. An API key comes
// with each request, so it is read without allocating anything.
func readUUID(digits string) (u uuid.UUID, ok bool) {
	var high, low uint64
	for i := range len(digits) {
		d := strings.IndexByte(base62, digits[i])
		over, h := bits.Mul64(high, 62)
		up, l := bits.Mul64(low, 62)
		l, carry := bits.Add64(l, uint64(max(d, 0)), 0)
		h, more := bits.Add64(h, up, carry)
		if d < 0 || over+more > 0 {
			return u, false
		}
		high, low = h, l
	}
	binary.BigEndian.PutUint64(u[:8], high)
	binary.BigEndian.PutUint64(u[8:], low)
	return u, true
}

// Digest is what is stored of a secret. Secrets are random and long, so that
// there is nothing to guess, and no salt and no slow hash is needed.
func Digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Base62 writes bytes as a number in 0-9a-zA-Z, with leading zeros.
func Base62(b []byte, digits int) string {
	text := new(big.Int).SetBytes(b).Text(62)
	return strings.Repeat("0", max(0, digits-len(text))) + text
}

// SecretDigits is how many digits 256 bits take in base62.
const SecretDigits = secretLen

func summed(text string) string {
	sum := checksum(text)
	return text + string(sum[:])
}

func isSummed(text string) bool {
	body, sum := text[:len(text)-sumLen], text[len(text)-sumLen:]
	want := checksum(body)
	return sum == string(want[:]) && strings.Trim(body[len(APIKeyPrefix):], base62+"_") == ""
}

// checksum is the CRC-32 of a text in base62.
func checksum(text string) (digits [sumLen]byte) {
	c := crc32.ChecksumIEEE([]byte(text))
	for i := range digits {
		digits[sumLen-1-i] = base62[c%62]
		c /= 62
	}
	return digits
}

const base62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// A Credential is what somebody proves to be a client or a key with: the digest
// of a secret, or public keys.
type Credential struct {
	Digest string      `json:"digest,omitempty"` // of the secret, SHA-256 in hexadecimal
	Keys   []PublicKey `json:"keys,omitempty"`
}

// Equal reports whether both prove the same.
func (c Credential) Equal(d Credential) bool {
	return c.Digest == d.Digest && slices.Equal(c.Keys, d.Keys)
}

// String keeps digests out of logs.
func (c Credential) String() string { return fmt.Sprintf("a secret and %d keys", len(c.Keys)) }
