package readapi_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/projections/projectionstest"
	"github.com/reeve-platform/reeve/readapi"
)

// codeOf is the code of a refusal.
func codeOf(err error) string {
	e, ok := domain.AsError(err)
	if !ok {
		return err.Error()
	}
	return e.Code
}

// dated are questions that tables answer as of then.
func dated() []question {
	var all []question
	for _, in := range []map[string]any{{}, {"limit": 1}, {"sort": "-createdAt", "limit": 2}} {
		all = append(all, question{"flags", in}, question{"tenants", in}, question{"integrators", in})
	}
	for _, key := range []string{"colour", "plain", "late"} {
		all = append(all, question{"flag", map[string]any{"flag": key}}, question{"overrides", map[string]any{"flag": key}})
	}
	for _, node := range []any{domain.PlatformID, acme, bolt, north, south} {
		all = append(all, question{"flagOverrides", map[string]any{"node": node}}, question{"node", map[string]any{"node": node}})
	}
	return append(all,
		question{"tenant", map[string]any{"tenant": north}}, question{"tenant", map[string]any{"tenant": south}}, question{"tenants", map[string]any{"status": "suspended"}},
		question{"tenants", map[string]any{"effectiveStatus": "suspended"}}, question{"tenants", map[string]any{"q": "new"}}, question{"integrator", map[string]any{"integrator": acme}},
		question{"nodes", nil}, question{"overrides", nil}, question{"overrides", map[string]any{"set": "gold"}}, question{"segments", nil}, question{"segment", map[string]any{"segment": "crew"}},
		question{"featureSets", nil}, question{"featureSet", map[string]any{"set": "gold"}}, question{"featureSetAssignments", nil},
		question{"flags", map[string]any{"stale": true}}, question{"flagUsage", map[string]any{"flag": "colour"}}, question{"flagUsage", map[string]any{"flag": "plain", "sort": "node", "limit": 1}})
}

type question struct {
	name string
	in   map[string]any
}

// answers are what a scope is told, as of a position or now.
func (w *world) answers(scope domain.Scope, position uint64) map[string]string {
	w.t.Helper()
	w.scope = scope
	out := map[string]string{}
	for _, a := range dated() {
		in := map[string]any{}
		for k, v := range a.in {
			in[k] = v
		}
		if position > 0 {
			in["atPosition"] = position
		}
		answer, err := call(w.t, w, a.name, 0, in)
		body, _ := json.Marshal(answer.Body)
		var list struct {
			Items json.RawMessage
			Next  string
		}
		if json.Unmarshal(body, &list) == nil && list.Items != nil {
			body = fmt.Append(list.Items, list.Next != "") // a cursor is bound to the question
		}
		if err != nil {
			body = []byte(codeOf(err))
		}
		out[fmt.Sprint(a.name, a.in)] = string(body)
	}
	return out
}

// Whatever was answered about the tenants, integrators, flags, overrides, segments and
// feature sets at some time is answered as of that time ever after, also by tables that
// have been made anew.
func TestTablesAnswerAsOfThen(t *testing.T) {
	w := painted(t)
	scopes := []domain.Scope{everywhere, acmeScope, northScope}
	type record struct {
		position uint64
		answers  []map[string]string
	}
	var records []record
	for range 25 {
		w.change()
		r := record{position: w.last}
		for _, s := range scopes {
			r.answers = append(r.answers, w.answers(s, 0))
		}
		records = append(records, r)
	}
	check := func(when string) {
		for _, r := range records {
			for i, s := range scopes {
				if diff := cmp.Diff(r.answers[i], w.answers(s, r.position)); diff != "" {
					t.Fatalf("%s, as of %d, to %v (-then +as of then):\n%s", when, r.position, s.Paths, diff)
				}
			}
		}
	}
	check("after all changes")
	w.scope = everywhere
	if err := w.engine.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	projectionstest.Await(t, w.engine, w.log)
	check("after a rebuild")
}

