package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/reeve-platform/reeve/domain/access"
)

// An explanation tells of what somebody was given within the caller's scope, and of
// the rest that there is such a thing.
func TestAnExplanationEndsWithTheScope(t *testing.T) {
	m := newManor(t)
	tenant, integrator := m.mine["tenant"], m.mine["integrator"]
	staff := m.do("POST", "/v1/users", fmt.Sprintf(`{"home":%q,"login":"staff@example.com"}`, integrator)).ID // who has not accepted yet
	m.do("PUT", "/v1/nodes/"+integrator+"/members/"+staff+"/"+string(access.IntegratorAdmin), "{}")
	both := m.do("POST", "/v1/users", fmt.Sprintf(`{"home":%q,"login":"both@example.com"}`, integrator)).ID
	m.do("PUT", "/v1/nodes/"+integrator+"/members/"+both+"/"+string(access.IntegratorAdmin), "{}")
	m.do("PUT", "/v1/nodes/"+tenant+"/members/"+both+"/"+string(access.TenantViewer), "{}")
	for _, c := range []struct{ name, caller, who, want string }{
		{"an administrator of the platform", "tenant", m.me, `true null [above true]`},
		{"somebody of the integrator", "tenant", staff, `false null [above false]`},
		{"the same to the integrator", "partner", staff, `false {not-standing ` + staff + `} [` + integrator + ` false]`},
		{"with a role here, too", "tenant", both, `false {not-standing } [above false] [` + tenant + ` false]`},
		{"the client's own", "tenant", m.mine["client"], `true null [` + tenant + ` true]`},
		{"nobody", "tenant", m.theirs["user"], `false null`},
	} {
		status, _, b := m.ask(m.callers[c.caller], probe{method: "GET", path: "/v1/nodes/" + tenant + "/access?permission=tenant:read&principal=" + c.who})
		var x struct {
			Allowed bool
			Halted  *struct{ Cause, Node string }
			Grounds []struct {
				Node, Role  string
				Above       bool
				Decides     bool
				Permissions []string
			}
		}
		if err := json.Unmarshal(b, &x); err != nil || status != 200 {
			t.Fatalf("%d %s", status, b)
		}
		got := fmt.Sprint(x.Allowed, " null")
		if x.Halted != nil {
			got = fmt.Sprint(x.Allowed, " ", *x.Halted)
		}
		for _, g := range x.Grounds {
			if g.Above {
				g.Node += "above"
			}
			if g.Above && g.Role+strings.Join(g.Permissions, "") != "" {
				t.Errorf("%s: %s", c.name, b)
			}
			got += fmt.Sprintf(" [%s %v]", g.Node, g.Decides)
		}
		if got != c.want {
			t.Errorf("%s: %s, not %s", c.name, got, c.want)
		}
	}
}

// Reads that no table answers are as good as the log: a position that a receipt has
// told is one that they have reached.
func TestReadsWithoutTablesReachAPosition(t *testing.T) {
	m := newManor(t)
	for _, path := range []string{"/v1/security/data-access", "/v1/ops/projections", "/v1/nodes/platform/access?principal=" + m.me + "&permission=tenant:read"} {
		for least, want := range map[uint64]int{1: 200, m.head(): 200} {
			if status, b := m.atLeast(path, least); status != want {
				t.Errorf("%s at %d: %d %s", path, least, status, b)
			}
		}
	}
	beyond := m.head() + 1000
	if status, b := m.atLeast("/v1/nodes/platform/access?principal="+m.me+"&permission=tenant:read", beyond); status != 400 || !strings.Contains(b, "position-beyond-head") {
		t.Errorf("beyond the log: %d %s", status, b)
	}
}

func (m *manor) atLeast(path string, position uint64) (int, string) {
	m.t.Helper()
	r, err := http.NewRequestWithContext(m.t.Context(), http.MethodGet, m.url+path, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+m.world.token)
	r.Header.Set("Reeve-Min-Position", fmt.Sprint(position))
	status, _, b := m.send(r)
	return status, string(b)
}
