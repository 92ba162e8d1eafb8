package readapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/platform"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/readapi"
)

// ofrep is OFREP and nothing else.
func ofrep(s *readapi.Source, whose func(*http.Request) (domain.Scope, error), now func() time.Time) http.Handler {
	r := chi.NewRouter()
	edge.REST(r, edge.Options{Dialects: map[string]edge.Dialect{"/ofrep/": readapi.RefuseOFREP}, Shared: []string{"/ofrep/"}})
	readapi.MountOFREP(r, s, whose, now)
	return r
}

// remote serves OFREP over a world.
func remote(t *testing.T, w *world) func(path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	handler := ofrep(w.source, everything, time.Now)
	return func(path, body string, headers ...string) (*http.Response, string) {
		t.Helper()
		r := httptest.NewRequest("POST", "/ofrep/v1/evaluate/flags"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		b, _ := io.ReadAll(rec.Result().Body)
		return rec.Result(), string(b)
	}
}

type outcome struct {
	Key, Variant, Reason, ErrorCode string
	Value                           any
	Metadata                        map[string]any
}

func read(t *testing.T, body string) (o outcome) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &o); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return o
}

func whom(format string, args ...any) string {
	return fmt.Sprintf(`{"context":{`+format+`}}`, args...)
}

func TestOFREPWhomAContextNames(t *testing.T) {
	w := painted(t)
	post := remote(t, w)
	for _, c := range []struct{ name, body, want string }{
		{"nobody", `{"context":{}}`, "platform"},
		{"no body at all", "", "platform"},
		{"a tenant by id", whom(`"tenantId":%q`, north), "north"},
		{"a tenant by slug", whom(`"tenantId":"NORTH"`), "north"},
		{"a tenant without a say", whom(`"tenantId":%q`, south), "acme"},
		{"an integrator", whom(`"integratorId":%q`, acme), "acme"},
		{"a tenant and what it hangs under", whom(`"tenantId":%q,"integratorId":%q`, north, acme), "north"},
		{"a slug and what it hangs under", whom(`"tenantId":"north","integratorId":%q`, acme), "north"},
		{"a user", whom(`"tenantId":%q,"targetingKey":%q`, north, ada), "ada"},
		{"a user whose home is known", whom(`"targetingKey":%q`, ada), "ada"},
		{"a user of another tenant", whom(`"tenantId":%q,"targetingKey":%q`, south, ada), "acme"},
		{"a user nothing is said about", whom(`"tenantId":%q,"targetingKey":%q`, north, eve), "north"},
		{"a tenant as targeting key", whom(`"targetingKey":%q`, north), "north"},
		{"a targeting key of somebody's own", whom(`"targetingKey":"visitor 7"`), "platform"},
	} {
		t.Run(c.name, func(t *testing.T) {
			response, body := post("/colour", c.body)
			got := read(t, body)
			if response.StatusCode != 200 || got.Value != c.want || got.Key != "colour" || got.Reason != "STATIC" {
				t.Errorf("%d %s, want %q", response.StatusCode, body, c.want)
			}
		})
	}
}

// What a caller must not know of is answered like what is not there, also where the
// rest of the context is its own.
func TestOFREPTellsNothingOfOthers(t *testing.T) {
	w := painted(t)
	handler := ofrep(w.source, func(*http.Request) (domain.Scope, error) { return northScope, nil }, time.Now)
	answer := func(body string) string {
		r := httptest.NewRequest("POST", "/ofrep/v1/evaluate/flags/colour", strings.NewReader(body))
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		return fmt.Sprint(rec.Code, " ", rec.Body)
	}
	absent := answer(whom(`"tenantId":%q`, nadie))
	for name, body := range map[string]string{
		"another's tenant":          whom(`"tenantId":%q`, south),
		"its slug":                  whom(`"tenantId":"south"`),
		"another's integrator":      whom(`"integratorId":%q`, bolt),
		"one's own under another's": whom(`"tenantId":%q,"integratorId":%q`, north, bolt),
		"one's own under nobody":    whom(`"tenantId":%q,"integratorId":%q`, north, nadie),
		"another's under one's own": whom(`"tenantId":%q,"integratorId":%q`, south, acme),
		"its slug under one's own":  whom(`"tenantId":"south","integratorId":%q`, acme),
	} {
		if got := answer(body); got != absent || !strings.HasPrefix(got, "400 ") {
			t.Errorf("%s: %s, want %s", name, got, absent)
		}
	}
	if got := answer(whom(`"tenantId":%q`, north)); !strings.HasPrefix(got, "200 ") {
		t.Error("one's own:", got)
	}
}

