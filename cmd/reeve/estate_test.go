package main

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// whole has everything that a file can say about flags.
const whole = `
kind: Tenant
name: acme
spec: {name: Acme, kind: merchant, status: active, contacts: [{name: A, email: a@acme.example, role: admin}]}
---
kind: Quota
name: users@acme
spec: {limit: 5}
---
kind: Segment
name: beta
spec: {description: Who likes news, included: [ann], excluded: [bob], any: [[{attribute: plan, op: in, values: [gold]}]]}
---
kind: Flag
name: engine
spec: {type: boolean, default: true, levels: [platform, tenant], state: active}
---
kind: Flag
name: seats
spec: {type: number, default: 5, variants: {small: 10, large: 100}, state: active}
---
kind: Flag
name: layout
spec:
  type: string
  default: narrow
  off: none
  variants: {wide: wide, narrow: narrow}
  optional: true
  state: active
  prerequisites: [{flag: engine, value: true}]
---
kind: FlagOverride
name: layout@platform
spec:
  rules:
    - {name: beta, when: [{segment: beta}], variant: wide}
    - {when: [{attribute: age, op: gte, values: [18], not: true}], split: {by: tenant, salt: s, shares: [{variant: wide, weight: 100000}], steps: [{at: 2035-01-01T00:00:00Z, weights: [5]}]}}
  value: narrow
---
kind: FlagOverride
name: engine@tenant:acme
spec: {value: true, locked: true, reason: ours}
---
kind: FeatureSet
name: gold
spec: {description: What gold has, features: [{flag: engine, value: false}, {flag: seats, variant: large}]}
---
kind: FeatureSetAssignment
name: gold@tenant:acme
spec: {own: keep}
---
kind: ApprovalRule
name: tenant:acme
spec: {approvals: 2, below: true}
`

// answers are what flags come to for some people at acme and at the platform.
func (p *platform) answers() map[string]string {
	p.t.Helper()
	var list struct{ Items []struct{ ID string } }
	if err := json.Unmarshal([]byte(p.must("", "tenant", "list", "-o", "json")), &list); err != nil || len(list.Items) != 1 {
		p.t.Fatal(err, list)
	}
	out := map[string]string{}
	for _, flag := range []string{"engine", "seats", "layout"} {
		for _, who := range []string{"--key ann", "--key bob", `--context {"plan":"gold","age":20}`, `--context {"age":20}`, `--context {"age":3}`} {
			for name, node := range map[string]string{"acme": list.Items[0].ID, "platform": "platform"} {
				var e struct{ Value json.RawMessage }
				if err := json.Unmarshal([]byte(p.must("", append([]string{"flag", "resolve", flag, "--node", node, "-o", "json"}, strings.Fields(who)...)...)), &e); err != nil {
					p.t.Fatal(err)
				}
				out[flag+" "+name+" "+who] = string(e.Value)
			}
		}
	}
	return out
}

// What is exported changes nothing where it came from, and comes to the same answers
// where there was nothing, also where a set has another edition by now than the node.
func TestExportIsTheWhole(t *testing.T) {
	p := newPlatform(t)
	docs := strings.Count(whole, "\nkind: ")
	if diff := cmp.Diff(planned{Create: docs}, p.counts(whole, "apply", "-f", "-")); diff != "" {
		t.Fatal(diff)
	}
	if n := p.counts(whole, "apply", "-f", "-", "--prune"); n.Unchanged != docs {
		t.Fatal("applied again:", n, p.must(whole, "apply", "-f", "-", "--prune", "--dry-run"))
	}
	p.keepsItsEstate()
	first, said := p.must("", "export"), p.answers()
	for who, want := range map[string]string{"layout acme --key ann": `"wide"`, "layout acme --key bob": `"wide"`, `layout acme --context {"age":20}`: `"narrow"`, "layout platform --key bob": `"narrow"`, "seats acme --key ann": "100", "seats platform --key ann": "5", "engine acme --key ann": "true"} {
		if said[who] != want {
			t.Error(who, said[who], "not", want)
		}
	}
	edition := strings.Replace(whole, "variant: large", "variant: small", 1)
	if n := p.counts(edition, "apply", "-f", "-"); n.Change != 1 {
		t.Fatal("another edition:", n)
	}
	p.keepsItsEstate()
	if diff := cmp.Diff(said, p.answers()); diff != "" {
		t.Fatal("contracts stand", diff)
	}
	second := p.must("", "export")

	for name, file := range map[string]string{"at first": first, "another edition": second} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t)
			p.must(file, "apply", "-f", "-")
			if diff := cmp.Diff(said, p.answers()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(file, p.must("", "export")); diff != "" && name == "at first" {
				t.Error(diff)
			}
			p.keepsItsEstate()
		})
	}
}

// A set that no file gives to a node is taken back from it; segments and sets stay.
func TestPruneTakesSetsBack(t *testing.T) {
	p := newPlatform(t)
	free := whole[:strings.Index(whole, "---\nkind: ApprovalRule")]
	p.must(free, "apply", "-f", "-")
	without := free[:strings.Index(free, "---\nkind: FeatureSetAssignment")]
	without = strings.Replace(without, "included: [ann]", "included: [eve]", 1)
	if diff := cmp.Diff(planned{Change: 1, Remove: 1, Unchanged: 8}, p.counts(without, "apply", "-f", "-", "--prune")); diff != "" {
		t.Fatal(diff)
	}
	got := p.answers()
	maps.DeleteFunc(got, func(who, _ string) bool { return who != "seats acme --key ann" && who != "layout platform --key ann" })
	if diff := cmp.Diff(map[string]string{"seats acme --key ann": "5", "layout platform --key ann": `"narrow"`}, got); diff != "" {
		t.Fatal(diff)
	}
	for name, c := range map[string]struct{ file, says string }{
		"no such segment":    {"kind: FlagOverride\nname: layout@platform\nspec: {rules: [{when: [{segment: none}], variant: wide}]}", "Segment/none"},
		"no such flag":       {"kind: FeatureSet\nname: silver\nspec: {features: [{flag: none, value: 1}]}", "Flag/none"},
		"no such set":        {"kind: FeatureSetAssignment\nname: none@tenant:acme", "FeatureSet/none"},
		"a bad condition":    {"kind: Segment\nname: odd\nspec: {any: [[{attribute: a, op: like, values: [1]}]]}", "spec.any.0.0.op"},
		"too many approvals": {"kind: ApprovalRule\nname: platform\nspec: {approvals: 9}", "spec.approvals"},
		"itself":             {"kind: Flag\nname: layout\nspec: {type: string, default: narrow, prerequisites: [{flag: layout, value: x}]}", "prerequisite-cycle"},
	} {
		if _, code := p.reeve(c.file, "apply", "-f", "-"); code == 0 || !strings.Contains(p.chatter, c.says) {
			t.Error(name, code, p.chatter)
		}
	}
}
