package client

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// MaximumLife is the longest an access token lives.
const MaximumLife = 15 * time.Minute

// RevokeToken takes back one access token before it expires (RFC 7009). The
// client that holds it asks; it is none of the commands that can be asked for
// otherwise.
type RevokeToken struct {
	Client  domain.ClientID `json:"client" doc:"The client."`
	JTI     string          `json:"jti" doc:"Name of the token."`
	Expires time.Time       `json:"expires" doc:"When it expires anyway."`
}

// TokenRevoked: the token must not be believed any more.
type TokenRevoked struct {
	Client  domain.ClientID `json:"client"`
	JTI     string          `json:"jti"`
	Expires time.Time       `json:"expires"`
}

// ErrToken: that is not the name of a token of ours.
var ErrToken = &domain.Error{Kind: domain.Invalid, Code: "invalid-token-name", Detail: "a token is named by 1 to 64 characters and expires within minutes"}

// RevocationStream names the history of the tokens that a client has taken back. It
// is not the client's own: a client decides how long it is, and whoever disables the
// client must not have to read it.
func RevocationStream(id domain.ClientID) domain.StreamID {
	return domain.StreamID("revocations-" + id)
}

// Stream names what the client has taken back.
func (c RevokeToken) Stream() domain.StreamID { return RevocationStream(c.Client) }

// Fleeting: whoever asks knows whether the token was taken back before, and twice
// does no harm.
func (c RevokeToken) Fleeting() {}

// Reads names the client and its node, which the fact belongs to.
func (c RevokeToken) Reads(s Client) []domain.StreamID {
	if s.Node == "" {
		return []domain.StreamID{Stream(c.Client)}
	}
	return append([]domain.StreamID{Stream(c.Client)}, domain.SiteStreams(s.Node)...)
}

// Decide applies the rule. A token that has expired needs no revocation.
func (c RevokeToken) Decide(s Client, m domain.Meta) ([]domain.Event, error) {
	switch {
	case s.Status == Absent:
		return nil, ErrNotFound
	case s.Status == Inactive, !c.Expires.After(m.At):
		return nil, nil
	case c.JTI == "" || len(c.JTI) > 64 || c.Expires.After(m.At.Add(2*MaximumLife)):
		return nil, ErrToken
	}
	return []domain.Event{TokenRevoked(c)}, nil
}
