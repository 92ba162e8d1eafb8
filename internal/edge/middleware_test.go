package edge_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

func mountPaint(route string) {
	e := edge.Served{Name: "p", Route: route, Input: reflect.TypeFor[paint](), Output: reflect.TypeFor[domain.Receipt]()}
	edge.REST(chi.NewRouter(), edge.Options{}, e)
}

// lines are the log, decoded.
func (s *studio) lines(t *testing.T) (all []map[string]any) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	d := json.NewDecoder(strings.NewReader(s.log.String()))
	for d.More() {
		var line map[string]any
		if err := d.Decode(&line); err != nil {
			t.Fatal(err)
		}
		all = append(all, line)
	}
	return all
}

func TestEveryRequestHasOneLine(t *testing.T) {
	s := open(t)
	s.ask(t, "GET /v1/walls?after=hunter2", "", "X-Request-Id", "a", "Authorization", "Bearer hunter2")
	s.ask(t, "GET /v1/walls?fail=conflict", "", "X-Request-Id", "b")
	s.ask(t, "GET /v1/hunter2", "", "X-Request-Id", "c", "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	s.ask(t, "GET /v1/walls?fail=unavailable", "", "X-Request-Id", "d")
	s.Close()
	var got []string
	for _, l := range s.lines(t) {
		got = append(got, fmt.Sprint(l["level"], " ", l["id"], " ", l["trace"], " ", l["method"], " ", l["route"], " ", l["status"], " ", l["code"]))
	}
	want := []string{
		"DEBUG a a GET /v1/walls 200 <nil>", "INFO b b GET /v1/walls 409 paint-dry",
		"INFO c 4bf92f3577b34da6a3ce929d0e0e4736 GET none 404 route-not-found", "WARN d d GET /v1/walls 503 log-unavailable",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	if strings.Contains(s.log.String(), "hunter2") {
		t.Fatal(s.log.String())
	}
	if diff := cmp.Diff([]string{"GET /v1/walls OK", "GET /v1/walls Conflict", "GET none Not Found", "GET /v1/walls Service Unavailable"}, s.observed); diff != "" {
		t.Fatal(diff)
	}
}

func TestPanicsAreAnsweredAndLoggedOnce(t *testing.T) {
	s := open(t)
	r := s.ask(t, "POST /v1/walls", `{"name":"panic"}`, "X-Request-Id", "p-1")
	if p := r.problem(t); r.StatusCode != 500 || p.Code != "internal" || strings.Contains(r.text, canary) {
		t.Fatal(r.StatusCode, r.text)
	}
	s.Close()
	lines := s.lines(t)
	if len(lines) != 1 || lines[0]["id"] != "p-1" || lines[0]["level"] != "ERROR" || !strings.Contains(lines[0]["error"].(string), canary) {
		t.Fatal(lines)
	}
}

func TestRequestIDsAreKeptWhenTheyAreSane(t *testing.T) {
	s := open(t)
	for id, keep := range map[string]bool{"aB-9": true, "": false, "a b": false, "a.b": false, "ä": false, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false} {
		if got := s.ask(t, "GET /v1/doors", "", "X-Request-Id", id).Header.Get("X-Request-Id"); (got == id) != keep || got == "" {
			t.Errorf("%q became %q", id, got)
		}
	}
}

func TestTraceContextMustBeValid(t *testing.T) {
	s := open(t)
	for header, want := range map[string]string{
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": "4bf92f3577b34da6a3ce929d0e0e4736",
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": "r",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01": "r",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01": "r",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01": "r",
		"nonsense": "r",
	} {
		if p := s.ask(t, "GET /v1/doors", "", "traceparent", header, "X-Request-Id", "r").problem(t); p.TraceID != want {
			t.Errorf("%s: %s", header, p.TraceID)
		}
	}
}

func TestPagesOfOthersAreKeptOut(t *testing.T) {
	s := open(t)
	for name, c := range map[string]struct {
		headers []string
		status  int
		code    string
	}{
		"another site":          {[]string{"Sec-Fetch-Site", "cross-site"}, 403, "cross-origin"},
		"another origin":        {[]string{"Origin", "https://evil.example"}, 403, "cross-origin"},
		"our own page":          {[]string{"Sec-Fetch-Site", "same-origin"}, 201, ""},
		"a rebound name":        {[]string{"Host", "evil.example:8420"}, 403, "foreign-host"},
		"localhost":             {[]string{"Host", "LocalHost:8420"}, 201, ""},
		"an address of IPv6":    {[]string{"Host", "[::1]:8420"}, 201, ""},
		"an address, no port":   {[]string{"Host", "127.0.0.1"}, 201, ""},
		"a name like localhost": {[]string{"Host", "localhost.evil.example"}, 403, "foreign-host"},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.ask(t, "POST /v1/walls", `{"name":"north"}`, c.headers...)
			if r.StatusCode != c.status || (c.code != "" && r.problem(t).Code != c.code) {
				t.Fatal(r.StatusCode, r.text)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	if r := open(t).ask(t, "GET /livez", ""); r.StatusCode != 200 || r.text != `{"status":"alive"}`+"\n" {
		t.Error(r.text)
	}
	all := `,"checks":[{"name":"log","ok":%t}],"projections":[{"name":"tenants","state":"live","position":3,"head":5,"lag":2,"lagSeconds":0}]`
	for who, want := range map[string]string{"": "", "ann": `,"position":7`, "ops": all} {
		told := func(fine bool) string {
			if who != "ops" {
				return want
			}
			return fmt.Sprintf(want, fine)
		}
		if r := open(t).ask(t, "GET /readyz", "", "Authorization", who); r.StatusCode != 200 || r.text != `{"status":"ready"`+told(true)+"}\n" {
			t.Error(who, r.StatusCode, r.text)
		}
		unfit := func(*edge.Options) {}
		if r := open(t, unfit).ask(t, "GET /readyz", "", "Authorization", who); r.StatusCode != 503 || r.text != `{"status":"unready"`+told(false)+"}\n" {
			t.Error(who, r.StatusCode, r.text)
		}
	}
}

// However many strangers ask, the checks are made now and then; for those who may know
// everything they are made anew.
func TestStrangersShareTheChecks(t *testing.T) {
	s := open(t)
	began := time.Now()
	for range 50 {
		s.ask(t, "GET /readyz", "")
	}
	if n, most := s.checked.Load(), int64(time.Since(began)/time.Second)+1; n < 1 || n > most {
		t.Errorf("%d checks for 50 strangers, at most %d", n, most)
	}
	before := s.checked.Load()
	s.ask(t, "GET /readyz", "", "Authorization", "ops")
	s.ask(t, "GET /readyz", "", "Authorization", "ops")
	if n := s.checked.Load() - before; n != 2 {
		t.Errorf("%d checks for two questions of an operator", n)
	}
}

func TestListenOnLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "localhost:0"} {
		l, err := edge.Listen(addr)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "localhost.example:0"} {
		_, err := edge.Listen(addr)
		refusal, ok := errors.AsType[*edge.NotLoopbackError](err)
		if !ok || refusal.ExitCode() != 2 || refusal.Code() != "not-loopback" || !strings.Contains(err.Error(), "outside this machine") {
			t.Errorf("%s: %v", addr, err)
		}
	}
	if _, err := edge.Listen("localhost"); err == nil {
		t.Error("no port was needed")
	}
}

func TestEveryKindHasAnOutcome(t *testing.T) {
	seen := map[string]bool{}
	for k := domain.Internal; k <= domain.Unavailable; k++ {
		o := edge.AnswerTo(k)
		if http.StatusText(o.Status) == "" || o.GraphQL == "" || o.Exit == 0 || seen[o.GraphQL] {
			t.Errorf("kind %d: %+v", k, o)
		}
		seen[o.GraphQL] = true
	}
}
