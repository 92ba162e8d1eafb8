package auth_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/client"
	"github.com/reeve-platform/reeve/internal/auth"
	"github.com/reeve-platform/reeve/internal/edge"
)

// post sends a form; basic is "id:secret", or nothing.
func (w *world) post(path, basic string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if id, secret, ok := strings.Cut(basic, ":"); ok {
		r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	}
	return w.serveTo(r)
}

func (w *world) serveTo(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	w.endpoints.ServeHTTP(rec, r)
	return rec
}

func saidBy(t *testing.T, rec *httptest.ResponseRecorder) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal(rec.Body.Bytes(), &m); err != nil {
		t.Fatalf("%v: %s", err, rec.Body)
	}
	return m
}

var (
	billed = string(billing) + ":" + billingSecret
	grants = url.Values{"grant_type": {"client_credentials"}}
)

func TestTokenEndpoint(t *testing.T) {
	form := func(pairs ...string) url.Values {
		f := url.Values{"grant_type": {"client_credentials"}}
		for i := 0; i < len(pairs); i += 2 {
			f.Add(pairs[i], pairs[i+1])
		}
		return f
	}
	wrong := domain.ClientSecret(strings.Repeat("w", domain.SecretDigits))
	for name, c := range map[string]struct {
		basic  string
		form   url.Values
		status int
		says   string // the scope, or the error
	}{
		"everything it may":          {billed, form(), 200, "auth:flag:read auth:tenant:read"},
		"less than it may":           {billed, form("scope", "auth:flag:read"), 200, "auth:flag:read"},
		"more than it may":           {billed, form("scope", "auth:flag:read auth:flag:write"), 400, "invalid_scope"},
		"a scope that is none":       {billed, form("scope", "openid"), 400, "invalid_scope"},
		"an empty scope":             {billed, form("scope", ""), 400, "invalid_scope"},
		"two spaces in a scope":      {billed, form("scope", "auth:flag:read  auth:tenant:read"), 400, "invalid_scope"},
		"its id in the body, too":    {billed, form("client_id", string(billing)), 200, "auth:flag:read auth:tenant:read"},
		"another id in the body":     {billed, form("client_id", string(partner)), 401, "invalid_client"},
		"a wrong secret":             {string(billing) + ":" + wrong, form(), 401, "invalid_client"},
		"a secret with a typo":       {billed + "x", form(), 401, "invalid_client"},
		"no secret":                  {string(billing) + ":", form(), 401, "invalid_client"},
		"a client nobody registered": {string(ann) + ":" + billingSecret, form(), 401, "invalid_client"},
		"nobody":                     {"", form(), 401, "invalid_client"},
		"a secret in the body":       {"", form("client_id", string(billing), "client_secret", billingSecret), 400, "invalid_request"},
		"two proofs":                 {billed, form("client_assertion", "x"), 400, "invalid_request"},
		"another grant":              {billed, url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type"},
		"no grant":                   {billed, url.Values{}, 400, "unsupported_grant_type"},
		"a parameter twice":          {billed, form("scope", "auth:flag:read", "scope", "auth:tenant:read"), 400, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			rec := w.post("/oauth2/token", c.basic, c.form)
			m := saidBy(t, rec)
			if rec.Code != c.status || m["scope"] != c.says && m["error"] != c.says {
				t.Fatal(rec.Code, rec.Body)
			}
			if rec.Header().Get("Cache-Control") != "no-store" || (c.status == 401) != (rec.Header().Get("WWW-Authenticate") != "") {
				t.Error(rec.Header())
			}
			if token, given := m["access_token"].(string); given != (c.status == 200) {
				t.Error(m)
			} else if _, err := w.verifier.Token(t.Context(), token); given && (err != nil || m["expires_in"] != 900.0 || m["token_type"] != "Bearer") {
				t.Error(err, m)
			}
			if bytes.Contains(rec.Body.Bytes(), []byte("rvs_")) {
				t.Error("the answer repeats a secret")
			}
		})
	}
}

