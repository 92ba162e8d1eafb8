package main

import (
	"encoding/json"
	"fmt"
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
