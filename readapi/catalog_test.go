package readapi_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/change"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/readapi"
)

// givenMembers has a value for every member that a path may name.
var givenMembers = map[string]any{"tenant": north, "integrator": acme, "node": domain.NodeID(north), "flag": "colour", "segment": "crew", "set": "large", "request": wish, "meter": "users", "user": anna, "good": 1}

// wish is a change request.
const wish change.ID = "77777777-7777-4777-8777-777777777777"

// inputs are all the ways to ask a query that its tags offer: in each order, and
// with each filter that has fixed values.
func inputs(in reflect.Type) (all []map[string]any) {
	base := map[string]any{}
	for f := range in.Fields() {
		if name, ok := f.Tag.Lookup("path"); ok {
			base[name] = givenMembers[name]
		}
		if name := f.Tag.Get("query"); f.Tag.Get("required") == "true" && givenMembers[name] != nil {
			base[name] = givenMembers[name]
		}
	}
	all = append(all, base)
	for f := range in.Fields() {
		values, ok := f.Tag.Lookup("enum")
		if !ok || f.Type.Kind() != reflect.String {
			continue
		}
		for v := range strings.SplitSeq(values, ",") {
			one := map[string]any{f.Tag.Get("query"): v}
			for name, value := range base {
				one[name] = value
			}
			all = append(all, one)
		}
	}
	return all
}

func TestEveryQueryRuns(t *testing.T) {
	w := painted(t)
	w.tell(domain.QuotaStream(north), quotaOf(north))
	w.tell(domain.UserStream(anna), annaInvited)
	w.tell(change.Stream(wish), change.Opened{Request: wish, Node: domain.NodeID(north), Operation: "killFlag"})
	w.tell(flag.FeatureSetStream("large"), flag.FeatureSetDefined{Set: "large"})
	w.tell(flag.SegmentStream("crew"), flag.SegmentDefined{Segment: "crew"})
	for _, e := range readapi.Catalog {
		t.Run(e.Name, func(t *testing.T) {
			for _, in := range inputs(e.Input) {
				answer, err := call(t, w, e.Name, 0, in)
				if err != nil {
					t.Fatalf("%v: %v", in, err)
				}
				if len(tablesOf(e)) > 0 && answer.Position != w.last {
					t.Errorf("%v: answered at %d, want %d", in, answer.Position, w.last)
				}
				if got := reflect.TypeOf(answer.Body); got != e.Output {
					t.Errorf("answers %s, declares %s", got, e.Output)
				}
			}
		})
	}
}

// tablesOf are the tables a query waits for: with none of them it answers at
// position 0.
func tablesOf(e edge.Entry[*readapi.Source]) []string {
	if e.Name == "projections" || e.Name == "dataAccess" {
		return nil
	}
	return []string{"some"}
}

func TestTheCatalogueIsInOrderAndComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range readapi.Catalog {
		method, path, _ := strings.Cut(e.Route, " ")
		if method != "GET" || e.Writes || e.Needs == "" || !strings.HasSuffix(e.Summary, ".") {
			t.Errorf("%s: %s %s needs %q: %q", e.Name, method, path, e.Needs, e.Summary)
		}
		if seen[e.Name] || seen[e.Route] {
			t.Errorf("%s %s: twice", e.Name, e.Route)
		}
		seen[e.Name], seen[e.Route] = true, true
		checkMembers(t, e.Name, path, e.Input)
	}
}

func checkMembers(t *testing.T, name, path string, in reflect.Type) {
	for f := range in.Fields() {
		if f.Anonymous {
			checkMembers(t, name, "", f.Type)
			continue
		}
		if p, ok := f.Tag.Lookup("path"); ok && !strings.Contains(path, "{"+p+"}") {
			t.Errorf("%s: %s is not in the path", name, f.Name)
		}
		if f.Tag.Get("doc") == "" {
			t.Errorf("%s: %s has no doc", name, f.Name)
		}
	}
}

func TestEveryAnswerIsDocumented(t *testing.T) {
	for _, p := range projections.All {
		if p.Describe().Name == "" {
			t.Error("a projection without a name")
		}
	}
	for _, e := range readapi.Catalog {
		for f := range e.Output.Fields() {
			if name := f.Tag.Get("json"); !f.Anonymous && name != "-" && f.Tag.Get("doc") == "" {
				t.Errorf("%s: %s has no doc", e.Name, f.Name)
			}
		}
	}
}