// change is something that happens to what the questions are about.
func (w *world) change() {
	nodes := []struct {
		node   domain.NodeID
		level  domain.Level
		parent domain.NodeID
	}{
		{domain.PlatformID, domain.PlatformLevel, ""}, {domain.NodeID(acme), domain.IntegratorLevel, domain.PlatformID}, {domain.NodeID(bolt), domain.IntegratorLevel, domain.PlatformID},
		{domain.NodeID(north), domain.TenantLevel, domain.NodeID(acme)}, {domain.NodeID(south), domain.TenantLevel, domain.NodeID(acme)},
	}
	at, k := nodes[rand.IntN(len(nodes))], []flag.Key{"colour", "plain"}[rand.IntN(2)]
	stream := domain.StreamID("nodeflags-" + at.node)
	switch rand.IntN(12) {
	case 0:
		w.tell(domain.TenantStream(south), tenant.Suspended{Tenant: south, Cause: tenant.Manual})
	case 1:
		w.tell(domain.TenantStream(south), tenant.Reactivated{Tenant: south})
	case 2:
		w.tell(domain.IntegratorStream(acme), integrator.Stopped{Integrator: acme, Reason: "breach"})
	case 3:
		w.tell(domain.IntegratorStream(acme), integrator.Restarted{Integrator: acme})
	case 4:
		w.tell(flag.Stream(k), flag.Deprecated{Flag: k})
	case 5:
		w.tell(stream, flag.Cleared{Node: at.node, Flag: k})
	case 6:
		w.tell(flag.SegmentStream("crew"), flag.SegmentDefined{Segment: "crew"})
	case 7:
		w.tell(flag.FeatureSetStream("gold"), flag.FeatureSetDefined{Set: "gold", Features: []flag.Feature{{Flag: "colour", Serving: flag.Serving{Value: raw(`"gold"`)}}}})
	case 8:
		w.tell(stream, flag.FeatureSetAssigned{Node: at.node, Level: at.level, Set: "gold", Edition: 1},
			flag.Overridden{Node: at.node, Level: at.level, Parent: at.parent, Flag: "colour", Setting: flag.Setting{Value: raw(`"gold"`), Set: "gold"}})
	case 9:
		late := noon.AddDate(900, 0, rand.IntN(100)) // so that it is no matter when it is asked whether it is unused
		w.tell(flag.UsageStream(at.node), flag.Evaluated{Node: at.node, Flag: []flag.Key{k, ""}[rand.IntN(2)], Count: rand.IntN(9) + 1, First: late, Last: late.AddDate(0, 0, 1)})
	case 10:
		w.tell(flag.Stream(k), []domain.Event{flag.MarkedStale{Flag: k}, flag.UnmarkedStale{Flag: k}}[rand.IntN(2)])
	default:
		w.override(at.node, at.level, at.parent, k, flag.Setting{Value: raw(fmt.Sprintf(`"%d"`, rand.IntN(100))), Locked: rand.IntN(3) == 0})
	}
}

// A validity is held against the instant that is asked about, and what is not there
// yet is not found.
func TestTablesAnswerAsOfAnInstant(t *testing.T) {
	w := painted(t)
	start := w.last
	from, until := noon.Add(time.Hour), noon.Add(2*time.Hour)
	w.override(domain.NodeID(north), domain.TenantLevel, domain.NodeID(acme), "plain", flag.Setting{Value: raw(`"soon"`), ValidFrom: &from, ValidUntil: &until})
	phase := func(as readapi.AsOf) (phases []string) {
		answer, err := call(t, w, "flagOverrides", 0, readapi.FlagOverridesOf{Node: domain.NodeID(north), AsOf: as})
		if err != nil {
			return []string{codeOf(err)}
		}
		for _, o := range answer.Body.(readapi.List[readapi.FlagOverride]).Items {
			if o.Flag == "plain" {
				phases = append(phases, o.Phase)
			}
		}
		return phases
	}
	for name, c := range map[string]struct {
		as   readapi.AsOf
		want []string
	}{
		"before it was said": {readapi.AsOf{Position: start}, nil},
		"before it begins":   {readapi.AsOf{Instant: noon.Add(50 * time.Minute)}, []string{"scheduled"}},
		"while it holds":     {readapi.AsOf{Instant: from}, []string{"in-force"}},
		"once it is over":    {readapi.AsOf{Instant: until}, []string{"expired"}},
		"now":                {readapi.AsOf{}, []string{"expired"}},
		"before everything":  {readapi.AsOf{Instant: noon}, []string{"before-everything"}},
		"beyond the log":     {readapi.AsOf{Position: w.last + 1}, []string{"position-beyond-head"}},
		"both":               {readapi.AsOf{Position: 1, Instant: noon}, []string{"ambiguous-as-of"}},
		"before the node":    {readapi.AsOf{Position: 1}, []string{"node-not-found"}},
	} {
		if got := phase(c.as); !cmp.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	fails(w, "tenant", readapi.TenantByID{Tenant: north, AsOf: readapi.AsOf{Position: 1}}, domain.ErrTenantNotFound)
	fails(w, "flag", readapi.FlagByKey{Flag: "colour", AsOf: readapi.AsOf{Position: 1}}, flag.ErrNotFound)
}

// The history of a tenant goes with it to another integrator.
func TestThePastOfATenantGoesWithIt(t *testing.T) {
	w := painted(t)
	before := w.last
	w.tell(domain.TenantStream(north), tenant.Reassigned{Tenant: north, From: acme, To: bolt})
	for name, c := range map[string]struct {
		scope domain.Scope
		want  int
	}{"who has it": {boltScope, 1}, "who had it": {acmeScope, 0}, "itself": {northScope, 1}} {
		w.scope = c.scope
		answer, err := call(t, w, "tenants", 0, readapi.TenantsBy{Slug: "north", AsOf: readapi.AsOf{Position: before}})
		if err != nil {
			t.Fatal(err)
		}
		if list := answer.Body.(readapi.List[readapi.Tenant]).Items; len(list) != c.want || c.want > 0 && list[0].IntegratorID != acme {
			t.Errorf("%s: %+v", name, list)
		}
		answer, err = call(t, w, "nodes", 0, readapi.NodesBy{AsOf: readapi.AsOf{Position: before}})
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, n := range answer.Body.(readapi.List[projections.Node]).Items {
			if n.ID == domain.NodeID(north) {
				seen++
			}
		}
		if seen != c.want {
			t.Errorf("%s sees the node %d times, want %d", name, seen, c.want)
		}
	}
}
