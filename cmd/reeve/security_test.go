package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/events"
	"github.com/reeve-platform/reeve/domain/security"
	"github.com/reeve-platform/reeve/eventstore"
	"github.com/reeve-platform/reeve/internal/logserver"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/readapi"
)

func TestEachKindOfRefusalIsRecordedWithinASecond(t *testing.T) {
	m := newManor(t)
	mine, theirs := domain.NodeID(m.mine["tenant"]), m.theirs["tenant"]
	graph := func(id string) probe {
		return probe{method: "POST", path: "/graphql", body: fmt.Sprintf(`{"query":"{tenant(tenant:\"%s\"){id}}"}`, id)}
	}
	evaluate := func(format string, args ...any) probe {
		return probe{method: "POST", path: "/ofrep/v1/evaluate/flags/probe-flag", body: fmt.Sprintf(`{"context":{`+format+`}}`, args...)}
	}
	ask := func(who string, p probe) func() { return func() { m.ask(m.callers[who], p) } }
	guess := func(n int) func() {
		return func() {
			for range n {
				m.login(m.mine["client"], "wrong")
			}
		}
	}
	const token, bootstrapping, evaluating = "POST /oauth2/token", "POST /v1/bootstrap", "POST /ofrep/v1/evaluate/flags"
	for _, c := range []struct {
		name string
		try  func()
		want security.Observed
		who  bool // whether the principal is known
	}{
		{"nobody", ask("anonymous", probe{method: "GET", path: "/v1/tenants"}), security.Observed{Kind: security.TokenRejected, Node: domain.PlatformID, Operation: "GET /v1/tenants"}, false},
		{"a token of a client that is disabled", ask("disabled", probe{method: "GET", path: "/v1/nodes"}), security.Observed{Kind: security.TokenRejected, Node: mine, Operation: "GET /v1/nodes"}, true},
		{"an evaluation with a bad key", ask("garbage", probe{method: "POST", path: "/ofrep/v1/evaluate/flags", body: "{}"}), security.Observed{Kind: security.TokenRejected, Node: domain.PlatformID, Operation: "POST /ofrep/v1/evaluate/flags"}, false},
		{"a viewer who writes", ask("viewer", probe{method: "POST", path: "/v1/tenants/" + string(mine) + "/suspend", body: `{"cause":"manual"}`}), security.Observed{Kind: security.PermissionDenied, Node: mine, Operation: "POST /v1/tenants/{tenant}/suspend"}, true},
		{"an auditor who writes", ask("auditor", probe{method: "POST", path: "/v1/tenants/" + theirs + "/archive"}), security.Observed{Kind: security.PermissionDenied, Node: domain.PlatformID, Operation: "POST /v1/tenants/{tenant}/archive"}, true},
		{"a look at another's tenant", ask("tenant", probe{method: "GET", path: "/v1/tenants/" + theirs}), security.Observed{Kind: security.CrossTenantDenied, Node: mine, Operation: "GET /v1/tenants/{tenant}"}, true},
		{"the same through GraphQL", ask("partner", graph(theirs)), security.Observed{Kind: security.CrossTenantDenied, Node: domain.NodeID(m.mine["integrator"]), Operation: "tenant"}, true},
		{"an evaluation for another's tenant", ask("evaluation key", evaluate(`"tenantId":%q`, theirs)), security.Observed{Kind: security.CrossTenantDenied, Node: mine, Operation: evaluating}, true},
		{"an evaluation for one's own under another's", ask("evaluation key", evaluate(`"tenantId":%q,"integratorId":%q`, mine, m.theirs["integrator"])), security.Observed{Kind: security.CrossTenantDenied, Node: mine, Operation: evaluating}, true},
		{"a suspended tenant", ask("suspended", probe{method: "GET", path: "/v1/tenants"}), security.Observed{Kind: security.AccessSuspended, Operation: "GET /v1/tenants"}, true},
		{"a wrong secret", guess(1), security.Observed{Kind: security.LoginFailed, Node: mine, Principal: m.mine["client"], Operation: token}, true},
		{"too many of them", guess(11), security.Observed{Kind: security.RateLimited, Node: mine, Principal: m.mine["client"], Operation: token}, true},
		{"a bootstrap", ask("anonymous", probe{method: "POST", path: "/v1/bootstrap", body: `{"token":"rvb_x"}`}), security.Observed{Kind: security.BootstrapRefused, Node: domain.PlatformID, Operation: bootstrapping}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &manor{m.world, t, m.mine, m.theirs, m.callers}
			head := m.head()
			c.try()
			got := m.sees(c.want, head)
			switch {
			case c.want.Node != "" && got.Node != c.want.Node, c.want.Principal != "" && got.Principal != c.want.Principal:
				t.Errorf("%+v", got)
			case c.who != (got.Principal != ""), c.who != (got.PrincipalType != ""), got.Source != "127.0.0.1", got.Count < 1:
				t.Errorf("%+v", got)
			case got.at.Sub(got.First) > 2*time.Second: // within a second, unless another of its kind was just recorded there
				t.Errorf("recorded %v later", got.at.Sub(got.First))
			}
		})
	}
	m.spaced(m.sightings())
}

