package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/reeve-platform/reeve/domain"
)

// Who decided something above a tenant, and why, is no business of the tenant's: not
// in any answer that it can get, whatever it may read at home. That it was decided,
// where and by which fact, is.
func TestWhatIsAboveTellsNeitherWhoNorWhy(t *testing.T) {
	const why = "CONFIDENTIAL"
	m := newManor(t)
	tenant, integrator := m.mine["tenant"], m.mine["integrator"]
	operator := m.register("platform", domain.PermissionsOf(domain.AllPermissions...))
	as := "Bearer " + m.token(operator)
	for _, c := range [][3]string{
		{"PATCH", "/v1/flags/probe-flag", `{"description":"a probe"}`},
		{"POST", "/v1/flags/probe-flag/kill", ""}, {"POST", "/v1/flags/probe-flag/revive", ""},
		{"PUT", "/v1/nodes/" + integrator + "/flags/probe-flag", `{"value":false}`},
		{"PUT", "/v1/nodes/platform/flags/probe-flag", `{"value":true}`}, {"POST", "/v1/nodes/platform/flags/probe-flag/lock", ""},
		{"POST", "/v1/integrators/" + integrator + "/stop", `{"reason":"` + why + `"}`}, {"POST", "/v1/integrators/" + integrator + "/restart", "{}"},
	} {
		r, _ := http.NewRequestWithContext(context.Background(), c[0], m.url+c[1], strings.NewReader(c[2]))
		r.Header.Set("Authorization", as)
		r.Header.Set("Reeve-Reason", why)
		if c[2] != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		if strings.HasSuffix(c[1], "/stop") {
			r.Header.Del("Reeve-Reason")
		}
		if status, _, answer := m.send(r); status >= 300 {
			t.Fatalf("%v: %d %s", c, status, answer)
		}
	}
	m.settled(m.head())
	frontend := "Bearer " + m.do("POST", "/v1/nodes/"+tenant+"/api-keys", `{"name":"k","permissions":["flag:read"]}`).Secret
	probes := served(t, m.url).probes(m.mine, m.theirs)
	for _, at := range []string{"probe-flag?node=" + tenant, "probe-flag?user=" + m.mine["user"]} {
		probes = append(probes, probe{name: "at home", method: "GET", path: "/v1/resolve/flags/" + at})
	}
	told := 0
	for _, p := range probes {
		if p.method != "GET" || !strings.HasSuffix(p.name, "at home") {
			continue
		}
		for name, caller := range map[string]string{"a viewer": m.callers["viewer"], "an administrator": m.callers["tenant"], "a frontend": frontend} {
			if _, _, b := m.ask(caller, p); strings.Contains(string(b), why) || strings.Contains(string(b), operator.ID) {
				t.Errorf("%s is told by %s: %s", name, p.path, b)
			}
		}
		if status, _, b := m.ask("Bearer "+m.world.token, p); status == 200 && strings.Contains(string(b), operator.ID) {
			told++
		}
	}
	if told < 5 {
		t.Errorf("only %d answers tell the platform", told)
	}
	_, _, b := m.ask(m.callers["viewer"], probe{method: "GET", path: "/v1/resolve/flags/probe-flag?node=" + tenant})
	var story struct {
		Levels []struct {
			Level, Node string
			Origin      map[string]any
		}
	}
	if err := json.Unmarshal(b, &story); err != nil || len(story.Levels) != 4 {
		t.Fatalf("%v %s", err, b)
	}
	for i, l := range story.Levels[:3] {
		if want := []int{2, 2, 4}[i]; l.Node == "" || l.Origin["eventId"] == nil || l.Origin["position"] == nil || len(l.Origin) != want {
			t.Errorf("%s: %v", l.Level, l)
		}
	}
}
