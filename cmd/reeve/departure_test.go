package main

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
)

// as is a command of somebody's that must succeed.
func (m *manor) as(who, method, path, body string) (r domain.Receipt) {
	m.t.Helper()
	status, _, answer := m.ask(who, probe{method: method, path: path, body: body})
	if err := json.Unmarshal(answer, &r); err != nil || status >= 300 {
		m.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return r
}

// equipped is a client and an API key of a tenant, as somebody makes them.
func (m *manor) equipped(name, by string, p places) (ids []string, ways []way) {
	m.t.Helper()
	at := p["tenant"]
	names, _ := json.Marshal(builtIn(access.TenantAdmin))
	c := m.as(by, "POST", "/v1/nodes/"+at+"/clients", fmt.Sprintf(`{"name":%q,"permissions":%s}`, name, names))
	k := m.as(by, "POST", "/v1/nodes/"+at+"/api-keys", fmt.Sprintf(`{"name":%q,"permissions":["flag:evaluate","flag:read"]}`, name))
	client := guest{
		name: name + ", a client", bearer: "Bearer " + m.token(c), client: &c, edits: true,
		reads: "/v1/tenants/" + at, field: fmt.Sprintf(`tenant(tenant: %q) { id }`, at), verb: []string{"tenant", "get", at},
	}
	key := guest{
		name: name + ", an API key", bearer: "Bearer " + k.Secret, reads: "/v1/nodes/" + at + "/flags",
		field: fmt.Sprintf(`resolveFlag(flag: "probe-flag", node: %q) { value }`, at), verb: []string{"flag", "get", "probe-flag"},
	}
	return []string{c.ID, k.ID}, append(m.ways(client, p), m.ways(key, p)...)
}

// A tenant that goes to another integrator leaves behind whatever the first one
// holds there, on every way, and for ever: the log says so. What is the tenant's own
// goes on all the while.
func TestATenantThatGoesLeavesItsIntegratorBehind(t *testing.T) {
	m := newManor(t)
	at := m.mine["tenant"]
	made, left := m.equipped("the integrator's", m.callers["partner"], m.mine)
	_, own := m.equipped("the tenant's", m.callers["tenant"], m.mine)
	planted := m.as(m.callers["partner"], "POST", "/v1/nodes/"+at+"/clients", `{"name":"planted","permissions":["client:write","flag:evaluate","flag:read"]}`)
	sprung := m.as("Bearer "+m.token(planted), "POST", "/v1/nodes/"+at+"/api-keys", `{"name":"sprung","permissions":["flag:read"]}`)
	told := m.as(m.callers["tenant"], "POST", "/v1/nodes/"+at+"/api-keys", `{"name":"told","permissions":["flag:read"]}`)
	told.Secret = m.as(m.callers["partner"], "POST", "/v1/nodes/"+at+"/api-keys/"+told.ID+"/rotate", `{}`).Secret
	employee := m.do("POST", "/v1/users", fmt.Sprintf(`{"home":%q,"login":"employee@example.com","name":"Employee"}`, m.mine["integrator"])).ID
	m.do("POST", "/v1/users/"+employee+"/activate", "")
	m.do("PUT", "/v1/nodes/"+at+"/members/"+employee+"/tenant-admin", "{}")
	m.until(time.Now(), append(left[:len(left):len(left)], own...), open)

	m.do("POST", "/v1/tenants/"+at+"/reassign", fmt.Sprintf(`{"integrator":%q}`, m.theirs["integrator"]))
	m.expect("after the move", left, denied)
	m.until(time.Now(), own, open)
	gone := func(when string) {
		for name, as := range map[string]string{"sprung": sprung.Secret, "told": told.Secret} {
			status, _, body := m.ask("Bearer "+as, probe{method: "GET", path: "/v1/nodes/" + at + "/flags"})
			if code := codeOf(body); status != 403 || code != "credential-held-elsewhere" {
				t.Errorf("%s, %s: %d %s", when, name, status, body)
			}
		}
		for who, cause := range map[string]access.Cause{made[0]: access.HeldElsewhere, made[1]: access.HeldElsewhere, sprung.ID: access.HeldElsewhere, told.ID: access.HeldElsewhere, employee: access.OutsideHome} {
			m.against(when, who, cause)
		}
	}
	gone("after the move")
	m.do("POST", "/v1/nodes/"+at+"/api-keys/"+told.ID+"/rotate", `{"overlapSeconds":0}`)
	m.halt(t)
	if err := m.again(t, m.Config); err != nil {
		t.Fatal(err)
	}
	m.expect("after a restart", left, denied)
	if x := m.explained(told.ID); !x.Grounds[0].Decides {
		t.Errorf("told the tenant anew: %+v", x)
	}
}

func codeOf(body []byte) string {
	var problem struct{ Code string }
	_ = json.Unmarshal(body, &problem)
	return problem.Code
}

// explanation is as much of an answer as says why something counts or does not.
type explanation struct {
	Allowed bool
	Grounds []struct {
		Decides bool
		Against *access.Halt
	}
}

func (m *manor) explained(who string) (x explanation) {
	m.t.Helper()
	status, _, body := m.ask("Bearer "+m.world.token, probe{method: "GET", path: "/v1/nodes/" + m.mine["tenant"] + "/access?permission=flag:read&principal=" + who})
	if err := json.Unmarshal(body, &x); err != nil || status != 200 || len(x.Grounds) != 1 {
		m.t.Fatalf("%d %s", status, body)
	}
	return x
}

// against: somebody has one ground at the tenant, which does not count, for the
// integrator that it had.
func (m *manor) against(when, who string, cause access.Cause) {
	m.t.Helper()
	x := m.explained(who)
	if halt := x.Grounds[0].Against; x.Allowed || halt == nil || *halt != (access.Halt{Cause: cause, Node: domain.NodeID(m.mine["integrator"])}) {
		m.t.Errorf("%s, %s: %+v, want %s", when, who, halt, cause)
	}
}
