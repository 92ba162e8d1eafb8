package flag_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

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
