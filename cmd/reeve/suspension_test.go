package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/security"
	"github.com/reeve-platform/reeve/internal/auth"
)

// A way is one thing that somebody does, and what comes of it while all is well
// and while access is suspended.
type way struct {
	name         string
	try          func() string
	open, denied string
}

// A guest is somebody who belongs to a node, with every credential that one has.
type guest struct {
	name   string
	bearer string // Authorization header
	client *domain.Receipt
	reads  string   // path of something that is its own business
	field  string   // GraphQL for the same
	verb   []string // and the command line
	edits  bool
}

// guests are a client, an API key and a user of a tenant.
func (m *manor) guests(name string, p places) []guest {
	m.t.Helper()
	at := p["tenant"]
	c := m.register(at, builtIn(access.TenantAdmin))
	key := m.do("POST", "/v1/nodes/"+at+"/api-keys", `{"name":"k","permissions":["flag:evaluate","flag:read"]}`).Secret
	m.do("POST", "/v1/users/"+p["user"]+"/activate", "")
	m.do("PUT", "/v1/nodes/"+at+"/members/"+p["user"]+"/tenant-admin", "{}")
	one := guest{reads: "/v1/tenants/" + at, field: fmt.Sprintf(`tenant(tenant: %q) { id }`, at), verb: []string{"tenant", "get", at}, edits: true}
	client, user := one, one
	client.name, client.bearer, client.client = name+"'s client", "Bearer "+m.token(c), &c
	user.name, user.bearer = name+"'s user", "Bearer "+m.delegated(p)
	return []guest{client, user, {
		name: name + "'s API key", bearer: "Bearer " + key, reads: "/v1/nodes/" + at + "/flags",
		field: fmt.Sprintf(`resolveFlag(flag: "probe-flag", node: %q) { value }`, at), verb: []string{"flag", "get", "probe-flag"},
	}}
}

// delegated is a token that a client holds on behalf of a user.
func (m *manor) delegated(p places) string {
	m.t.Helper()
	o := auth.Options{Issuer: "http://" + m.HTTPAddr}
	text, _, err := auth.NewIssuer(m.directory, m.sealer, o).Issue(auth.Grant{Subject: p["user"], Client: m.me, Node: domain.NodeID(p["tenant"]), Scopes: builtIn(access.TenantAdmin)})
	if err != nil {
		m.t.Fatal(err)
	}
	return text
}

// partnersOwn is a client of the integrator itself.
func (m *manor) partnersOwn(name string, p places) guest {
	c := m.register(p["integrator"], builtIn(access.IntegratorAdmin))
	at := p["integrator"]
	return guest{
		name: name + "'s own client", bearer: "Bearer " + m.token(c), client: &c, reads: "/v1/integrators/" + at,
		field: fmt.Sprintf(`integrator(integrator: %q) { id }`, at), verb: []string{"integrator", "get", at}, edits: true,
	}
}

// ways are all the ways in that a guest has.
func (m *manor) ways(g guest, p places) []way {
	status := func(method, path, body string) func() string {
		return func() string {
			p := probe{method: method, path: path, body: body, graphQL: path == "/graphql"}
			code, _, answer := m.ask(g.bearer, p)
			if word, _ := graphCode(p, answer); word != "" && code == http.StatusOK {
				return word
			}
			return fmt.Sprint(code)
		}
	}
	evaluation := fmt.Sprintf(`{"context":{"tenantId":%q}}`, p["tenant"])
	question, _ := json.Marshal(map[string]string{"query": "query { " + g.field + " }"})
	all := []way{
		{"REST read", status("GET", g.reads, ""), "200", "403"},
		{"GraphQL", status("POST", "/graphql", string(question)), "200", "403"},
		{"OFREP single", status("POST", "/ofrep/v1/evaluate/flags/probe-flag", evaluation), "200", "403"},
		{"OFREP bulk", status("POST", "/ofrep/v1/evaluate/flags", evaluation), "200", "403"},
		{"command line", func() string { return m.verb(g.bearer, g.verb...) }, "exit 0", "exit 77"},
	}
	if g.edits {
		all = append(all, way{"REST write", status("PUT", "/v1/nodes/"+p["tenant"]+"/flags/probe-flag", `{"value":true}`), "200", "403"})
	}
	if g.client != nil {
		held := strings.TrimPrefix(g.bearer, "Bearer ")
		all = append(all,
			way{"token endpoint", func() string {
				return m.form(*g.client, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}})
			}, "200", "400"},
			way{"introspection", func() string { return m.form(*g.client, "/oauth2/introspect", url.Values{"token": {held}}) }, "active", "400"})
	}
	for i := range all {
		all[i].name = g.name + ": " + all[i].name
	}
	return all
}

// verb runs a command line as somebody else.
func (m *manor) verb(as string, args ...string) string {
	m.t.Setenv("REEVE_TOKEN", strings.TrimPrefix(as, "Bearer "))
	exit, _, _ := m.command(args)
	return fmt.Sprint("exit ", exit)
}

// form asks an endpoint of the authorization server as a client.
func (m *manor) form(c domain.Receipt, path string, f url.Values) string {
	m.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), "POST", m.url+path, strings.NewReader(f.Encode()))
	if err != nil {
		m.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.ID+":"+c.Secret)))
	status, _, body := m.send(r)
	var a struct{ Active *bool }
	if _ = json.Unmarshal(body, &a); a.Active == nil {
		return fmt.Sprint(status)
	}
	if *a.Active {
		return "active"
	}
	return "inactive"
}

