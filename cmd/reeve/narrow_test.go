package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// giving are the operations that take more than their permission: whoever gives
// something away must hold that, too.
var giving = []string{"activateUser", "createApiKey", "defineRole", "grantRole", "reactivateUser", "registerClient", "restrictRoles", "rotateApiKey", "rotateClient"}

// A narrow caller holds one permission, at a tenant that is its own.
type narrow struct {
	holds  domain.Permission
	as     string
	places places
}

func (m *manor) narrow(i int, p domain.Permission) narrow {
	m.t.Helper()
	at := m.partner(fmt.Sprintf("narrow%d", i))
	return narrow{p, m.client(at["tenant"], domain.PermissionsOf(p)), at}
}

// may reports whether the caller's permission is enough for a request at its home: it is
// the one that the operation needs, and no node is named that lies above the tenant. A
// command that names none is about the platform.
func (n narrow) may(p probe, needs domain.Permission) bool {
	return needs == n.holds && !slices.Contains(p.nodes, "integrator") && (len(p.nodes) > 0 || !p.writes) && !slices.Contains(giving, p.entry) && p.entry != ofThePlatform && p.entry != proposing
}

// proposing takes the permission of the command that is proposed, too.
const proposing = "rebaseChangeRequest"

// ofThePlatform is the query about something that is not there for anybody below.
const ofThePlatform = "segment"

// One permission opens what needs it and nothing else, on REST and GraphQL, for every
// permission and every operation there is.
func TestOnePermissionOpensNothingElse(t *testing.T) {
	m := newManor(t)
	needs := map[string]domain.Permission{}
	for _, e := range catalogues() {
		needs[e.Name] = e.Needs
	}
	var all []narrow
	for i, p := range domain.AllPermissions {
		all = append(all, m.narrow(i, p))
	}
	m.ready()
	document, facts, refusedOnes := served(t, m.url), m.all(), 0
	for _, n := range all {
		for _, p := range append(atHome(document.probes(n.places, m.theirs)), atHome(graphProbes(t, m.url, n.places, m.theirs))...) {
			if needs[p.entry] == "" {
				t.Fatalf("%s is no operation of the catalogues", p.entry)
			}
			if n.may(p, needs[p.entry]) || p.graphQL && needs[p.entry] == n.holds {
				continue
			}
			refusedOnes++
			if status, code := m.verdict(n.as, p); !slices.Contains(refusals, code) || status != 403 && status != 404 && !p.graphQL {
				t.Errorf("%s: %s: %d %s", n.holds, p.name, status, code)
			}
		}
		m.outside(n)
	}
	if now := m.all(); now != facts {
		t.Errorf("refused writes left %d facts", now-facts)
	}
	opened := map[string]bool{}
	for _, n := range all {
		for _, p := range atHome(document.probes(n.places, m.theirs)) {
			if n.may(p, needs[p.entry]) {
				opened[p.entry] = true
				m.opens(n, p)
			}
		}
	}
	t.Logf("%d requests of %d callers were refused, %d operations opened", refusedOnes, len(all), len(opened))
	if len(opened) < 40 {
		t.Errorf("only %d operations were opened by their permission", len(opened))
	}
}

// opens: the guard lets the caller do it. What the rules say of it is not asked here,
// nor can anybody go on where the tenant has just been suspended.
func (m *manor) opens(n narrow, p probe) {
	m.t.Helper()
	status, code := m.verdict(n.as, p)
	over := p.writes && code == "access-suspended"
	if slices.Contains(refusals, code) || status == 401 || status == 403 && !over || !p.writes && status != 200 {
		m.t.Errorf("%s opens not even %s: %d %s", n.holds, p.name, status, code)
	}
}

// outside are the doors beside the catalogues.
func (m *manor) outside(n narrow) {
	m.t.Helper()
	evaluation := probe{method: "POST", path: "/ofrep/v1/evaluate/flags", body: fmt.Sprintf(`{"context":{"tenantId":%q}}`, n.places["tenant"])}
	want := 403
	if n.holds == domain.FlagEvaluate {
		want = 200
	}
	if status, _ := m.verdict(n.as, evaluation); status != want {
		m.t.Errorf("%s: an evaluation: %d, want %d", n.holds, status, want)
	}
	if status, code := m.verdict(n.as, probe{method: "GET", path: "/v1/tenants?scope=platform"}); status != 403 || code != "forbidden" {
		m.t.Errorf("%s: looks across: %d %s", n.holds, status, code)
	}
}

// verdict is what a request comes to.
func (m *manor) verdict(as string, p probe) (status int, code string) {
	m.t.Helper()
	status, _, body := m.ask(as, p)
	if p.graphQL {
		code, data := graphCode(p, body)
		if data {
			code = "answered"
		}
		return status, code
	}
	var problem struct{ Code string }
	_ = json.Unmarshal(body, &problem)
	return status, problem.Code
}

func atHome(all []probe) []probe {
	return slices.DeleteFunc(all, func(p probe) bool { return !strings.HasSuffix(p.name, "at home") })
}

// On one's own node, something that belongs to another's is answered like something that
// there is not: to the byte, but for the ids that were asked with.
func TestWhatIsAnothersLooksLikeNothing(t *testing.T) {
	m := newManor(t)
	nobodys := places{}
	for name, v := range m.theirs {
		if nobodys[name] = v; m.mine.leaf(m.theirs, name) {
			nobodys[name] = uuid.NewString()
		}
	}
	pairs := func(other places) []probe {
		return append(served(t, m.url).probes(m.mine, other), graphProbes(t, m.url, m.mine, other)...)
	}
	facts, compared := m.all(), 0
	absent := pairs(nobodys)
	for i, p := range pairs(m.theirs) {
		if absent[i].name != p.name {
			t.Fatalf("%s beside %s", p.name, absent[i].name)
		}
		if !strings.Contains(p.name, " with their ") {
			continue
		}
		for _, who := range []string{"tenant", "viewer", "partner", "evaluation key"} {
			compared++
			got, want := m.plainly(who, p, m.theirs), m.plainly(who, absent[i], nobodys)
			if got != want {
				t.Errorf("%s: %s: %s\nof nobody's: %s", who, p.name, got, want)
			}
		}
	}
	if now := m.all(); now != facts || compared < 100 {
		t.Errorf("%d facts of %d requests", now-facts, compared)
	}
}

var momentary = regexp.MustCompile(`"(traceId|position|at)":("[0-9a-fTZ:.-]+"|[0-9]+),?`)

// plainly is an answer without the ids that it was asked with and what is of its moment.
func (m *manor) plainly(who string, p probe, of places) string {
	m.t.Helper()
	status, _, body := m.ask(m.callers[who], p)
	text := string(body)
	for name, v := range of {
		if m.mine[name] != v {
			text = strings.ReplaceAll(text, v, "theirs")
		}
	}
	return fmt.Sprint(status, " ", momentary.ReplaceAllString(text, ""))
}
