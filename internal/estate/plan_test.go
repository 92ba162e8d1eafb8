package estate_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/internal/estate"
)

// pages is a platform as the query API would tell it.
var pages = map[string]string{
	"/v1/integrators": `{"items":[{"id":"00000000-0000-4000-8000-00000000d1ec","businessName":"Direct","lifecycle":"active"},
		{"id":"i1","businessName":"Old","kind":"partner","lifecycle":"active","onboardingDate":"2024-01-01T00:00:00Z","revision":1}]}`,
	"/v1/tenants": `{"items":[{"id":"t1","slug":"acme","name":"Acme","kind":"merchant","integratorId":"i1","status":"active","revision":2}],"next":"more"}`,
	"/v1/tenants?after=more": `{"items":[{"id":"t2","slug":"held","name":"Held","kind":"merchant","integratorId":"i1","status":"suspended","suspensionCauses":["billing"],"revision":3},
		{"id":"t3","slug":"gone","status":"deleted"}]}`,
	"/v1/tenants/t1/quotas": `{"items":[{"tenantId":"t1","meter":"users","limit":5,"period":"none","enforcement":"hard","warn":[80],"revision":0}]}`,
	"/v1/flags":             `{"items":[{"key":"dark","type":"boolean","default":true,"off":false,"variants":{},"mode":"replace","tags":[],"exposed":false,"status":"active","revision":1}]}`,
	"/v1/flag-overrides": `{"items":[{"node":"t1","level":"tenant","parent":"i1","flag":"dark","value":false,"locked":true,"saidBy":{"reason":"pilot"}},
		{"node":"u1","level":"user","parent":"t1","flag":"dark","value":true}]}`,
}

// A client answers questions from canned pages and remembers commands.
type client struct {
	server   *httptest.Server
	commands []string
}

func newClient(t *testing.T) *client {
	c := &client{}
	c.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			body, _ := io.ReadAll(r.Body)
			c.commands = append(c.commands, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(body)))
			_, _ = io.WriteString(w, `{"id":"new"}`)
			return
		}
		path := r.URL.Path
		if after := r.URL.Query().Get("after"); after != "" {
			path += "?after=" + after
		}
		if body, ok := pages[path]; ok {
			_, _ = io.WriteString(w, body)
			return
		}
		_, _ = io.WriteString(w, `{"items":[]}`)
	}))
	t.Cleanup(c.server.Close)
	return c
}

func (c *client) Get(ctx context.Context, path string, answer any) error {
	return c.do(ctx, http.MethodGet, path, nil, answer)
}

func (c *client) Call(ctx context.Context, method, path string, body any, r estate.Request) (receipt estate.Receipt, err error) {
	err = c.do(ctx, method, path, body, &receipt)
	return receipt, err
}

func (c *client) do(ctx context.Context, method, path string, body, answer any) error {
	text := ""
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		text = string(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.server.URL+path, strings.NewReader(text))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return json.NewDecoder(res.Body).Decode(answer)
}

