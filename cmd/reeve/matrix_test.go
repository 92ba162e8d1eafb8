package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/security"
	"github.com/reeve-platform/reeve/internal/auth"
)

// A manor is a platform with two partners that must not know of each other, and
// with everybody who may try.
type manor struct {
	*world
	t            *testing.T
	mine, theirs places
	callers      map[string]string // Authorization headers, by who it is
}

const canary = "canary"

func newManor(t *testing.T) *manor {
	m := &manor{world: newWorld(t), t: t, callers: map[string]string{"anonymous": "", "garbage": "Bearer " + strings.Repeat("x", 200)}}
	m.do("POST", "/v1/flags", `{"key":"probe-flag","type":"boolean","default":false}`)
	m.do("POST", "/v1/flags/probe-flag/activate", "")
	m.do("POST", "/v1/flags", `{"key":"probe-given","type":"boolean","default":false}`)
	m.do("POST", "/v1/segments", `{"key":"probe-segment","included":["canary@example.com"]}`)
	m.do("POST", "/v1/feature-sets", `{"key":"probe-set","features":[{"flag":"probe-given","value":true}]}`)
	m.mine, m.theirs = m.partner("mine"), m.partner(canary)
	m.credentials()
	m.ready()
	return m
}

// ready returns when there are read models to be refused.
func (m *manor) ready() {
	m.t.Helper()
	if err := caughtUp(m.t.Context(), m.engine); err != nil {
		m.t.Fatal(err)
	}
}

// partner makes an integrator with a tenant, a user and whatever else belongs to
// them, all of which say the mark.
func (m *manor) partner(mark string) places {
	p := places{"flag": "probe-flag", "good": "1", "segment": "probe-segment", "set": "probe-set", "replaces": "probe-set", "meter": "users", "role": "tenant-viewer"}
	p["integrator"] = m.do("POST", "/v1/integrators", fmt.Sprintf(`{"businessName":"%s partner","kind":"partner","contacts":[{"name":"%[1]s","email":"%[1]s@example.com","role":"admin"}]}`, mark)).ID
	m.do("POST", "/v1/integrators/"+p["integrator"]+"/activate", "")
	p["tenant"] = m.do("POST", "/v1/tenants", fmt.Sprintf(`{"slug":"%s-tenant","name":"%[1]s tenant","kind":"merchant","integrator":%q,"contacts":[{"name":"%[1]s","email":"%[1]s@example.com","role":"admin"}]}`, mark, p["integrator"])).ID
	m.do("PUT", "/v1/tenants/"+p["tenant"]+"/quotas/users", `{"limit":10}`)
	m.do("POST", "/v1/tenants/"+p["tenant"]+"/activate", "")
	p["node"], p["home"], p["parent"], p["definedAt"] = p["tenant"], p["tenant"], p["tenant"], p["tenant"]
	m.do("PUT", "/v1/nodes/"+p["tenant"]+"/flags/probe-flag", `{"value":true}`)
	m.do("PUT", "/v1/nodes/"+p["tenant"]+"/feature-sets/probe-set", `{}`)
	p["user"] = m.do("POST", "/v1/users", fmt.Sprintf(`{"home":%q,"login":"%s@example.com","name":"%[2]s user"}`, p["tenant"], mark)).ID
	m.do("PUT", "/v1/nodes/"+p["tenant"]+"/members/"+p["user"]+"/tenant-viewer", "{}")
	p["principal"], p["permission"] = p["user"], "flag:read"
	p["client"] = m.do("POST", "/v1/nodes/"+p["tenant"]+"/clients", fmt.Sprintf(`{"name":"%s client","permissions":["tenant:read"]}`, mark)).ID
	p["request"] = m.as(m.client(p["tenant"], builtIn("tenant-admin")), "POST", "/v1/nodes/"+p["tenant"]+"/change-requests", fmt.Sprintf(`{"operation":"lockFlag","input":{"node":%q,"flag":"probe-flag"},"summary":"%s wish"}`, p["tenant"], mark)).ID
	p["at"], p["seen"] = "2099-01-02T03:04:05Z", "1-a"
	p["key"] = m.do("POST", "/v1/nodes/"+p["tenant"]+"/api-keys", fmt.Sprintf(`{"name":"%s key","permissions":["flag:evaluate"]}`, mark)).ID
	return p
}

