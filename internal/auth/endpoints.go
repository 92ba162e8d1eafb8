package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

const (
	tokenPath      = "/oauth2/token"
	introspectPath = "/oauth2/introspect"
	revokePath     = "/oauth2/revoke"
	metadataPath   = "/.well-known/oauth-authorization-server"
	keysPath       = "/.well-known/jwks.json"
)

// Proving are the paths where clients prove who they are, see [edge.Options].
var Proving = []string{tokenPath, introspectPath, revokePath}

// Endpoints is the authorization server as the world sees it.
type Endpoints struct {
	o         Options
	directory *Directory
	issuer    *Issuer
	verifier  *Verifier
	hooks     Hooks
	throttle  *throttle
	replays   replayGuard
}

// Hooks are what the endpoints need of the rest of the product.
type Hooks struct {
	// Admit refuses a principal that must not use anything for the time being,
	// such as a client of a suspended tenant. Nil admits everybody.
	Admit func(Principal) error
	// Caller is whom a client that has proven itself is billed as.
	Caller func(Principal) edge.Caller
	// Revoke records that a token of a client must not be believed any more.
	Revoke func(ctx context.Context, by domain.ClientID, jti string, expires time.Time) error
}

// NewEndpoints joins the parts.
func NewEndpoints(d *Directory, i *Issuer, v *Verifier, o Options, hooks Hooks) *Endpoints {
	if hooks.Admit == nil {
		hooks.Admit = func(Principal) error { return nil }
	}
	return &Endpoints{o: o.filled(), directory: d, issuer: i, verifier: v, hooks: hooks, throttle: newThrottle()}
}

// Mount puts the endpoints on a router.
func (e *Endpoints) Mount(r chi.Router) {
	r.Post(tokenPath, e.form(e.token))
	r.Post(introspectPath, e.form(e.introspect))
	r.Post(revokePath, e.form(e.revoke))
	r.Get(metadataPath, e.metadata)
	r.Get(keysPath, e.jwks)
}

func (e *Endpoints) address(path string) string { return strings.TrimSuffix(e.o.Issuer, "/") + path }

// form is what the endpoints that need a client have in common.
func (e *Endpoints) form(then func(w http.ResponseWriter, r *http.Request, h holder, form url.Values) *refusal) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		form, refused := formOf(w, r)
		var h holder
		if refused == nil {
			h, refused = e.proven(r, form)
		}
		if refused != nil { // who is proven is no stranger, whatever else is wrong
			if wait := edge.Suspect(r); wait > 0 {
				refused = tooOften(wait)
			}
		}
		if refused == nil {
			refused = e.billed(r, h)
		}
		if refused == nil {
			refused = e.admitted(h)
		}
		if refused == nil {
			refused = then(w, r, h, form)
		}
		if refused != nil {
			refused.report(r, h)
			refused.write(w)
		}
	}
}

// admitted refuses a client that must not use anything for the time being.
func (e *Endpoints) admitted(h holder) *refusal {
	if err := e.hooks.Admit(h.principal()); err != nil {
		return refusedBy(err)
	}
	return nil
}

// billed takes from the client what it may ask for, as any other request would.
func (e *Endpoints) billed(r *http.Request, h holder) *refusal {
	switch wait, err := edge.Bill(r, e.hooks.Caller(h.principal())); {
	case errors.Is(err, edge.ErrRateLimited):
		return limited(wait, "too many requests")
	case err != nil:
		return refusedBy(err)
	}
	return nil
}

// principal is a client as if it came with a token for everything it may.
func (h holder) principal() Principal {
	return Principal{ID: h.id, Type: Service, Node: h.node, Scopes: h.permissions}
}

