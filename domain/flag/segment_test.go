package flag_test

import (
	"testing"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/testkit"
)

var (
	gold     = Membership{Included: []string{"ann"}, Any: [][]Condition{{{Attribute: "plan", Op: In, Values: values(`"gold"`)}}}}
	segment  = SegmentDefined{Segment: "gold", Description: "who pays", Membership: gold}
	nested   = [][]Condition{{{Segment: "other"}}}
	broken   = [][]Condition{{{Attribute: "plan", Op: "like"}}}
	noSuchS  = testkit.Fails(ErrSegmentNotFound)
	retiredS = []domain.Event{segment, SegmentRetired{"gold"}}
)

func TestLifeOfASegment(t *testing.T) {
	other := Membership{Included: []string{"bob"}, Any: gold.Any}
	for name, c := range map[string]struct {
		past []domain.Event
		cmd  domain.Command[Segment]
		want testkit.Expectation
	}{
		"defined":                     {nil, DefineSegment{"gold", "who pays", gold}, records(segment)},
		"defined twice":               {[]domain.Event{segment}, DefineSegment{"gold", "who pays", gold}, refused},
		"a retired key is not reused": {retiredS, DefineSegment{"gold", "who pays", gold}, refused},
		"a key that is none":          {nil, DefineSegment{Key: "a b"}, testkit.Fails(ErrSegmentKey)},
		"a segment of segments":       {nil, DefineSegment{"gold", "", Membership{Any: nested}}, testkit.Fails(ErrCondition)},
		"conditions that are none":    {nil, DefineSegment{"gold", "", Membership{Any: broken}}, testkit.Fails(ErrCondition)},
		"a group of nothing":          {nil, DefineSegment{"gold", "", Membership{Any: [][]Condition{{}}}}, testkit.Fails(ErrCondition)},
		"updated":                     {[]domain.Event{segment}, UpdateSegment{Segment: "gold", Included: []string{"bob"}}, records(SegmentUpdated{"gold", gold, other})},
		"updated to what it is":       {[]domain.Event{segment}, UpdateSegment{Segment: "gold", Included: []string{"ann"}}, nothing},
		"updated to what is refused":  {[]domain.Event{segment}, UpdateSegment{Segment: "gold", Any: nested}, testkit.Fails(ErrCondition)},
		"updated, not being there":    {nil, UpdateSegment{Segment: "gold"}, noSuchS},
		"updated, being retired":      {retiredS, UpdateSegment{Segment: "gold"}, noSuchS},
		"retired":                     {[]domain.Event{segment}, RetireSegment{"gold"}, records(SegmentRetired{"gold"})},
		"retired twice":               {retiredS, RetireSegment{"gold"}, nothing},
		"retired, not being there":    {nil, RetireSegment{"gold"}, noSuchS},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(testkit.Given(c.past...), c.cmd).Meets(t, c.want) })
	}
}

func TestToARetiredSegmentNobodyBelongs(t *testing.T) {
	ann := &Context{Key: "ann"}
	if !domain.Fold(Segment{}, segment).Audience().Has(ann) {
		t.Error("she does not belong to it")
	}
	if domain.Fold(Segment{}, retiredS...).Audience().Has(ann) {
		t.Error("she belongs to it still")
	}
}

// A rule names segments that are in use when it is written.
func TestRulesNameSegmentsInUse(t *testing.T) {
	cmd := Override{Node: acme, Flag: key, Rules: []Rule{{When: []Condition{{Segment: "gold"}}, Serving: Serving{Value: j(`true`)}}}}
	for name, c := range map[string]struct {
		past []domain.Event
		want testkit.Expectation
	}{
		"in use":  {past(segment), records(tenantSays(Setting{Rules: cmd.Rules}, nil))},
		"unknown": {past(), testkit.Fails(ErrUnknownSegment)},
		"retired": {past(retiredS...), testkit.Fails(ErrUnknownSegment)},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.When(testkit.Given(c.past...), domain.Command[Ladder](cmd)).Meets(t, c.want)
		})
	}
	if reads := cmd.Reads(Ladder{}); reads[len(reads)-1] != "segment-gold" {
		t.Errorf("it reads %v", reads)
	}
	mixed := Override{Node: acme, Flag: key, Rules: []Rule{{When: []Condition{{Segment: "gold", Op: Exists}}, Serving: Serving{Value: j(`true`)}}}}
	testkit.When(testkit.Given(past(segment)...), domain.Command[Ladder](mixed)).ThenFails(t, ErrCondition)
}