func TestOFREPRefusals(t *testing.T) {
	w := painted(t)
	post := remote(t, w)
	for _, c := range []struct {
		name, path, body string
		status           int
		code             string
	}{
		{"an unknown flag", "/nonesuch", `{}`, 404, "FLAG_NOT_FOUND"},
		{"a key that no flag can have", "/a%2Fb", `{}`, 404, "FLAG_NOT_FOUND"},
		{"a key of odd characters", "/%00%ff", `{}`, 404, "FLAG_NOT_FOUND"},
		{"no JSON", "/colour", `{`, 400, "PARSE_ERROR"},
		{"a list", "/colour", `[]`, 400, "PARSE_ERROR"},
		{"a context that is no object", "/colour", `{"context":7}`, 400, "INVALID_CONTEXT"},
		{"a tenant that is no text", "/colour", whom(`"tenantId":7`), 400, "INVALID_CONTEXT"},
		{"an unknown tenant", "/colour", whom(`"tenantId":%q`, nadie), 400, "INVALID_CONTEXT"},
		{"an unknown slug", "/colour", whom(`"tenantId":"nowhere"`), 400, "INVALID_CONTEXT"},
		{"a tenant and what it does not hang under", "/colour", whom(`"tenantId":%q,"integratorId":%q`, north, bolt), 400, "INVALID_CONTEXT"},
		{"a slug and what it does not hang under", "/colour", whom(`"tenantId":"north","integratorId":%q`, bolt), 400, "INVALID_CONTEXT"},
		{"a bulk of what does not agree", "", whom(`"tenantId":%q,"integratorId":%q`, north, bolt), 400, "INVALID_CONTEXT"},
		{"an integrator that is no id", "/colour", whom(`"integratorId":"acme"`), 400, "INVALID_CONTEXT"},
		{"a deep context", "/colour", whom(`"a":%s1%s`, strings.Repeat("[", 20), strings.Repeat("]", 20)), 400, "INVALID_CONTEXT"},
		{"a large context", "/colour", whom(`"a":%q`, strings.Repeat("x", 70<<10)), 400, "INVALID_CONTEXT"},
		{"a bulk of an unknown tenant", "", whom(`"tenantId":%q`, nadie), 400, "INVALID_CONTEXT"},
		{"a path of nothing", "/a/b", `{}`, 404, "GENERAL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			response, body := post(c.path, c.body)
			got := read(t, body)
			if response.StatusCode != c.status || got.ErrorCode != c.code || response.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%d %s %s, want %d %s", response.StatusCode, response.Header.Get("Content-Type"), body, c.status, c.code)
			}
			if single := c.path == "/colour" || c.path == "/nonesuch"; single && got.Key != c.path[1:] {
				t.Errorf("key %q in %s", got.Key, body)
			}
		})
	}
}

func TestOFREPOffIsAValueToo(t *testing.T) {
	w := painted(t).flag("young", `"x"`)
	w.tell(flag.Stream("plain"), flag.Killed{Flag: "plain", From: flag.StatusActive})
	w.tell(domain.TenantStream(south), tenant.Suspended{Tenant: south, Cause: tenant.Billing})
	w.tell(flag.Stream("old"), flag.Defined{Flag: "old", Definition: flag.Definition{Type: flag.String, Default: raw(`"x"`), Off: raw(`"off"`)}})
	post := remote(t, w)
	for _, c := range []struct{ name, path, body, cause string }{
		{"killed", "/plain", `{}`, "killed"},
		{"a draft", "/old", `{}`, "draft"},
		{"a suspended tenant", "/colour", whom(`"tenantId":%q`, south), "not-active"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, body := post(c.path, c.body)
			if got := read(t, body); got.Value != "off" || got.Reason != "DISABLED" || got.Metadata["cause"] != c.cause {
				t.Error(body)
			}
		})
	}
}