// token is the client credentials grant (RFC 6749 section 4.4).
func (e *Endpoints) token(w http.ResponseWriter, _ *http.Request, h holder, form url.Values) *refusal {
	if form.Get("grant_type") != "client_credentials" {
		return refuseGrantType
	}
	scopes := h.permissions
	if form.Has("scope") {
		asked, rest := scopesIn(form.Get("scope"))
		if len(rest) > 0 || asked == 0 || !h.permissions.Has(asked) {
			return refuseScope
		}
		scopes = asked
	}
	text, c, err := e.issuer.Issue(Grant{Subject: h.id, Client: h.id, Node: h.node, Scopes: scopes})
	if err != nil {
		return refusedBy(err)
	}
	answer(w, http.StatusOK, map[string]any{
		"access_token": text, "token_type": "Bearer", "expires_in": c.Expires - c.IssuedAt, "scope": c.Scope,
	})
	return nil
}

// inactive is all that is said about a token that is none of the asker's business.
var inactive = map[string]bool{"active": false}

// introspect says what a token is worth just now (RFC 7662), to the client that
// has it, and to those that are registered at the same node or the platform.
func (e *Endpoints) introspect(w http.ResponseWriter, r *http.Request, h holder, form url.Values) *refusal {
	if !form.Has("token") {
		return badRequest("a token is needed")
	}
	b, err := e.verifier.token(r.Context(), form.Get("token"))
	entitled := h.id == b.claims.Client || h.node == b.principal.Node || h.node == domain.PlatformID
	if err != nil || b.issuer != nil || !entitled || e.hooks.Admit(b.principal) != nil {
		answer(w, http.StatusOK, inactive)
		return nil
	}
	answer(w, http.StatusOK, struct {
		Active    bool   `json:"active"`
		TokenType string `json:"token_type"`
		Claims
	}{true, "Bearer", b.claims})
	return nil
}

// revoke takes a token back (RFC 7009). One that is no good anyway is a success, and
// so is one that was taken back before.
func (e *Endpoints) revoke(w http.ResponseWriter, r *http.Request, h holder, form url.Values) *refusal {
	if !form.Has("token") {
		return badRequest("a token is needed")
	}
	b, err := e.verifier.token(r.Context(), form.Get("token"))
	switch {
	case err != nil || b.issuer != nil:
	case b.claims.Client != h.id:
		return refuseToken
	case e.hooks.Revoke == nil:
		return refuseNow
	case !e.directory.mayRevoke(domain.ClientID(h.id), e.o.Now()):
		return refuseMore
	default:
		if err := e.hooks.Revoke(r.Context(), domain.ClientID(h.id), b.claims.JTI, b.principal.Expires); err != nil {
			return refusedBy(err)
		}
	}
	answer(w, http.StatusOK, struct{}{})
	return nil
}

// metadata says where everything is (RFC 8414).
func (e *Endpoints) metadata(w http.ResponseWriter, _ *http.Request) {
	methods := []string{"client_secret_basic", "private_key_jwt"}
	algs := []string{"RS256", "ES256", "EdDSA"}
	w.Header().Set("Cache-Control", "public, max-age=300")
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer": e.o.Issuer, "jwks_uri": e.address(keysPath), "token_endpoint": e.address(tokenPath),
		"introspection_endpoint": e.address(introspectPath), "revocation_endpoint": e.address(revokePath),
		"grant_types_supported": []string{"client_credentials"}, "response_types_supported": []string{},
		"scopes_supported":                                         strings.Fields(ScopeOf(everything)),
		"token_endpoint_auth_methods_supported":                    methods,
		"introspection_endpoint_auth_methods_supported":            methods,
		"revocation_endpoint_auth_methods_supported":               methods,
		"token_endpoint_auth_signing_alg_values_supported":         algs,
		"introspection_endpoint_auth_signing_alg_values_supported": algs,
		"revocation_endpoint_auth_signing_alg_values_supported":    algs,
	})
}

// jwks is every key that our tokens may be signed with, in order of age.
func (e *Endpoints) jwks(w http.ResponseWriter, r *http.Request) {
	body := map[string]any{"keys": e.directory.Published(e.o.Now())}
	b, _ := json.Marshal(body) // strings always marshal
	sum := sha256.Sum256(b)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "public, max-age=300")
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	writeJSON(w, http.StatusOK, body)
}