func planOf(t *testing.T, c *client, text string, prune bool) (*estate.Plan, error) {
	t.Helper()
	docs, err := estate.Parse("e.yaml", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return estate.Make(t.Context(), c, docs, prune)
}

// A document and what it takes to bring it about.
func TestPlan(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		action string
		want   []string
	}{
		"a tenant that is so":       {"kind: Tenant\nname: acme\nspec: {name: Acme, kind: merchant, integrator: Old, status: active}", "unchanged", nil},
		"another name":              {"kind: Tenant\nname: acme\nspec: {name: ACME, kind: merchant, integrator: Old}", "change", []string{`PATCH /v1/tenants/t1 {"name":"ACME"}`}},
		"another integrator":        {"kind: Tenant\nname: acme\nspec: {name: Acme, kind: merchant}", "change", []string{`POST /v1/tenants/t1/reassign {"integrator":"00000000-0000-4000-8000-00000000d1ec"}`}},
		"another cause":             {"kind: Tenant\nname: held\nspec: {integrator: Old, status: suspended, causes: [policy]}", "change", []string{`POST /v1/tenants/t2/suspend {"cause":"policy"}`, `POST /v1/tenants/t2/resume {"cause":"billing"}`}},
		"no cause any more":         {"kind: Tenant\nname: held\nspec: {integrator: Old, status: active}", "change", []string{`POST /v1/tenants/t2/resume {"cause":"billing"}`}},
		"an archived tenant":        {"kind: Tenant\nname: acme\nspec: {integrator: Old, status: archived}", "change", []string{`POST /v1/tenants/t1/archive {}`}},
		"a new tenant, active":      {"kind: Tenant\nname: neu\nspec: {name: Neu, kind: internal, integrator: Old, status: active}", "create", []string{`POST /v1/tenants {"integrator":"i1","kind":"internal","name":"Neu","slug":"neu"}`, `POST /v1/tenants/new/activate {}`}},
		"a deleted slug is free":    {"kind: Tenant\nname: gone\nspec: {name: G, kind: internal}", "create", []string{`POST /v1/tenants {"integrator":"00000000-0000-4000-8000-00000000d1ec","kind":"internal","name":"G","slug":"gone"}`}},
		"a quota that is so":        {"kind: Quota\nname: users@acme\nspec: {limit: 5, warn: [80]}", "unchanged", nil},
		"another limit":             {"kind: Quota\nname: users@acme\nspec: {limit: 6}", "change", []string{`PUT /v1/tenants/t1/quotas/users {"limit":6,"period":"none","enforcement":"hard"}`}},
		"an integrator that is so":  {"kind: Integrator\nname: Old\nspec: {kind: partner, status: active}", "unchanged", nil},
		"a stop":                    {"kind: Integrator\nname: Old\nspec: {status: stopped, reason: unpaid}", "change", []string{`POST /v1/integrators/i1/stop {"reason":"unpaid"}`}},
		"a new integrator":          {"kind: Integrator\nname: Neu\nspec: {kind: partner, status: active}", "create", []string{`POST /v1/integrators {"businessName":"Neu","kind":"partner"}`, `POST /v1/integrators/new/activate {}`}},
		"a flag that is so":         {"kind: Flag\nname: dark\nspec: {type: boolean, default: true, state: active}", "unchanged", nil},
		"another default":           {"kind: Flag\nname: dark\nspec: {type: boolean, default: false}", "change", []string{`PATCH /v1/flags/dark {"default":false}`}},
		"a new flag, killed":        {"kind: Flag\nname: neu\nspec: {type: number, default: 1.50, state: killed}", "create", []string{`POST /v1/flags {"default":1.5,"key":"neu","type":"number"}`, `POST /v1/flags/neu/activate {}`, `POST /v1/flags/neu/kill {}`}},
		"an override that is so":    {"kind: FlagOverride\nname: dark@tenant:acme\nspec: {value: false, locked: true}", "unchanged", nil},
		"an override, unlocked":     {"kind: FlagOverride\nname: dark@tenant:acme\nspec: {value: false}", "change", []string{`POST /v1/nodes/t1/flags/dark/unlock {}`}},
		"a new override, locked":    {"kind: FlagOverride\nname: dark@platform\nspec: {value: false, locked: true}", "create", []string{`PUT /v1/nodes/platform/flags/dark {"value":false}`, `POST /v1/nodes/platform/flags/dark/lock {}`}},
		"an override of a user":     {"kind: FlagOverride\nname: dark@user:u2@acme\nspec: {value: false}", "create", []string{`PUT /v1/nodes/u2/flags/dark {"home":"t1","value":false}`}},
		"a user's that is so":       {"kind: FlagOverride\nname: dark@user:u1@acme\nspec: {value: true}", "unchanged", nil},
		"an override with a window": {"kind: FlagOverride\nname: dark@integrator:Old\nspec: {value: false, validFrom: 2030-01-01}", "create", []string{`PUT /v1/nodes/i1/flags/dark {"validFrom":"2030-01-01T00:00:00Z","value":false}`}},
	} {
		t.Run(name, func(t *testing.T) {
			api := newClient(t)
			p, err := planOf(t, api, c.text, false)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Apply(t.Context(), api, "c", func(int, int) {}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, api.commands); diff != "" || len(p.Changes) != 1 || p.Changes[0].Action != c.action {
				t.Fatal(diff, p.Changes)
			}
		})
	}
}

