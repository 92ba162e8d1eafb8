package main

import (
	"fmt"
	"testing"

	"github.com/reeve-platform/reeve/domain"
)

// Whoever may do one thing does not come to more by it.
func TestNobodyRisesByWhatTheyMayDo(t *testing.T) {
	m := newManor(t)
	m.believes(map[string]string{"https://127.0.0.1:1": "platform"})
	may := func(node string, what ...domain.Permission) string {
		return m.client(node, domain.PermissionsOf(what...))
	}
	clients, users := may("platform", domain.ClientRead, domain.ClientWrite), may("platform", domain.UserRead, domain.UserWrite)
	roles := may(m.mine["tenant"], domain.AccessRead, domain.AccessWrite)
	boss := m.do("POST", "/v1/users", fmt.Sprintf(`{"home":%q,"login":"boss@example.com","name":"Boss"}`, m.mine["tenant"])).ID
	m.do("PUT", "/v1/nodes/"+m.mine["tenant"]+"/members/"+boss+"/tenant-admin", "{}")
	gone := m.do("POST", "/v1/users", fmt.Sprintf(`{"home":%q,"login":"gone@example.com","name":"Gone"}`, m.mine["tenant"])).ID
	m.do("PUT", "/v1/nodes/"+m.mine["tenant"]+"/members/"+gone+"/tenant-admin", "{}")
	m.do("POST", "/v1/users/"+gone+"/activate", "")
	m.do("POST", "/v1/users/"+gone+"/deactivate", "")
	strong := m.register(m.mine["tenant"], builtIn("tenant-admin")).ID
	mine := m.mine["tenant"]
	for name, c := range map[string]struct {
		as, method, path, body string
		status                 int
	}{
		"the secret of the administrator":             {clients, "POST", "/v1/nodes/platform/clients/" + m.me + "/rotate", "{}", 403},
		"the secret of a stronger client":             {may(mine, domain.ClientWrite), "POST", "/v1/nodes/" + mine + "/clients/" + strong + "/rotate", "{}", 403},
		"nobody left":                                 {clients, "POST", "/v1/nodes/platform/clients/" + m.me + "/disable", "", 409},
		"the id of the administrator":                 {users, "POST", "/v1/users", fmt.Sprintf(`{"user":%q,"home":"platform","login":"x@example.com","name":"X"}`, m.me), 409},
		"the id of a tenant":                          {users, "POST", "/v1/users", fmt.Sprintf(`{"user":%q,"home":"platform","login":"y@example.com","name":"Y"}`, m.theirs["tenant"]), 409},
		"who the boss is":                             {users, "POST", "/v1/users/" + boss + "/activate", `{"identity":{"issuer":"https://127.0.0.1:1","subject":"me"}}`, 403},
		"the boss, as invited":                        {users, "POST", "/v1/users/" + boss + "/activate", "", 403},
		"a boss who is gone":                          {users, "POST", "/v1/users/" + gone + "/reactivate", "", 403},
		"another's client as one's own user":          {may(mine, domain.FlagOverride), "PUT", "/v1/nodes/" + m.theirs["client"] + "/flags/probe-flag", fmt.Sprintf(`{"value":true,"home":%q}`, mine), 404},
		"a role with more":                            {roles, "PUT", "/v1/nodes/" + mine + "/roles/more", `{"name":"More","permissions":["tenant:write"]}`, 403},
		"a built-in role with more":                   {roles, "PUT", "/v1/nodes/" + mine + "/members/" + boss + "/flag-editor", "{}", 403},
		"a client with more":                          {may(mine, domain.ClientWrite), "POST", "/v1/nodes/" + mine + "/clients", `{"name":"more","permissions":["tenant:write"]}`, 403},
		"a client of somebody else's by its revision": {may(mine, domain.ClientWrite), "POST", "/v1/nodes/" + mine + "/clients/" + m.theirs["client"] + "/disable", "", 404},
		"a home that is one's own":                    {may(mine, domain.FlagOverride), "PUT", "/v1/nodes/" + m.theirs["tenant"] + "/flags/probe-flag", fmt.Sprintf(`{"value":true,"home":%q}`, mine), 404},
	} {
		status, _, body := m.ask(c.as, probe{method: c.method, path: c.path, body: c.body})
		if status != c.status {
			t.Errorf("%s: %d %.300s", name, status, body)
		}
	}
	m.do("POST", "/v1/nodes/"+mine+"/clients/"+strong+"/rotate", "{}") // who may do everything may do this
	m.do("POST", "/v1/users/"+gone+"/reactivate", "")
}