// credentials makes everybody known who is to be refused something.
func (m *manor) credentials() {
	admin, viewer := builtIn(access.TenantAdmin), builtIn(access.TenantViewer)
	m.callers["tenant"] = m.client(m.mine["tenant"], admin)
	m.callers["viewer"] = m.client(m.mine["tenant"], viewer)
	m.callers["partner"] = m.client(m.mine["integrator"], builtIn(access.IntegratorAdmin))
	m.callers["auditor"] = m.client("platform", builtIn(access.PlatformAuditor))
	m.callers["evaluation key"] = "Bearer " + m.do("POST", "/v1/nodes/"+m.mine["tenant"]+"/api-keys", `{"name":"k","permissions":["flag:evaluate"]}`).Secret
	held := m.do("POST", "/v1/tenants", fmt.Sprintf(`{"slug":"held","name":"held","kind":"merchant","integrator":%q,"contacts":[{"name":"a","email":"a@example.com","role":"admin"}]}`, m.mine["integrator"])).ID
	m.do("PUT", "/v1/tenants/"+held+"/quotas/users", `{"limit":10}`)
	m.do("POST", "/v1/tenants/"+held+"/activate", "")
	m.callers["suspended"] = m.client(held, admin)
	m.do("POST", "/v1/tenants/"+held+"/suspend", `{"cause":"security"}`)
	out := places{"tenant": m.mine["tenant"]}
	out["user"] = m.do("POST", "/v1/users", fmt.Sprintf(`{"home":%q,"login":"out@example.com","name":"out"}`, out["tenant"])).ID
	m.do("POST", "/v1/users/"+out["user"]+"/activate", "")
	m.do("PUT", "/v1/nodes/"+out["tenant"]+"/members/"+out["user"]+"/tenant-admin", "{}")
	m.callers["deactivated"] = "Bearer " + m.delegated(out)
	m.do("POST", "/v1/users/"+out["user"]+"/deactivate", "")
	gone := m.register(m.mine["tenant"], admin)
	m.callers["disabled"] = "Bearer " + m.token(gone)
	m.do("POST", "/v1/nodes/"+m.mine["tenant"]+"/clients/"+gone.ID+"/disable", "")
	m.callers["expired"] = "Bearer " + m.forged(func(o *auth.Options) { o.Now = func() time.Time { return time.Now().Add(-time.Hour) } })
	m.callers["wrong audience"] = "Bearer " + m.forged(func(o *auth.Options) { o.Audience = "https://other.example" })
}

func builtIn(k access.Key) domain.Permissions {
	i := slices.IndexFunc(access.BuiltIns, func(b access.BuiltIn) bool { return b.Key == k })
	return access.BuiltIns[i].Permissions
}

func (m *manor) register(node string, what domain.Permissions) domain.Receipt {
	m.t.Helper()
	names, _ := json.Marshal(what)
	return m.do("POST", "/v1/nodes/"+node+"/clients", fmt.Sprintf(`{"name":"c","permissions":%s}`, names))
}

func (m *manor) token(r domain.Receipt) string {
	m.t.Helper()
	req, err := http.NewRequest("POST", m.url+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		m.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(r.ID+":"+r.Secret)))
	status, _, body := m.send(req)
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != 200 {
		m.t.Fatalf("no token: %d %s", status, body)
	}
	return answer.Token
}

func (m *manor) client(node string, what domain.Permissions) string {
	m.t.Helper()
	return "Bearer " + m.token(m.register(node, what))
}

// forged is a token that is signed with our own key and is no good all the same.
func (m *manor) forged(change func(*auth.Options)) string {
	m.t.Helper()
	o := auth.Options{Issuer: "http://" + m.HTTPAddr}
	change(&o)
	text, _, err := auth.NewIssuer(m.directory, m.sealer, o).Issue(auth.Grant{Subject: m.mine["client"], Client: m.mine["client"], Node: domain.PlatformID, Scopes: domain.PermissionsOf(domain.AllPermissions...), Life: 10 * time.Minute})
	if err != nil {
		m.t.Fatal(err)
	}
	return text
}

// do is a command of the administrator's that must succeed.
func (m *manor) do(method, path, body string) (r domain.Receipt) {
	m.t.Helper()
	status, _, answer := m.ask("Bearer "+m.world.token, probe{method: method, path: path, body: body})
	if err := json.Unmarshal(answer, &r); err != nil || status >= 300 {
		m.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return r
}

func (m *manor) ask(as string, p probe) (int, http.Header, []byte) {
	m.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), p.method, m.url+p.path, bytes.NewReader([]byte(p.body)))
	if err != nil {
		m.t.Fatal(err)
	}
	if p.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if as != "" {
		r.Header.Set("Authorization", as)
	}
	return m.send(r)
}