func TestPlanRefusesBeforeAnythingIsDone(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"twice":                  {"kind: Flag\nname: dark\nspec: {default: true}\n---\nkind: Flag\nname: dark", []string{"e.yaml:5: name"}},
		"an unknown integrator":  {"kind: Tenant\nname: neu\nspec: {name: Neu, kind: merchant, integrator: Nobody}", []string{"e.yaml:1: spec.integrator"}},
		"an unknown tenant":      {"kind: Quota\nname: users@nobody\nspec: {limit: 1}", []string{"e.yaml:1: name"}},
		"an unknown flag":        {"kind: FlagOverride\nname: light@platform\nspec: {value: 1}", []string{"e.yaml:1: name (flag)"}},
		"no way back":            {"kind: Tenant\nname: acme\nspec: {integrator: Old, status: created}", []string{"e.yaml:1: Tenant acme"}},
		"another type":           {"kind: Flag\nname: dark\nspec: {type: string}", []string{"e.yaml:1: Flag dark"}},
		"no value":               {"kind: FlagOverride\nname: dark@platform", []string{"e.yaml:1: FlagOverride dark@platform"}},
		"no place":               {"kind: FlagOverride\nname: dark@moon\nspec: {value: true}", []string{"e.yaml:1: FlagOverride dark@moon"}},
		"no day":                 {"kind: Integrator\nname: Neu\nspec: {kind: partner, onboardingDate: soon}", []string{"e.yaml:1: Integrator Neu"}},
		"a name that is no slug": {"kind: Tenant\nname: Big Neu\nspec: {name: Neu, kind: merchant}", []string{"e.yaml:1: name"}},
		"no kind, no address":    {"kind: Tenant\nname: neu\nspec: {name: Neu, contacts: [{name: Ada, email: ada, role: admin}]}", []string{"e.yaml:1: spec.contacts.0.email", "e.yaml:1: spec.kind"}},
		"a name to hide behind":  {"kind: Integrator\nname: \"a\\eb\"\nspec: {kind: partner}", []string{"e.yaml:1: name"}},
		"a day before all days":  {"kind: Integrator\nname: Neu\nspec: {kind: partner, onboardingDate: 0000-01-01}", []string{"e.yaml:1: spec.onboardingDate"}},
		"a default of no type":   {"kind: Flag\nname: neu\nspec: {type: boolean, default: maybe}", []string{"e.yaml:1: spec.default"}},
		"another default's type": {"kind: Flag\nname: dark\nspec: {default: 3}", []string{"e.yaml:1: spec.default"}},
		"a value of no type":     {"kind: FlagOverride\nname: dark@platform\nspec: {value: 3}", []string{"e.yaml:1: spec.value"}},
		"a limit below nothing":  {"kind: Quota\nname: users@acme\nspec: {limit: -1}", []string{"e.yaml:1: spec.limit"}},
		"warnings downwards":     {"kind: Quota\nname: users@acme\nspec: {limit: 1, warn: [90, 80]}", []string{"e.yaml:1: spec.warn.1"}},
		"the second is wrong":    {"kind: Tenant\nname: fine\nspec: {name: Fine, kind: merchant}\n---\nkind: Flag\nname: a b\nspec: {type: boolean, default: true}", []string{"e.yaml:5: name"}},
	} {
		t.Run(name, func(t *testing.T) {
			api := newClient(t)
			_, err := planOf(t, api, c.text, false)
			if diff := cmp.Diff(c.want, places(t, err)); diff != "" || len(api.commands) > 0 {
				t.Fatal(diff, api.commands)
			}
		})
	}
}

func TestPruneRemovesWhatNoDocumentSpeaksOf(t *testing.T) {
	api := newClient(t)
	p, err := planOf(t, api, "kind: Tenant\nname: acme\nspec: {integrator: Old}", true)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(t.Context(), api, "c", func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	want := []string{"POST /v1/nodes/t1/flags/dark/unlock {}", "DELETE /v1/nodes/t1/flags/dark", "DELETE /v1/nodes/u1/flags/dark",
		"POST /v1/flags/dark/deprecate {}", "POST /v1/flags/dark/archive {}", "POST /v1/tenants/t2/archive {}"}
	if diff := cmp.Diff(want, api.commands); diff != "" {
		t.Fatal(diff)
	}
}

func TestExportIsWhatApplyReads(t *testing.T) {
	api := newClient(t)
	var out strings.Builder
	if err := estate.Export(t.Context(), api, &out); err != nil {
		t.Fatal(err)
	}
	p, err := planOf(t, api, out.String(), true)
	if err != nil || p.Steps() > 0 {
		t.Fatalf("%v %+v\n%s", err, p, out.String())
	}
}
