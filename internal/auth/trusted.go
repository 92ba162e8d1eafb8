package auth

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// External says what is believed of another issuer.
type External struct {
	Issuer   string             // exactly as its tokens say it
	Audience string             // that its tokens for us have
	Type     string             // typ of its access tokens; at+jwt if empty, JWT for issuers that know no better
	Subject  string             // claim that users are linked by; sub if empty
	Node     domain.NodeID      // whose users it knows: it vouches for those at this node and below; the platform if empty
	Scopes   domain.Permissions // that its tokens are good for at most; all if none
	HTTP     *http.Client       // for its keys; nil: a client that takes no detours
	Now      func() time.Time   // nil: the clock
	Fetched  func(error)        // is told how each fetch of its keys has ended, one after the other; nil: nobody is
}

// A Trusted issuer is somebody else whose access tokens are good for the users
// at or below its node that are linked to its subjects (OpenID Connect Discovery 1.0). What those may
// do is decided here all the same.
type Trusted struct {
	o    External
	keys *keySet
}

// longestForeign is the longest life of a foreign token.
const longestForeign = time.Hour

// Trust gets ready to believe an issuer. Call Run to fetch its keys.
func Trust(o External) *Trusted {
	if o.Type == "" {
		o.Type = accessType
	}
	if o.Subject == "" {
		o.Subject = "sub"
	}
	if o.Node == "" {
		o.Node = domain.PlatformID
	}
	if o.Scopes == 0 {
		o.Scopes = everything
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Fetched == nil {
		o.Fetched = func(error) {}
	}
	return &Trusted{o, newKeySet(o)}
}

// Vouches is the issuer, and the node at and below which the users are that it
// vouches for.
func (t *Trusted) Vouches() (issuer string, at domain.NodeID) { return t.o.Issuer, t.o.Node }

// Run keeps the issuer's keys fresh until ctx ends.
func (t *Trusted) Run(ctx context.Context) { t.keys.run(ctx) }

// read verifies a token of the issuer. An ID token is none, even when it has the
// type of one: it says nonce or at_hash, which no access token does.
func (t *Trusted) read(ctx context.Context, d *Directory, w written, now time.Time) (believed, error) {
	if !sameType(w.typ, t.o.Type) {
		return believed{}, errUntidy
	}
	key, ok := t.keys.find(ctx, w.kid)
	if !ok || !key.verifies(w) {
		return believed{}, errUntidy
	}
	for _, idToken := range []string{"nonce", "at_hash", "c_hash"} {
		if _, there := w.claims[idToken]; there {
			return believed{}, errUntidy
		}
	}
	audience, one := onlyOf(w.claims["aud"])
	subject, named := stringOf(w.claims[t.o.Subject])
	if !one || !named || audience != t.o.Audience {
		return believed{}, errUntidy
	}
	if err := timely(w.claims, now, longestForeign); err != nil {
		return believed{}, err
	}
	scopes, ok := t.scopes(w.claims)
	if !ok {
		return believed{}, errUntidy
	}
	user, ok := d.linked(t.o, subject)
	if !ok {
		return believed{}, errUntidy
	}
	expires, _ := secondsOf(w.claims["exp"])
	p := Principal{ID: string(user), Type: User, Node: domain.PlatformID, Scopes: scopes, Expires: time.Unix(expires, 0).UTC()}
	return believed{principal: p, kid: w.kid, issuer: t, subject: subject, key: key.thumb}, nil
}

// scopes are what the token asks for of what its issuer may give; all of it, if
// the issuer knows nothing of our scopes. Some issuers call them scp, and some of
// those write a list. What says scopes and cannot be read as such is no token: to
// take it for one without scopes would give it everything.
func (t *Trusted) scopes(claims map[string]json.RawMessage) (domain.Permissions, bool) {
	granted := t.o.Scopes
	for _, name := range []string{"scope", "scp"} {
		raw, there := claims[name]
		if !there {
			continue
		}
		text, ok := stringOf(raw)
		if !ok && name == "scp" {
			text, ok = joinedOf(raw)
		}
		if !ok || !scopeGrammar.MatchString(text) {
			return 0, false
		}
		if ours, _ := scopesIn(text); ours != 0 || strings.Contains(" "+text, " "+scopePrefix) {
			granted &= ours
		}
	}
	return granted, true
}

// scopeGrammar is that of RFC 6749 section 3.3.
var scopeGrammar = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*$`)

// joinedOf is a list of scopes as one text; the grammar sees to what is in it.
func joinedOf(raw json.RawMessage) (string, bool) {
	var list []*string
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return "", false
	}
	names := make([]string, len(list))
	for i, s := range list {
		if s == nil || strings.Contains(*s, " ") {
			return "", false
		}
		names[i] = *s
	}
	return strings.Join(names, " "), true
}

// sameType compares media types, whose prefix may be left out (RFC 7515 section 4.1.9).
func sameType(got, want string) bool {
	bare := func(s string) string { return strings.TrimPrefix(strings.ToLower(s), "application/") }
	return bare(got) == bare(want)
}
