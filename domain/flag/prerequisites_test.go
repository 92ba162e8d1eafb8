package flag_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/testkit"
)

func needs(k Key, on ...Key) SetPrerequisites {
	cmd := SetPrerequisites{Flag: k}
	for _, o := range on {
		cmd.Prerequisites = append(cmd.Prerequisites, Prerequisite{Flag: o, Value: j(`true`)})
	}
	return cmd
}

func TestSetPrerequisites(t *testing.T) {
	named := def
	named.Variants = map[string]jsonRaw{"on": j(`true`)}
	flags := []domain.Event{Defined{"a", def}, Defined{"b", named}, Defined{"c", def}, Defined{"gone", def}, Archived{"gone", StatusDraft}}
	onB := []Prerequisite{{Flag: "b", Value: j(`true`)}}
	set := PrerequisitesSet{"a", onB, nil}
	bad := testkit.Fails(ErrPrerequisite)
	for name, c := range map[string]struct {
		more []domain.Event
		cmd  SetPrerequisites
		want testkit.Expectation
	}{
		"set":                       {nil, needs("a", "b"), records(set)},
		"by variant":                {nil, SetPrerequisites{"a", []Prerequisite{{Flag: "b", Variant: "on"}}}, records(PrerequisitesSet{"a", []Prerequisite{{Flag: "b", Variant: "on", Value: j(`true`)}}, nil})},
		"set twice":                 {[]domain.Event{set}, needs("a", "b"), nothing},
		"set to nothing":            {[]domain.Event{set}, needs("a"), records(PrerequisitesSet{"a", []Prerequisite{}, onB})},
		"nothing to nothing":        {nil, needs("a"), nothing},
		"of no flag":                {nil, needs("x", "b"), notFound},
		"of an archived flag":       {nil, needs("gone", "b"), refused},
		"on no flag":                {nil, needs("a", "x"), bad},
		"on an archived flag":       {nil, needs("a", "gone"), bad},
		"on one flag twice":         {nil, needs("a", "b", "b"), bad},
		"on another type":           {nil, SetPrerequisites{"a", []Prerequisite{{Flag: "b", Value: j(`1`)}}}, testkit.Fails(ErrValueType)},
		"on no variant of it":       {nil, SetPrerequisites{"a", []Prerequisite{{Flag: "b", Variant: "off"}}}, testkit.Fails(ErrVariant)},
		"on neither":                {nil, SetPrerequisites{"a", []Prerequisite{{Flag: "b"}}}, testkit.Fails(ErrOneValue)},
		"on itself":                 {nil, needs("a", "a"), testkit.Fails(ErrPrerequisiteCycle)},
		"on one that depends on it": {[]domain.Event{set, PrerequisitesSet{"b", []Prerequisite{{Flag: "c", Value: j(`true`)}}, nil}}, needs("c", "a"), testkit.Fails(ErrPrerequisiteCycle)},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.When(testkit.Given(append(flags[:len(flags):len(flags)], c.more...)...), domain.Command[Graph](c.cmd)).Meets(t, c.want)
		})
	}
	_, err := needs("b", "a").Decide(domain.Fold(Graph{}, append(flags, set)...), domain.Meta{})
	if e, ok := domain.AsError(err); !ok || !strings.Contains(e.Detail, "b depends on a depends on b") {
		t.Errorf("the cycle is not told: %v", err)
	}
}

// Commands on any two flags append to one stream: the log lets only one of them
// pass that were decided on the same revision.
func TestRacingPrerequisitesMeetInOneStream(t *testing.T) {
	if needs("a", "b").Stream() != needs("b", "a").Stream() {
		t.Error("each could be decided without the other")
	}
}

func TestALineOfPrerequisitesHasAnEnd(t *testing.T) {
	var g Graph
	for i := range 17 {
		g = g.Evolve(Defined{Key(fmt.Sprint("f", i)), def})
	}
	for i := range 15 {
		facts, err := needs(Key(fmt.Sprint("f", i)), Key(fmt.Sprint("f", i+1))).Decide(g, domain.Meta{})
		if err != nil {
			t.Fatal(i, err)
		}
		g = domain.Fold(g, facts...)
	}
	if _, err := needs("f15", "f16").Decide(g, domain.Meta{}); domain.KindOf(err) != domain.Conflict {
		t.Error("a line of 17 is allowed:", err)
	}
}