func TestWhatIsNoForm(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*http.Request){
		"JSON":                      func(r *http.Request) { r.Header.Set("Content-Type", "application/json") },
		"no type":                   func(r *http.Request) { r.Header.Del("Content-Type") },
		"parameters in the address": func(r *http.Request) { r.URL.RawQuery = "grant_type=client_credentials" },
		"a semicolon":               func(r *http.Request) { r.Body = http.NoBody; r.URL.RawQuery = "a;b" },
		"two Authorization headers": func(r *http.Request) { r.Header.Add("Authorization", "Bearer x") },
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader(grants.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth(string(billing), billingSecret)
			change(r)
			if rec := w.serveTo(r); rec.Code < 400 || rec.Code >= 500 {
				t.Error(rec.Code, rec.Body)
			}
		})
	}
	if rec := w.post("/oauth2/token", billed, url.Values{"grant_type": {strings.Repeat("x", 40<<10)}}); rec.Code != 400 {
		t.Error("a form that is too large:", rec.Code)
	}
	if rec := w.serveTo(httptest.NewRequest(http.MethodGet, "/oauth2/token", nil)); rec.Code != http.StatusMethodNotAllowed {
		t.Error("GET:", rec.Code)
	}
}

// An old secret is good until the overlap ends.
func TestASecretIsRotated(t *testing.T) {
	w := newWorld(t)
	next := domain.ClientSecret(strings.Repeat("n", domain.SecretDigits))
	w.tell(client.Stream(billing), client.CredentialRotated{Client: billing, Node: north, Credential: domain.Credential{Digest: domain.Digest(next)}, OverlapEnds: noon.Add(time.Hour)})
	status := func(secret string) int {
		return w.post("/oauth2/token", string(billing)+":"+secret, grants).Code
	}
	if status(billingSecret) != 200 || status(next) != 200 {
		t.Error("during the overlap")
	}
	w.pass(time.Hour)
	if status(billingSecret) != 401 || status(next) != 200 {
		t.Error("after it")
	}
	w.tell(client.Stream(billing), client.Disabled{Client: billing, Node: north})
	if status(next) != 401 {
		t.Error("after the end")
	}
}

// Who must not use anything gets no token, and is told it can come back.
func TestASuspendedClientGetsNoToken(t *testing.T) {
	w := newWorld(t)
	token := w.token(t, billing, north)
	for err, want := range map[error]int{domain.ErrIntegratorStopped: 400, domain.ErrLogUnavailable: 503} {
		w.admit = func(auth.Principal) error { return err }
		if rec := w.post("/oauth2/token", billed, grants); rec.Code != want {
			t.Error(err, rec.Code, rec.Body)
		}
		if rec := w.post("/oauth2/introspect", billed, url.Values{"token": {token}}); rec.Code != want {
			t.Error(rec.Code, rec.Body)
		}
	}
}