func TestOFREPMetadataSaysWhoDecided(t *testing.T) {
	w := painted(t).lock(domain.NodeID(acme), "colour").tell(flag.Stream("colour"), flag.Deprecated{Flag: "colour"})
	post := remote(t, w)
	for _, body := range []string{whom(`"tenantId":%q`, north), whom(`"targetingKey":%q`, ada)} {
		_, answer := post("/colour", body)
		m := read(t, answer).Metadata
		if m["locked"] != true || m["level"] != "integrator" || m["node"] != string(acme) || m["cause"] != "lock" || m["deprecated"] != true || m["decidedBy"] == "" {
			t.Error(answer)
		}
	}
}

func TestOFREPBulk(t *testing.T) {
	w := painted(t)
	post := remote(t, w)
	north, user := whom(`"tenantId":%q,"plan":{"b":1,"a":2}`, north), whom(`"targetingKey":%q`, ada)
	response, body := post("", north)
	var all struct{ Flags []outcome }
	if err := json.Unmarshal([]byte(body), &all); err != nil || len(all.Flags) != 2 || all.Flags[0].Value != "north" || all.Flags[1].Value != "plain" || all.Flags[0].Variant != "north-star" {
		t.Fatalf("%v %s", err, body)
	}
	tag := response.Header.Get("ETag")
	again, empty := post("", whom(`"plan":{"a":2,"b":1},"tenantId":"33333333-3333-4333-8333-333333333333"`), "If-None-Match", `"x", `+tag)
	if again.StatusCode != 304 || empty != "" || again.Header.Get("ETag") != tag {
		t.Errorf("the same context, spelled otherwise: %d %q", again.StatusCode, empty)
	}
	if other, _ := post("", whom(`"tenantId":"north","plan":"free"`), "If-None-Match", tag); other.StatusCode != 200 || other.Header.Get("ETag") == tag {
		t.Errorf("another context with the same values: %d", other.StatusCode)
	}
	w.override(domain.NodeID("33333333-3333-4333-8333-333333333333"), domain.TenantLevel, domain.NodeID(acme), "plain", flag.Setting{Value: raw(`"new"`)})
	if changed, _ := post("", north, "If-None-Match", tag); changed.StatusCode != 200 {
		t.Errorf("after a change: %d", changed.StatusCode)
	}
	_, body = post("", user)
	if err := json.Unmarshal([]byte(body), &all); err != nil || all.Flags[0].Value != "ada" {
		t.Errorf("a user: %v %s", err, body)
	}
}

func TestOFREPOfAnEmptyPlatform(t *testing.T) {
	post := remote(t, open(t))
	if response, body := post("", "{}"); response.StatusCode != 200 || body != `{"flags":[]}` {
		t.Errorf("%d %s", response.StatusCode, body)
	}
}

func TestOFREPHonoursValidityToTheMillisecond(t *testing.T) {
	w := painted(t)
	until := noon.Add(time.Hour)
	w.override(domain.NodeID(south), domain.TenantLevel, domain.NodeID(acme), "colour", flag.Setting{Value: raw(`"brief"`), ValidFrom: &noon, ValidUntil: &until})
	for at, want := range map[time.Time]string{noon.Add(-time.Millisecond): "acme", noon: "brief", until.Add(-time.Millisecond): "brief", until: "acme"} {
		rec := httptest.NewRecorder()
		ofrep(w.source, everything, func() time.Time { return at }).ServeHTTP(rec, httptest.NewRequest("POST", "/ofrep/v1/evaluate/flags/colour", strings.NewReader(whom(`"tenantId":%q`, south))))
		if got := read(t, rec.Body.String()); got.Value != want {
			t.Errorf("at %s: %v, want %s", at, got.Value, want)
		}
	}
}

