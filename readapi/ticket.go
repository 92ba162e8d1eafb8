package readapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// A ticket lets somebody follow a stream of notices about a place: browsers open such
// a stream by its address alone and send no credentials along. It tells nothing but
// that something may be another, and is good for a while only.
type ticket struct {
	Who   string        `json:"w"` // principal that asked for flags there
	Node  domain.NodeID `json:"n"`
	User  domain.UserID `json:"u,omitempty"` // whose own overrides count
	Until int64         `json:"t"`           // Unix seconds
}

// epoch is for how long a ticket stays the same, so that a client that asks again goes
// on with the stream it has. It is good for one epoch longer than that.
const epoch = 30 * time.Minute

// turn is when the tickets that are given out at an instant are replaced by others.
func turn(at time.Time) time.Time { return at.Truncate(epoch).Add(epoch) }

// expires is until when a ticket is good.
func (t ticket) expires() time.Time { return time.Unix(t.Until, 0) }

// seal writes the ticket, with a proof that it is ours.
func (t ticket) seal(key []byte) string {
	body, _ := json.Marshal(t) // texts and a number
	return base64.RawURLEncoding.EncodeToString(append(proof(key, body), body...))
}

// unseal reads a ticket that is ours and good at an instant.
func unseal(key []byte, text string, at time.Time) (t ticket, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) <= proofSize || !hmac.Equal(b[:proofSize], proof(key, b[proofSize:])) || json.Unmarshal(b[proofSize:], &t) != nil {
		return t, false
	}
	return t, at.Before(t.expires())
}

const proofSize = 16

// proof is half of an HMAC-SHA256 (RFC 2104 section 5).
func proof(key, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("tickets of streams\x00"))
	mac.Write(body)
	return mac.Sum(nil)[:proofSize]
}
