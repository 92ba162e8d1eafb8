package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain/flag"
)

// A feature set is assigned and taken back by those who run the integrator: its
// preview lists what changes, and that is what then changes and what then goes back.
func TestAFeatureSetIsGivenAndTakenBack(t *testing.T) {
	m := newManor(t)
	tenant, own := m.mine["tenant"], "/v1/nodes/"+m.mine["tenant"]+"/flags/probe-flag"
	m.do("POST", "/v1/flags", `{"key":"export","type":"boolean","default":false}`)
	m.do("POST", "/v1/flags/export/activate", "")
	m.do("POST", "/v1/feature-sets", `{"key":"gold","features":[{"flag":"export","value":true},{"flag":"probe-flag","value":false}]}`)
	partner := m.callers["partner"]
	value := func(key string) string {
		status, _, b := m.ask(partner, probe{method: "POST", path: "/ofrep/v1/evaluate/flags/" + key, body: fmt.Sprintf(`{"context":{"tenantId":%q}}`, tenant)})
		var a struct{ Value json.RawMessage }
		if decode(t, b, &a); status != http.StatusOK {
			t.Fatalf("%s: %d %s", key, status, b)
		}
		return string(a.Value)
	}
	ask := func(method, path, body string, want int) []byte {
		t.Helper()
		status, _, b := m.ask(partner, probe{method: method, path: path, body: body})
		if status != want {
			t.Fatalf("%s %s: %d %s", method, path, status, b)
		}
		return b
	}
	set := "/nodes/" + tenant + "/feature-sets/gold"
	if b := ask("PUT", "/v1"+set, `{}`, http.StatusConflict); codeOf(b) != "own-overrides" {
		t.Errorf("over an override of its own: %s", b)
	}
	var p flag.Preview
	decode(t, ask("PUT", "/v1/preview"+set, `{"own":"replace"}`, http.StatusOK), &p)
	var changes []string
	for _, c := range p.Changes {
		if string(c.Node) == tenant {
			changes = append(changes, fmt.Sprintf("%s %s->%s", c.Flag, c.Before.Value, c.After.Value))
		}
	}
	if want := []string{"export false->true", "probe-flag true->false"}; !slices.Equal(changes, want) {
		t.Errorf("would change %v, want %v", changes, want)
	}
	ask("PUT", "/v1"+set, `{"own":"replace"}`, http.StatusOK)
	if value("export") != "true" || value("probe-flag") != "false" {
		t.Errorf("assigned: export is %s, probe-flag %s", value("export"), value("probe-flag"))
	}
	var list struct {
		Items []struct{ Node, Set, Flag, FeatureSet string }
	}
	decode(t, m.now(partner, "/v1/feature-set-assignments?set=gold"), &list)
	if len(list.Items) != 1 || list.Items[0].Node != tenant {
		t.Errorf("assigned to %+v", list.Items)
	}
	decode(t, m.now(partner, "/v1/flag-overrides?set=gold"), &list)
	if len(list.Items) != 2 || list.Items[0].FeatureSet != "gold" {
		t.Errorf("it gave %+v", list.Items)
	}
	ask("DELETE", "/v1"+set, "", http.StatusOK)
	if value("export") != "false" || value("probe-flag") != "true" {
		t.Errorf("taken back: export is %s, probe-flag %s", value("export"), value("probe-flag"))
	}
	if decode(t, m.now(partner, "/v1/feature-set-assignments?set=gold"), &list); len(list.Items) != 0 {
		t.Errorf("still assigned to %+v", list.Items)
	}
	ask("POST", "/v1/feature-sets", `{"key":"mine","features":[{"flag":"export","value":true}]}`, http.StatusForbidden)
	ask("PUT", own, `{"value":false}`, http.StatusOK)
}

// As of an instant after all that was said of a feature set, it is what it is now.
func TestAFeatureSetAsOfAnInstant(t *testing.T) {
	m := newManor(t)
	m.do("POST", "/v1/feature-sets", `{"key":"gold","features":[{"flag":"probe-flag","value":true}]}`)
	m.do("PATCH", "/v1/feature-sets/gold", `{"features":[{"flag":"probe-flag","value":false}]}`)
	m.ready()
	asOf := time.Now().UTC().Format(time.RFC3339Nano)
	now := m.now("Bearer "+m.world.token, "/v1/feature-sets/gold")
	status, _, then := m.ask("Bearer "+m.world.token, probe{method: "GET", path: "/v1/feature-sets/gold?asOf=" + asOf})
	if status != http.StatusOK || string(then) != string(now) {
		t.Errorf("now it is %s\nand as of now, after both facts: %d %s", now, status, then)
	}
}