// A log that was written by others may hold a cycle. It must not hang anybody.
func TestACycleInTheLogEnds(t *testing.T) {
	f := Flag{Key: "a", Status: StatusActive, Definition: def, Prerequisites: []Prerequisite{{Flag: "a", Value: j(`false`)}}}
	in := Input{Standing: domain.Usable, At: at}
	in.Prerequisites = func(_ Key, in Input) (Evaluation, error) { return Evaluate(f, in) }
	if e, err := Evaluate(f, in); err != nil || e.Reason == "" {
		t.Error(e, err)
	}
}

func TestArchiveListsWhatDependsOnIt(t *testing.T) {
	on := PrerequisitesSet{"other", []Prerequisite{{Flag: key, Value: j(`true`)}}, nil}
	testkit.When(testkit.Given(append(deprecated[:3:3], on)...), domain.Command[Flag](Archive{key})).ThenFails(t, ErrHasDependants)
	testkit.When(testkit.Given(append(deprecated[:3:3], on, PrerequisitesSet{"other", nil, on.Prerequisites})...), domain.Command[Flag](Archive{key})).Then(t, Archived{key, StatusDeprecated})
}

// The gate comes before prerequisites, and after the standing of the node.
func TestTheGate(t *testing.T) {
	f := Flag{Key: key, Status: StatusActive, Definition: def, Prerequisites: []Prerequisite{{Flag: "b", Value: j(`true`)}}}
	in := Input{Standing: domain.Usable, Node: acme, At: at}
	in.Gate = func(k Key, n domain.NodeID, when time.Time) (bool, string) {
		return k != key || n != acme || when != at, "plan"
	}
	if e, _ := Evaluate(f, in); e.Reason != Disabled || e.Cause != NotEntitled || e.Blocker != "plan" {
		t.Errorf("%+v", e)
	}
	in.Node = partner
	if e, _ := Evaluate(f, in); e.Cause != Unmet || e.Blocker != "b" {
		t.Errorf("%+v", e)
	}
}

// layered are flags of which each depends on all of the next layer: as long a line,
// and as wide a list, as is allowed.
func layered(deep, wide int) (flags map[Key]Flag, facts []domain.Event) {
	flags = map[Key]Flag{}
	name := func(layer, n int) Key { return Key(fmt.Sprintf("f%d-%d", layer, n)) }
	for layer := range deep {
		for n := range wide {
			k, on := name(layer, n), PrerequisitesSet{Flag: name(layer, n)}
			for other := range wide {
				if layer+1 < deep {
					on.Prerequisites = append(on.Prerequisites, Prerequisite{Flag: name(layer+1, other), Value: j(`false`)})
				}
			}
			all := []domain.Event{Defined{k, def}, Activated{Flag: k}, on}
			flags[k], facts = domain.Fold(Flag{}, all...), append(facts, all...)
		}
	}
	return flags, facts
}

func TestAWideGraphIsEvaluatedOnce(t *testing.T) {
	flags, _ := layered(16, 20)
	asked, in := 0, Input{Standing: domain.Usable, At: at}
	in.Prerequisites = func(k Key, in Input) (Evaluation, error) {
		if asked++; asked > len(flags) {
			t.Fatal("a flag is evaluated again")
		}
		return Evaluate(flags[k], in)
	}
	e, err := Evaluate(flags["f0-0"], in)
	if err != nil || e.Cause != ByDefault || len(e.Prerequisites) != 20 {
		t.Errorf("%+v, %v", e, err)
	}
}

// What one flag of a book found out of others serves the rest when all are asked for.
func TestABookEvaluatesAWideGraphOnce(t *testing.T) {
	flags, facts := layered(16, 20)
	b, log, asked := NewBook(), chronicle{}, 0
	b.Gate = func(Key, domain.NodeID, time.Time) (bool, string) {
		if asked++; asked > 16*16*20 {
			t.Fatal("a flag is evaluated again at the same place of a line")
		}
		return true, ""
	}
	for _, e := range append([]domain.Event{hung{acme, domain.TenantLevel, ""}, stands{acme, domain.Usable}}, facts...) {
		if err := b.Apply(log.add(e, at)); err != nil {
			t.Fatal(err)
		}
	}
	v, err := b.Look(Question{Node: acme, At: at})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := v.Evaluate("f0-0"); err != nil || a.Cause != ByDefault {
		t.Errorf("%+v, %v", a, err)
	}
	asked = 0
	for k, a := range v.All {
		if delete(flags, k); a.Cause != ByDefault {
			t.Errorf("%s: %+v", k, a)
		}
	}
	if len(flags) > 0 {
		t.Errorf("%d flags are not answered", len(flags))
	}
}

