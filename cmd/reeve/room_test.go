package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// A node takes in so many clients, keys and users of its own. The next is refused until
// one has gone; what a node above or beside it has counts there.
func TestANodeTakesInOnlySoMany(t *testing.T) {
	m := newManor(t)
	m.NodeClients, m.NodeKeys, m.NodeUsers = 3, 2, 2
	room := m.do("POST", "/v1/tenants", fmt.Sprintf(`{"slug":"room","name":"room","kind":"merchant","integrator":%q,"contacts":[{"name":"a","email":"a@example.com","role":"admin"}]}`, m.mine["integrator"])).ID
	for _, c := range []struct {
		name, path, body, leave string
		most                    int
	}{
		{"clients", "/v1/nodes/" + room + "/clients", `{"name":"c","permissions":["tenant:read"]}`, "/v1/nodes/" + room + "/clients/%s/disable", 3},
		{"keys", "/v1/nodes/" + room + "/api-keys", `{"name":"k","permissions":["flag:evaluate"]}`, "/v1/nodes/" + room + "/api-keys/%s/revoke", 2},
		{"users", "/v1/users", `{"home":"` + room + `","login":"%s@example.com"}`, "", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &manor{m.world, t, m.mine, m.theirs, m.callers}
			ask := func() (int, string) {
				body := c.body
				if strings.Contains(body, "%s") {
					body = fmt.Sprintf(body, uuid.NewString())
				}
				status, _, b := m.ask("Bearer "+m.world.token, probe{method: "POST", path: c.path, body: body})
				return status, string(b)
			}
			first := ""
			for range c.most {
				status, b := ask()
				if status != http.StatusCreated {
					t.Fatal(status, b)
				}
				if _, id, ok := strings.Cut(b, `"id":"`); ok && first == "" {
					first, _, _ = strings.Cut(id, `"`)
				}
			}
			facts := m.facts(t)
			if status, b := ask(); status != http.StatusConflict || !strings.Contains(b, `"node-full"`) {
				t.Errorf("one too many: %d %s", status, b)
			}
			if n := m.facts(t); n != facts {
				t.Errorf("%d facts came of it", n-facts)
			}
			if c.leave == "" {
				return
			}
			m.do("POST", fmt.Sprintf(c.leave, first), "")
			if status, b := ask(); status != http.StatusCreated {
				t.Errorf("after one has gone: %d %s", status, b)
			}
		})
	}
}