func (m *manor) send(r *http.Request) (int, http.Header, []byte) {
	m.t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		m.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return res.StatusCode, res.Header, body
}

// The matrix: everything that is served, as the documents tell it, is tried by
// everybody who must not, on one's own nodes and on those of another partner. It
// covers an operation as soon as it is served.
func TestIsolationMatrix(t *testing.T) {
	m := newManor(t)
	tried := append(served(t, m.url).probes(m.mine, m.theirs), graphProbes(t, m.url, m.mine, m.theirs)...)
	facts := m.all()
	count := 0
	for who, as := range m.callers {
		for _, p := range tried {
			if !refusedFor(who, p) {
				continue
			}
			count++
			status, header, body := m.ask(as, p)
			m.judge(who, p, status, header, body)
			if t.Failed() && count > 20000 {
				return
			}
		}
	}
	if now := m.all(); now != facts {
		t.Errorf("refused writes left %d facts", now-facts)
	}
	t.Logf("%d probes of %d requests by %d callers", count, len(tried), len(m.callers))
}

// all counts everything in the log, but for that something was refused.
func (m *manor) all() (n int) {
	m.t.Helper()
	for e, err := range m.store.Dump(context.Background(), 0, math.MaxInt64) {
		if err != nil {
			m.t.Fatal(err)
		}
		if !security.Watches(domain.StreamID(e.Stream)) {
			n++
		}
	}
	return n
}

// refusedFor leaves out what somebody may do.
func refusedFor(who string, p probe) bool {
	home := strings.HasSuffix(p.name, "at home")
	switch who {
	case "tenant", "partner":
		return !home || !p.writes && !p.names // reads within one's own must not show others either
	case "viewer":
		return p.writes || !home || !p.names
	case "auditor":
		return p.writes
	}
	return true
}

// judge holds an answer against what somebody like that may be told.
func (m *manor) judge(who string, p probe, status int, header http.Header, body []byte) {
	m.t.Helper()
	unknown := slices.Contains([]string{"anonymous", "garbage", "expired", "wrong audience", "disabled"}, who)
	out := who == "suspended" || who == "deactivated"
	list := !p.writes && (!p.names || p.filters)
	code, data := graphCode(p, body)
	switch {
	case unknown && status != http.StatusUnauthorized:
		m.t.Errorf("%s: %s: %d %.200s", who, p.name, status, body)
	case unknown && header.Get("WWW-Authenticate") == "":
		m.t.Errorf("%s: %s: no challenge", who, p.name)
	case unknown:
	case out && status != http.StatusForbidden:
		m.t.Errorf("%s: %s: %d %.200s", who, p.name, status, body)
	case out:
	case list && who != "evaluation key": // whoever may ask sees one's own only
		if status >= 300 && status != 403 && status != 404 {
			m.t.Errorf("%s: %s: %d %.200s", who, p.name, status, body)
		}
	case p.graphQL && (data || !slices.Contains(refusals, code)):
		m.t.Errorf("%s: %s: %.300s", who, p.name, body)
	case !p.graphQL && status != 403 && status != 404:
		m.t.Errorf("%s: %s %s: %d %.300s", who, p.name, p.path, status, body)
	}
	m.silent(who, p, header, body)
}

var refusals = []string{"forbidden", "insufficient-scope", "node-not-found", "tenant-not-found", "integrator-not-found", "user-not-found", "id-not-chosen-here", "client-not-found", "api-key-not-found", "segment-not-found", "feature-set-not-found", "change-request-not-found"}

// silent: nothing of the other partner is in an answer, but for what was asked with.
func (m *manor) silent(who string, p probe, header http.Header, body []byte) {
	m.t.Helper()
	if who == "auditor" {
		return
	}
	text := string(body) + fmt.Sprint(header)
	for _, word := range append([]string{canary}, m.theirs["integrator"], m.theirs["tenant"], m.theirs["user"], m.theirs["client"], m.theirs["key"]) {
		if strings.Contains(text, word) && !strings.Contains(p.path+p.body, word) {
			m.t.Errorf("%s: %s: the answer says %s: %.300s", who, p.name, word, text)
		}
	}
}