// expect tries every way once.
func (m *manor) expect(when string, ways []way, want func(way) string) {
	m.t.Helper()
	for _, w := range ways {
		if got := w.try(); got != want(w) {
			m.t.Errorf("%s: %s: %s, want %s", when, w.name, got, want(w))
		}
	}
}

func open(w way) string   { return w.open }
func denied(w way) string { return w.denied }

// until tries every way again and again until it comes to what is wanted, and
// says how long that took since a moment at most.
func (m *manor) until(since time.Time, ways []way, want func(way) string) (slowest time.Duration) {
	m.t.Helper()
	for _, w := range ways {
		for got := w.try(); got != want(w); got = w.try() {
			if time.Since(since) > time.Minute {
				m.t.Fatalf("%s: still %s, want %s", w.name, got, want(w))
			}
		}
		slowest = time.Since(since)
	}
	return slowest
}

// since lists what was recorded after a position.
func (m *manor) since(position uint64) (types []string) {
	m.t.Helper()
	for e, err := range m.store.Dump(context.Background(), position, math.MaxInt64) {
		if err != nil {
			m.t.Fatal(err)
		}
		if e.Position > position && !strings.HasPrefix(e.Stream, "$") && !security.Watches(domain.StreamID(e.Stream)) {
			types = append(types, e.Type)
		}
	}
	return types
}

// now is what somebody reads when everything that was recorded so far is in it: the
// guard opens before the read models have heard why.
func (m *manor) now(as, path string) []byte {
	m.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), "GET", m.url+path, http.NoBody)
	if err != nil {
		m.t.Fatal(err)
	}
	r.Header.Set("Authorization", as)
	r.Header.Set("Reeve-Min-Position", strconv.FormatUint(m.head(), 10))
	_, _, body := m.send(r)
	return body
}

// own is the status that a tenant has by itself, and with what is above it.
func (m *manor) own(p places) string {
	m.t.Helper()
	body := m.now("Bearer "+m.world.token, "/v1/tenants/"+p["tenant"])
	var t struct{ Status, EffectiveStatus string }
	if err := json.Unmarshal(body, &t); err != nil {
		m.t.Fatal(err)
	}
	return t.Status + ", in effect " + t.EffectiveStatus
}

// reads is the tenant as its guest sees it, but for how often it was changed.
func (m *manor) reads(g guest) string {
	m.t.Helper()
	body := m.now(g.bearer, g.reads)
	var row map[string]any
	if err := json.Unmarshal(body, &row); err != nil {
		m.t.Fatal(err)
	}
	for _, name := range []string{"revision", "updatedAt", "updatedBy"} {
		delete(row, name)
	}
	b, _ := json.Marshal(row)
	return string(b)
}

// Whoever belongs to a suspended tenant, or to a stopped integrator or one of its
// tenants, is out on every way there is, by one event; afterwards everything is as
// it was.
func TestSuspensionShutsEveryWay(t *testing.T) {
	m := newManor(t)
	at, owner := m.guests("tenant", m.mine), m.partnersOwn("partner", m.mine)
	others := append(m.guests("other", m.theirs), m.partnersOwn("other", m.theirs))
	var tenants, partners, rest []way
	for _, g := range at {
		tenants = append(tenants, m.ways(g, m.mine)...)
	}
	partners = m.ways(owner, m.mine)
	for _, g := range others {
		rest = append(rest, m.ways(g, m.theirs)...)
	}
	m.until(time.Now(), append(append(tenants[:len(tenants):len(tenants)], partners...), rest...), open) // read models are being made
	for _, s := range []struct {
		name, path, body, back, backBody, event, undone, own string
		out, in                                              []way
	}{
		{"suspended tenant", "/v1/tenants/" + m.mine["tenant"] + "/suspend", `{"cause":"security"}`, "/v1/tenants/" + m.mine["tenant"] + "/resume", `{"cause":"security"}`,
			"TenantSuspended", "TenantReactivated", "suspended, in effect suspended", tenants, append(partners[:len(partners):len(partners)], rest...)},
		{"stopped integrator", "/v1/integrators/" + m.mine["integrator"] + "/stop", `{"reason":"breach"}`, "/v1/integrators/" + m.mine["integrator"] + "/restart", "",
			"IntegratorStopped", "IntegratorRestarted", "active, in effect suspended", append(tenants[:len(tenants):len(tenants)], partners...), rest},
	} {
		t.Run(s.name, func(t *testing.T) {
			before, seen, head := m.own(m.mine), m.reads(at[0]), m.head()
			began := time.Now()
			m.do("POST", s.path, s.body)
			took := m.until(began, s.out, denied)
			t.Logf("%d ways shut; the slowest %v after the command was sent", len(s.out), took.Round(time.Millisecond))
			m.expect("meanwhile", s.in, open)
			if got := m.since(head); fmt.Sprint(got) != fmt.Sprint([]string{s.event}) {
				t.Errorf("recorded %v, want one %s", got, s.event)
			}
			if got := m.own(m.mine); got != s.own {
				t.Errorf("meanwhile the tenant is %s, want %s", got, s.own)
			}
			head = m.head()
			began = time.Now()
			m.do("POST", s.back, s.backBody)
			t.Logf("open again after %v", m.until(began, s.out, open).Round(time.Millisecond))
			if got := m.since(head); fmt.Sprint(got) != fmt.Sprint([]string{s.undone}) {
				t.Errorf("recorded %v, want one %s", got, s.undone)
			}
			if got := m.own(m.mine); got != before {
				t.Errorf("the tenant is %s, was %s", got, before)
			}
			if got := m.reads(at[0]); got != seen {
				t.Errorf("the tenant sees %s, saw %s", got, seen)
			}
		})
	}
}
