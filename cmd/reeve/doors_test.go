package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

// A door is a route that is no entry of the catalogues, so that no wall stands before
// it. Why it may be there is said beside it, and what a stranger finds behind it.
type door struct {
	why      string
	stranger int // status that one without credentials is answered with; 0 if that takes too long to find out
}

// doors are all of them. Whoever adds one here opens it to the world, or answers for
// what stands in its place.
var doors = map[string]door{
	"GET /livez":          {"a probe asks whether the process answers, and learns nothing else", 200},
	"GET /readyz":         {"a probe asks whether it can be used; no figure of a tenant is in it", 200},
	"GET /openapi.json":   {"what can be asked is public; it is in the repository", 200},
	"GET /openapi.yaml":   {"the same in YAML", 200},
	"GET /schema.graphql": {"the same for GraphQL", 200},
	"GET /events.json":    {"what events there can be is public; none that happened is told", 200},
	"GET /graphql":        {"every field is an entry, or a relation that asks for a permission of its own; nobody gets in without a credential", 401},
	"POST /graphql":       {"the same", 401},
	"GET /.well-known/oauth-authorization-server": {"metadata are for those who have no token yet (RFC 8414)", 200},
	"GET /.well-known/jwks.json":                  {"public keys, for whoever verifies tokens", 200},
	"POST /oauth2/token":                          {"whoever comes has no token yet; it proves to be a client in the request (RFC 6749)", 401},
	"POST /oauth2/introspect":                     {"for clients, which prove who they are in the request (RFC 7662)", 401},
	"POST /oauth2/revoke":                         {"the same (RFC 7009)", 401},
	"POST /v1/bootstrap":                          {"before the first administrator nobody can be known; the token in the data directory is the proof", 401},
	"POST /ofrep/v1/evaluate/flags":               {"OpenFeature fixes path and errors; the guard is asked for flag:evaluate", 401},
	"POST /ofrep/v1/evaluate/flags/{key}":         {"the same", 401},
	"GET /ofrep/v1/stream":                        {"browsers send no credentials with an event stream: the ticket in the address is one, and what its holder may do is asked all the time", 401},
	"OPTIONS /ofrep/v1/evaluate/flags":            {"browsers ask before they send anything; everybody is told the same", 204},
	"OPTIONS /ofrep/v1/evaluate/flags/{key}":      {"the same", 204},
	"OPTIONS /ofrep/v1/stream":                    {"the same", 204},
	"GET /v1/stream":                              {"notices come one by one, as no entry's answer does; the guard is asked for flag:read, again and again", 401},
	"admin GET /livez":                            {"a probe asks whether the process answers", 200},
	"admin GET /readyz":                           {"how the server is doing, in full, on loopback only", 200},
	"admin GET /metrics":                          {"figures without tenants, on loopback only", 200},
	"admin GET /debug/pprof/*":                    {"where the time goes, on loopback only", 200},
	"admin GET /debug/pprof/profile":              {"the same", 0},
	"admin GET /debug/pprof/trace":                {"the same", 0},

	"POST /flagd.evaluation.v2.Service/{call}":      {"flagd fixes path and errors; the guard is asked for flag:evaluate before a call is read", 401},
	"POST /flagd.evaluation.v1.Service/{call}":      {"the same", 401},
	"POST /flagd.sync.v1.FlagSyncService/{call}":    {"the same", 401},
	"OPTIONS /flagd.evaluation.v2.Service/{call}":   {"browsers ask before they send anything; everybody is told the same", 204},
	"OPTIONS /flagd.evaluation.v1.Service/{call}":   {"the same", 204},
	"OPTIONS /flagd.sync.v1.FlagSyncService/{call}": {"the same", 204},
}

// The router is asked, not the documents: a route that nobody wrote down is found too.
func TestEveryRouteHasAWallOrAReason(t *testing.T) {
	w := newWorld(t)
	if err := caughtUp(t.Context(), w.engine); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for prefix, r := range map[string]chi.Routes{"": w.routes(), "admin ": w.watched(w.meter.routes())} {
		err := chi.Walk(r, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
			found[prefix+method+" "+route] = true
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range catalogues() {
		if !found[e.Route] {
			t.Errorf("%s is in the catalogue, and not served at %s", e.Name, e.Route)
		}
		if _, open := doors[e.Route]; open {
			t.Errorf("%s is an entry and a door", e.Route)
		}
		delete(found, e.Route)
	}
	for route := range found {
		if doors[route].why == "" {
			t.Errorf("%s is served, and neither an entry of the catalogues nor a door: nothing guards it", route)
		}
	}
	for route, d := range doors {
		if !found[route] {
			t.Errorf("there is no %s any more", route)
		}
		if d.stranger == 0 {
			continue
		}
		if got := w.stranger(t, route); got != d.stranger {
			t.Errorf("a stranger at %s is answered with %d, want %d", route, got, d.stranger)
		}
	}
}

// stranger knocks without credentials.
func (w *world) stranger(t *testing.T, route string) int {
	t.Helper()
	at := w.url
	if strings.HasPrefix(route, "admin ") {
		at = "http://" + w.AdminAddr
	}
	route = strings.TrimPrefix(route, "admin ")
	method, path, _ := strings.Cut(route, " ")
	r, err := http.NewRequestWithContext(t.Context(), method, at+strings.NewReplacer("{key}", "probe", "*", "").Replace(path), strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(path, "/oauth2/") {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}