// The rule looks at each flag once, too: it would not come to an end otherwise.
func TestAWideGraphIsDecidedAtOnce(t *testing.T) {
	_, facts := layered(16, 20)
	g := domain.Fold(Graph{}, append(facts, Defined{"top", def})...)
	if _, err := needs("top", "f1-0").Decide(g, domain.Meta{}); err != nil {
		t.Error(err)
	}
	if _, err := needs("top", "f0-0").Decide(g, domain.Meta{}); !errors.Is(err, ErrPrerequisiteDepth) {
		t.Error("a line of 17 is allowed:", err)
	}
	if _, err := needs("f15-3", "f0-0").Decide(g, domain.Meta{}); !errors.Is(err, ErrPrerequisiteCycle) {
		t.Error("a cycle is allowed:", err)
	}
}

// A cycle that others wrote concerns nobody who has nothing to do with it, and can be
// taken apart.
func TestACycleInTheLogIsDecidedOn(t *testing.T) {
	on := func(k Key) []Prerequisite { return []Prerequisite{{Flag: k, Value: j(`true`)}} }
	g := domain.Fold(Graph{}, Defined{"a", def}, Defined{"b", def}, Defined{"c", def}, Defined{"d", def}, PrerequisitesSet{"a", on("b"), nil}, PrerequisitesSet{"b", on("a"), nil})
	for _, cmd := range []SetPrerequisites{needs("c", "d"), needs("a"), needs("b", "c")} {
		if facts, err := cmd.Decide(g, domain.Meta{}); err != nil || len(facts) != 1 {
			t.Errorf("%v: %v, %v", cmd, facts, err)
		}
	}
	if _, err := needs("c", "a").Decide(g, domain.Meta{}); !errors.Is(err, ErrPrerequisiteDepth) {
		t.Error("a line without an end is allowed:", err)
	}
}

// anew is the meaning of prerequisites, each evaluated anew wherever it is named.
func anew(flags map[Key]Flag, k Key, depth int) (value string, checked []Checked) {
	value = string(flags[k].Definition.Default)
	for _, p := range flags[k].Prerequisites {
		c := Checked{Flag: p.Flag, Wants: p.Value}
		if f, ok := flags[p.Flag]; ok && depth+1 < 16 {
			came, _ := anew(flags, f.Key, depth+1)
			c.Value, c.Met = j(came), came == string(p.Value)
		}
		if checked = append(checked, c); !c.Met {
			value = string(flags[k].Definition.Off)
		}
	}
	return value, checked
}

// Graphs with cycles and with flags that are not there come to what they always did.
func TestGraphsComeToWhatTheyMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		flags, size := map[Key]Flag{}, rapid.IntRange(1, 6).Draw(t, "size")
		name := rapid.Custom(func(t *rapid.T) Key { return Key(fmt.Sprint("f", rapid.IntRange(0, size).Draw(t, "n"))) })
		value := rapid.SampledFrom([]jsonRaw{j(`true`), j(`false`)})
		for n := range size {
			f := Flag{Key: Key(fmt.Sprint("f", n)), Status: StatusActive, Definition: def}
			f.Definition.Default, f.Definition.Off = value.Draw(t, "default"), value.Draw(t, "off")
			for _, on := range rapid.SliceOfN(name, 0, 2).Draw(t, "on") {
				f.Prerequisites = append(f.Prerequisites, Prerequisite{Flag: on, Value: value.Draw(t, "wants")})
			}
			flags[f.Key] = f
		}
		in := Input{Standing: domain.Usable, At: at}
		in.Prerequisites = func(k Key, in Input) (Evaluation, error) { return Evaluate(flags[k], in) }
		for k, f := range flags {
			e, err := Evaluate(f, in)
			want, checked := anew(flags, k, 0)
			if err != nil || string(e.Value) != want || !reflect.DeepEqual(e.Prerequisites, checked) {
				t.Fatalf("%s comes to %s by %+v, %v; want %s by %+v", k, e.Value, e.Prerequisites, err, want, checked)
			}
		}
	})
}