func TestAFloodOfRefusalsIsAFewRecords(t *testing.T) {
	m := newManor(t)
	h, as := m.routes(), m.callers["tenant"]
	before, facts := len(m.sightings()), m.all()
	began := time.Now()
	const flood = 10_000
	for i := range flood {
		r := httptest.NewRequest("GET", "/v1/tenants/"+m.theirs["tenant"], nil)
		r.RemoteAddr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 1).String()
		r.Header.Set("Authorization", as)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusNotFound {
			t.Fatal(w.Code, w.Body)
		}
	}
	took := time.Since(began)
	got, last := 0, m.head()
	for all := m.sightings()[before:]; got < flood; all = m.sightings()[before:] {
		got = 0
		for _, s := range all {
			got += s.Count
		}
		if len(all) > int(took/time.Second)+3 {
			t.Fatalf("%d records of %d refusals within %v", len(all), got, took)
		}
		if got < flood {
			last = m.await(last)
		}
	}
	if got != flood || m.all() != facts {
		t.Errorf("%d refusals are recorded, and %d other facts", got, m.all()-facts)
	}
	m.spaced(m.sightings())
}

// What callers write is nowhere in the log, wherever they write it.
func TestNothingOfARefusedRequestIsRecorded(t *testing.T) {
	m := newManor(t)
	const word = "xyzzy"
	secrets := []string{word, strings.TrimPrefix(m.callers["disabled"], "Bearer "), strings.TrimPrefix(m.callers["expired"], "Bearer "), strings.TrimPrefix(m.callers["evaluation key"], "Bearer ")}
	for _, as := range []string{"Bearer " + word, "Bearer " + word + "." + word + "." + word, "Bearer " + domain.APIKeyPrefix + word, m.callers["evaluation key"], m.callers["evaluation key"] + word, "Basic " + word, m.callers["disabled"], m.callers["expired"], m.callers["viewer"], m.callers["tenant"]} {
		for _, p := range []probe{
			{method: "GET", path: "/v1/flags/" + word + "?" + word + "=" + word}, {method: "PUT", path: "/v1/flags/" + word},
			{method: "POST", path: "/v1/tenants/" + m.theirs["tenant"] + "/suspend", body: `{"cause":"manual","note":"` + word + `"}`},
			{method: "POST", path: "/graphql", body: `{"query":"query ` + word + ` {` + word + `: tenant(tenant:\"` + m.theirs["tenant"] + `\"){` + word + `: id}}"}`},
			{method: "POST", path: "/v1/bootstrap", body: `{"token":"rvb_` + word + `"}`}, {method: "POST", path: "/ofrep/v1/evaluate/flags/" + word, body: "{}"},
			{method: "GET", path: "/" + word},
		} {
			m.ask(as, p)
		}
	}
	m.login(word, word)
	m.login(m.mine["client"], word)
	m.login(url.QueryEscape(m.mine["client"]), word)
	if err := m.observer.Flush(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for e, err := range m.store.Dump(t.Context(), 0, math.MaxInt64) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == "SecurityObserved" {
			seen++
		}
		for _, s := range secrets {
			if bytes.Contains(e.Data, []byte(s)) || bytes.Contains(e.Metadata, []byte(s)) || strings.Contains(e.Stream, s) {
				t.Errorf("%s holds %q: %s %s", e.Stream, s, e.Data, e.Metadata)
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d records", seen)
	}
}

func TestWhatWasCountedLastIsWrittenAtTheEnd(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/v1/tenants", "/v1/nodes", "/v1/users", "/v1/flags", "/v1/audit"} {
		res, err := http.Get(w.url + path)
		if err != nil || res.Body.Close() != nil || res.StatusCode != http.StatusUnauthorized {
			t.Fatal(err)
		}
	}
	w.stop()
	if err := w.wait(); err != nil {
		t.Fatal(err)
	}
	log, err := logserver.Open(logserver.Options{Dir: w.DataDir + "/log", Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = log.Serve() }()
	store, err := eventstore.Open(log.URL(), events.Registry, eventstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	past, err := store.Read(t.Context(), security.Stream(domain.PlatformID), 0)
	if err != nil || len(past) != 5 {
		t.Errorf("%d records, %v", len(past), err)
	}
	if err := errors.Join(store.Close(), log.Close()); err != nil {
		t.Error(err)
	}
	<-done
}

func TestSecurityEventsAreShownToThoseWhoseTheyAre(t *testing.T) {
	m := newManor(t)
	m.ask(m.callers["tenant"], probe{method: "GET", path: "/v1/tenants/" + m.theirs["tenant"]})
	m.ask(m.callers["anonymous"], probe{method: "GET", path: "/v1/tenants"})
	m.login(m.theirs["client"], "wrong")
	if err := m.observer.Flush(); err != nil {
		t.Fatal(err)
	}
	read := func(as, query string) (list readapi.List[projections.SecurityEvent]) {
		r, err := http.NewRequest("GET", m.url+"/v1/security-events?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", as)
		r.Header.Set("Reeve-Min-Position", fmt.Sprint(m.head()))
		status, _, body := m.send(r)
		if err := json.Unmarshal(body, &list); err != nil || status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		return list
	}
	admin := "Bearer " + m.world.token
	for name, c := range map[string]struct {
		as, query string
		least     int
		nodes     []string // that may be seen; all if none
	}{
		"all to an administrator":    {admin, "", 3, nil},
		"of a kind":                  {admin, "kind=login-failed", 1, []string{m.theirs["tenant"]}},
		"of a node":                  {admin, "node=" + m.theirs["tenant"], 1, []string{m.theirs["tenant"]}},
		"of a principal":             {admin, "principal=" + m.theirs["client"], 1, []string{m.theirs["tenant"]}},
		"one's own":                  {m.callers["tenant"], "", 1, []string{m.mine["tenant"]}},
		"nothing before it happened": {admin, "to=2020-01-01T00:00:00Z", 0, []string{}},
		"nothing of tomorrow":        {admin, "from=" + time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339), 0, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			list := read(c.as, c.query).Items
			if len(list) < c.least {
				t.Errorf("%d of them", len(list))
			}
			for _, e := range list {
				if c.nodes != nil && !strings.Contains(strings.Join(c.nodes, " ")+" ", string(e.Node)+" ") {
					t.Errorf("%+v", e)
				}
			}
		})
	}
	first := read(admin, "limit=1")
	if next := read(admin, "limit=1&after="+first.Next); len(next.Items) != 1 || next.Items[0].Position >= first.Items[0].Position {
		t.Error("the next page is", next)
	}
	if status, _, body := m.ask(m.callers["tenant"], probe{method: "GET", path: "/v1/security-events?node=" + m.theirs["tenant"]}); status != 404 {
		t.Errorf("%d %s", status, body)
	}
}