func TestOFREPForWebPages(t *testing.T) {
	handler := ofrep(open(t).source, everything, time.Now)
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, httptest.NewRequest("OPTIONS", "/ofrep/v1/evaluate/flags", nil))
	h := rec.Header()
	if rec.Code != 204 || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "X-API-Key") || !strings.Contains(h.Get("Access-Control-Expose-Headers"), "ETag") || h.Get("Access-Control-Max-Age") == "" {
		t.Errorf("%d %v", rec.Code, h)
	}
	rec = httptest.NewRecorder()
	handler.ServeHTTP(rec, httptest.NewRequest("DELETE", "/ofrep/v1/evaluate/flags", nil))
	if allow := rec.Header().Get("Allow"); rec.Code != 405 || allow != "POST, OPTIONS" {
		t.Errorf("%d, Allow: %s", rec.Code, allow)
	}
}

// Evaluations need no database: they are answered from what the log has told. What
// the log tells in words that this build cannot read is not passed over.
func TestOFREPWithoutDatabase(t *testing.T) {
	s, err := readapi.Open(t.Context(), "postgres://nobody@127.0.0.1:1/none?sslmode=disable", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	age := 100 * time.Millisecond
	s.Age = func() time.Duration { return age }
	at := uint64(0)
	tell := func(stream domain.StreamID, e domain.Event, unreadable error) {
		at++
		if err := s.Flags.Apply(domain.Recorded{Stream: stream, Event: e, Position: at, Err: unreadable}); err != nil {
			t.Fatal(err)
		}
	}
	post := func() *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		ofrep(s, everything, time.Now).ServeHTTP(rec, httptest.NewRequest("POST", "/ofrep/v1/evaluate/flags/colour", strings.NewReader("{}")))
		return rec
	}
	tell("platform-platform", platform.Established{Node: domain.PlatformID}, nil)
	tell("flag-colour", flag.Defined{Flag: "colour", Definition: flag.Definition{Type: flag.String, Default: raw(`"red"`), Off: raw(`"off"`)}}, nil)
	tell("flag-colour", flag.Activated{Flag: "colour"}, nil)
	if rec := post(); rec.Code != 200 || read(t, rec.Body.String()).Value != "red" || rec.Header().Get("Reeve-Position") != "3" || rec.Header().Get("Age") != "" {
		t.Errorf("%d %s %v", rec.Code, rec.Body, rec.Header())
	}
	age = 90 * time.Second
	if rec := post(); rec.Code != 200 || rec.Header().Get("Age") != "90" {
		t.Errorf("%d %s %v", rec.Code, rec.Body, rec.Header())
	}
	tell("flag-colour", nil, domain.ErrUnknownVersion)
	rec := post()
	if got := read(t, rec.Body.String()); rec.Code != 503 || rec.Header().Get("Retry-After") != "1" || got.Key != "colour" || got.ErrorCode != "GENERAL" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

// Whoever carries the position of a command is answered with what it brought about,
// or asked to come back.
func TestOFREPWaitsForAPosition(t *testing.T) {
	w := painted(t)
	behind := &domain.Error{Kind: domain.Unavailable, Code: "behind"}
	w.source.Settled = func(context.Context, uint64) error { return behind }
	for _, c := range []struct {
		name, header string
		book         *flag.Book
		status       int
	}{
		{"reached", fmt.Sprint(w.last), w.source.Flags, 200},
		{"not in time", fmt.Sprint(w.last), flag.NewBook(), 503},
		{"behind the end of the log", fmt.Sprint(w.last + 1), w.source.Flags, 400},
		{"no position", "7,8", w.source.Flags, 400},
	} {
		w.source.Flags = c.book
		response, body := remote(t, w)("/colour", "{}", "Reeve-Min-Position", c.header)
		if response.StatusCode != c.status || c.status != 200 && read(t, body).ErrorCode != "GENERAL" {
			t.Errorf("%s: %d %s", c.name, response.StatusCode, body)
		}
	}
}