func TestGuessingIsSlow(t *testing.T) {
	w := newWorld(t)
	attempt := func(basic, place string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader(grants.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		id, secret, _ := strings.Cut(basic, ":")
		r.SetBasicAuth(id, secret)
		r.RemoteAddr = place + ":1234"
		return w.serveTo(r)
	}
	for range auth.ClientBurst {
		if rec := attempt(string(billing)+":guess", "192.0.2.1"); rec.Code != 401 {
			t.Fatal(rec.Code)
		}
	}
	rec := attempt(string(billing)+":guess", "192.0.2.1")
	if rec.Code != 429 || rec.Header().Get("Retry-After") == "" {
		t.Fatal(rec.Code, rec.Header())
	}
	if rec := attempt(billed, "192.0.2.1"); rec.Code != 200 {
		t.Error("the client itself, at the same place:", rec.Code)
	}
	if rec := attempt(billed, "192.0.2.2"); rec.Code != 200 {
		t.Error("the client itself, elsewhere:", rec.Code)
	}
	if rec := attempt(string(partner)+":"+billingSecret, "192.0.2.1"); rec.Code != 200 {
		t.Error("another client there:", rec.Code)
	}
	w.pass(time.Minute)
	if rec := attempt(string(billing)+":guess", "192.0.2.1"); rec.Code != 401 {
		t.Error("a minute later:", rec.Code)
	}
	for i := range 200 {
		attempt(fmt.Sprintf("00000000-0000-4000-8000-%012d:guess", i), "192.0.2.3")
	}
	if rec := attempt("00000000-0000-4000-9000-000000000000:guess", "192.0.2.3"); rec.Code != 429 {
		t.Error("many clients at one place:", rec.Code)
	}
	if rec := attempt(billed, "192.0.2.3"); rec.Code != 200 {
		t.Error("a client that knows its secret, there:", rec.Code)
	}
	for i := range auth.ClientBurst { // who has one address of a network has them all
		attempt(string(partner)+":guess", fmt.Sprintf("[2001:db8:0:1::%d]", i))
	}
	for place, want := range map[string]int{"[2001:db8:0:1:ffff::]": 429, "[2001:db8:0:2::1]": 401} {
		if rec := attempt(string(partner)+":another guess", place); rec.Code != want {
			t.Error("a network of IPv6:", place, rec.Code)
		}
	}
}

// A secret that is wrong costs an address as much as any other wrong credential, and
// keeps nobody out who stands behind the same address and knows the right one.
func TestAWrongSecretCostsItsAddress(t *testing.T) {
	w := newWorld(t)
	r := chi.NewRouter()
	edge.REST(r, edge.Options{Logger: slog.New(slog.DiscardHandler), Proving: auth.Proving,
		Limits: edge.Limits{Anonymous: edge.Rate{PerSecond: 0.1, Burst: 11}, Now: w.clock}})
	r.Handle("/oauth2/*", w.endpoints)
	w.endpoints = r
	for i, c := range []struct {
		basic string
		want  int
		left  string
	}{
		{"", 401, "11"}, // what was left before
		{string(billing) + ":guess", 401, "6"},
		{billed, 200, ""}, // who is known is no stranger
		{string(billing) + ":guess", 401, "1"},
		{string(billing) + ":guess", 429, "0"},
		{"", 429, "0"},
		{billed, 200, ""},
	} {
		rec := w.post("/oauth2/token", c.basic, grants)
		_, left, _ := strings.Cut(rec.Header().Get("RateLimit"), `"anonymous";r=`)
		left, _, _ = strings.Cut(left, ";")
		if rec.Code != c.want || left != c.left {
			t.Errorf("%d: %d %s", i, rec.Code, left)
		}
		if rec.Code == 429 && rec.Header().Get("Retry-After") != "50" {
			t.Error(rec.Header())
		}
	}
}

func TestIntrospection(t *testing.T) {
	w := newWorld(t)
	token := w.token(t, billing, north)
	for name, c := range map[string]struct {
		asks   domain.ClientID
		token  string
		active bool
	}{
		"one's own":               {billing, token, true},
		"a tenant's, by the root": {operator, token, true},
		"a tenant's, by a partner not at that node": {partner, token, false},
		"the root's, by a tenant":                   {billing, w.token(t, operator, domain.PlatformID), false},
		"no token":                                  {billing, "x", false},
	} {
		t.Run(name, func(t *testing.T) {
			rec := w.post("/oauth2/introspect", string(c.asks)+":"+billingSecret, url.Values{"token": {c.token}})
			m := saidBy(t, rec)
			if rec.Code != 200 || m["active"] != c.active || !c.active && len(m) != 1 {
				t.Error(rec.Code, rec.Body)
			}
			if c.active && (m["client_id"] != string(billing) || m["tenant_id"] != string(north) || m["scope"] == "" || m["exp"] == nil) {
				t.Error(rec.Body)
			}
		})
	}
	if rec := w.post("/oauth2/introspect", "", url.Values{"token": {token}}); rec.Code != 401 {
		t.Error("by nobody:", rec.Code)
	}
	if rec := w.post("/oauth2/introspect", billed, url.Values{}); rec.Code != 400 {
		t.Error("of nothing:", rec.Code)
	}
}

func TestRevocation(t *testing.T) {
	w := newWorld(t)
	token := w.token(t, billing, north)
	revoke := func(id domain.ClientID, token string) int {
		return w.post("/oauth2/revoke", string(id)+":"+billingSecret, url.Values{"token": {token}}).Code
	}
	if revoke(partner, token) != 400 {
		t.Error("somebody else's token")
	}
	if _, err := w.verifier.Token(t.Context(), token); err != nil {
		t.Error(err)
	}
	for range 2 {
		if revoke(billing, token) != 200 {
			t.Error("one's own token")
		}
		if _, err := w.verifier.Token(t.Context(), token); err == nil {
			t.Error("it is believed")
		}
	}
	if revoke(billing, "x") != 200 {
		t.Error("no token at all is a success (RFC 7009 section 2.2)")
	}
	if rec := w.post("/oauth2/introspect", billed, url.Values{"token": {token}}); saidBy(t, rec)["active"] != false {
		t.Error(rec.Body)
	}
}

// Everybody remembers what is revoked, so a client cannot have them remember as much
// as it likes. What has expired makes room.
func TestAClientTakesBackSoManyTokensAtOnce(t *testing.T) {
	w := newWorld(t)
	revoke := func(id domain.ClientID, node domain.NodeID) int {
		return w.post("/oauth2/revoke", string(id)+":"+billingSecret, url.Values{"token": {w.token(t, id, node)}}).Code
	}
	for i := range auth.MostRevoked - 1 { // the later ones expire first, and each is said twice
		e := client.TokenRevoked{Client: billing, JTI: fmt.Sprint(i), Expires: noon.Add(14*time.Minute - time.Duration(i)*time.Millisecond)}
		w.tell(client.RevocationStream(billing), e, e)
	}
	for i, want := range []int{200, 503} {
		if got := revoke(billing, north); got != want {
			t.Fatal(i, got)
		}
	}
	if got := revoke(partner, acme); got != 200 {
		t.Error("another client:", got)
	}
	w.pass(13*time.Minute + 2*auth.Leeway)
	if got := revoke(billing, north); got != 503 {
		t.Error("before any has expired:", got)
	}
	w.pass(2 * time.Minute)
	if got := revoke(billing, north); got != 200 {
		t.Error("after all but one have expired:", got)
	}
}

// Whoever has proven which client it is pays as that client, and not as a stranger.
func TestAClientPaysForItself(t *testing.T) {
	w := newWorld(t)
	stopped := func() time.Time { return noon }
	w.admit = func(auth.Principal) error { return nil }
	router := chi.NewRouter()
	edge.REST(router, edge.Options{Limits: edge.Limits{
		Principal: edge.Rate{PerSecond: 0.5, Burst: 3}, Anonymous: edge.Rate{PerSecond: 0.001, Burst: 3}, Now: stopped,
	}})
	w.surface.Mount(router)
	w.endpoints = router
	grant := url.Values{"grant_type": {"client_credentials"}}
	ask := func(id domain.ClientID, path string, form url.Values, want int) {
		t.Helper()
		rec := w.post(path, string(id)+":"+billingSecret, form)
		if rec.Code != want || want == 429 && rec.Header().Get("Retry-After") != "2" {
			t.Error(path, rec.Code, rec.Header(), rec.Body)
		}
	}
	ask(billing, "/oauth2/token", grant, 200)
	ask(billing, "/oauth2/introspect", url.Values{"token": {"x"}}, 200)
	ask(billing, "/oauth2/revoke", url.Values{"token": {"x"}}, 200)
	ask(billing, "/oauth2/token", grant, 429)
	ask(billing, "/oauth2/revoke", url.Values{"token": {"x"}}, 429)
	ask(partner, "/oauth2/token", grant, 200)
	ask(partner, "/oauth2/token", grant, 200)
}

func TestMetadata(t *testing.T) {
	w := newWorld(t)
	rec := w.serveTo(httptest.NewRequest(http.MethodGet, "/.well-known/oauth-authorization-server", nil))
	m := saidBy(t, rec)
	for name, want := range map[string]string{
		"issuer": issuer, "token_endpoint": issuer + "/oauth2/token", "jwks_uri": issuer + "/.well-known/jwks.json",
		"introspection_endpoint": issuer + "/oauth2/introspect", "revocation_endpoint": issuer + "/oauth2/revoke",
	} {
		if m[name] != want {
			t.Errorf("%s: %v", name, m[name])
		}
	}
	if n := len(m["scopes_supported"].([]any)); n != len(domain.AllPermissions) {
		t.Errorf("%d scopes", n)
	}
}

func TestKeysAreCached(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil)
	first := w.serveTo(r)
	if !strings.Contains(first.Body.String(), w.kid) || strings.Contains(first.Body.String(), `"d":`) {
		t.Error(first.Body)
	}
	r.Header.Set("If-None-Match", first.Header().Get("ETag"))
	if again := w.serveTo(r); again.Code != 304 {
		t.Error(again.Code)
	}
	w.rotate(t, "ES256")
	if again := w.serveTo(r); again.Code != 200 {
		t.Error("after a rotation:", again.Code)
	}
}
