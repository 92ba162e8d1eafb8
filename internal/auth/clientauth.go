package auth

import (
	"net/http"
	"net/url"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// assertionType is that of RFC 7523 section 2.2.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// longestAssertion is for how long a client may vouch for itself at once.
const longestAssertion = 5 * time.Minute

// proven finds out which client makes a request. It must prove itself in exactly
// one way. A wrong secret and a client that is not there look alike; which client
// was named comes with the refusal, for the record.
func (e *Endpoints) proven(r *http.Request, form url.Values) (holder, *refusal) {
	name, secret, basic := r.BasicAuth()
	asserted := form.Has("client_assertion") || form.Has("client_assertion_type")
	switch {
	case form.Has("client_secret"):
		return holder{}, badRequest("send the secret with HTTP Basic, not in the body")
	case len(r.Header.Values("Authorization")) > 1, basic && asserted:
		return holder{}, badRequest("prove who you are in one way only")
	case basic:
		return e.bySecret(r, form, name, secret)
	case asserted:
		return e.byAssertion(r, form)
	}
	return holder{}, refuseClient
}

// bySecret is client_secret_basic. Both halves are form-encoded before they are
// joined (RFC 6749 section 2.3.1).
func (e *Endpoints) bySecret(r *http.Request, form url.Values, name, secret string) (holder, *refusal) {
	name, err := url.QueryUnescape(name)
	secret, also := url.QueryUnescape(secret)
	if err != nil || also != nil || form.Has("client_id") && form.Get("client_id") != name {
		return holder{}, refuseClient
	}
	if !isID(name) { // is nobody's name, and not worth remembering
		return holder{}, refuseClient
	}
	now := e.o.Now()
	h, ok := e.directory.client(domain.ClientID(name))
	if proves := h.proves(secret, now); !ok || !proves || !domain.IsClientSecret(secret) {
		return h, e.failed(name, placeOf(r), now)
	}
	return h, nil
}

// failed refuses whoever did not prove to be a client.
func (e *Endpoints) failed(name, place string, now time.Time) *refusal {
	if wait := e.throttle.wait(name, place, now); wait > 0 {
		return tooOften(wait)
	}
	e.throttle.failed(name, place, now)
	return refuseClient
}

// isID tells what can be the id of a client from any other text.
func isID(name string) bool {
	var id domain.ClientID
	return name != "" && id.UnmarshalText([]byte(name)) == nil
}

// byAssertion is private_key_jwt.
func (e *Endpoints) byAssertion(r *http.Request, form url.Values) (holder, *refusal) {
	if form.Get("client_assertion_type") != assertionType {
		return holder{}, badRequest("the type of the assertion is " + assertionType)
	}
	now := e.o.Now()
	t, err := readToken(form.Get("client_assertion"))
	name, named := stringOf(t.claims["iss"])
	if err != nil || !named || !isID(name) || form.Has("client_id") && form.Get("client_id") != name {
		return holder{}, refuseClient
	}
	h, ok := e.directory.client(domain.ClientID(name))
	if !ok || !e.asserts(h, t, now) {
		return h, e.failed(name, placeOf(r), now)
	}
	return h, nil
}

// asserts judges an assertion (RFC 7523 section 3). Each is good once.
func (e *Endpoints) asserts(h holder, t written, now time.Time) bool {
	key, ok := h.key(t.kid, now)
	if !ok || !key.verifies(t) || t.typ != "" && !sameType(t.typ, "JWT") && !sameType(t.typ, "client-authentication+jwt") {
		return false
	}
	subject, _ := stringOf(t.claims["sub"])
	audience, _ := onlyOf(t.claims["aud"])
	jti, named := stringOf(t.claims["jti"])
	expires, dated := secondsOf(t.claims["exp"])
	until := time.Unix(expires, 0)
	if subject != h.id || !named || len(jti) > 128 || !dated || until.After(now.Add(longestAssertion+leeway)) || !now.Before(until.Add(leeway)) {
		return false
	}
	if audience != e.o.Issuer && audience != e.address(tokenPath) {
		return false
	}
	if !alreadyValid(t, now) {
		return false
	}
	return e.replays.first(h.id, jti, until.Add(leeway), now)
}

// alreadyValid looks at nbf and iat, which an assertion may leave out.
func alreadyValid(t written, now time.Time) bool {
	for _, name := range []string{"nbf", "iat"} {
		raw, there := t.claims[name]
		if from, ok := secondsOf(raw); there && (!ok || time.Unix(from, 0).After(now.Add(leeway))) {
			return false
		}
	}
	return true
}
