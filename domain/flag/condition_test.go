package flag_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	. "github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/testkit"
)

// meant reports whether a rule with the conditions is for somebody.
func meant(t *testing.T, c *Context, when ...Condition) bool {
	t.Helper()
	l := Setting{Rules: []Rule{{When: when, Serving: Serving{Value: j(`true`)}}}}.Layer(domain.PlatformLevel, domain.PlatformID)
	e, err := Evaluate(Flag{Status: StatusActive, Definition: def}, Input{Standing: domain.Usable, Context: c}, l)
	if err != nil {
		t.Fatal(err)
	}
	return string(e.Value) == "true"
}

func values(list ...string) (raws []json.RawMessage) {
	for _, v := range list {
		raws = append(raws, j(v))
	}
	return raws
}

func TestOperators(t *testing.T) {
	for _, c := range []struct {
		op    Operator
		attr  any
		with  []json.RawMessage
		holds bool
	}{
		{In, "a", values(`"b"`, `"a"`), true},
		{In, "a", values(`"A"`), false},
		{In, 1.0, values(`1`), true},
		{In, 1.0, values(`"1"`), false},
		{In, true, values(`true`), true},
		{In, false, values(`true`), false},
		{In, []any{"x", "a"}, values(`"a"`), true},
		{In, []any{}, values(`"a"`), false},
		{In, map[string]any{}, values(`"a"`), false},
		{StartsWith, "abc", values(`"x"`, `"ab"`), true},
		{StartsWith, "abc", values(`"bc"`), false},
		{StartsWith, 1.0, values(`"1"`), false},
		{EndsWith, "abc", values(`"bc"`), true},
		{EndsWith, "abc", values(`"ab"`), false},
		{Contains, "abc", values(`"b"`), true},
		{Contains, "abc", values(`"d"`), false},
		{Matches, "ann@acme.example", values(`"@acme\\.example$"`), true},
		{Matches, "ann@acme.example.org", values(`"@acme\\.example$"`), false},
		{LT, 1.5, values(`2`), true},
		{LT, 2.0, values(`2`), false},
		{LTE, 2.0, values(`2`), true},
		{LTE, 2.5, values(`2`), false},
		{GT, 3.0, values(`2`), true},
		{GT, 2.0, values(`2`), false},
		{GTE, 2.0, values(`2`), true},
		{GTE, "2", values(`2`), false},
		{GTE, json.Number("3"), values(`2`), true},
		{GTE, 3, values(`2`), true},
		{Before, "2026-06-01T11:59:59.999Z", values(`"2026-06-01T12:00:00Z"`), true},
		{Before, "2026-06-01T12:00:00Z", values(`"2026-06-01T12:00:00Z"`), false},
		{Before, "2026-06-01T13:30:00+02:00", values(`"2026-06-01T12:00:00Z"`), true},
		{Before, "2026-02-30T00:00:00Z", values(`"2026-06-01T12:00:00Z"`), false},
		{Before, "yesterday", values(`"2026-06-01T12:00:00Z"`), false},
		{After, "2026-06-01T12:00:00.001Z", values(`"2026-06-01T12:00:00Z"`), true},
		{After, "2026-06-01T12:00:00-00:30", values(`"2026-06-01T12:00:00Z"`), true},
		{After, "2026-06-01T12:00:00Z", values(`"2026-06-01T12:00:00Z"`), false},
		{SemverEq, "1.2.3+build.7", values(`"1.2.3"`), true},
		{SemverEq, "v1.2.3", values(`"1.2.3"`), true},
		{SemverEq, "1.2", values(`"1.2.0"`), false},
		{SemverLT, "1.9.0", values(`"1.10.0"`), true},
		{SemverLT, "1.0.0-rc.1", values(`"1.0.0"`), true},
		{SemverLT, "1.0.0-alpha", values(`"1.0.0-alpha.1"`), true},
		{SemverLT, "1.0.0-alpha.1", values(`"1.0.0-alpha.beta"`), true},
		{SemverLT, "1.0.0-beta.11", values(`"1.0.0-beta.2"`), false},
		{SemverLT, "1.0.0", values(`"1.0.0-rc.1"`), false},
		{SemverGT, "2.0.0", values(`"1.99.99"`), true},
		{SemverGT, "01.0.0", values(`"0.1.0"`), false},
		{CIDR, "10.1.2.3", values(`"192.168.0.0/16"`, `"10.0.0.0/8"`), true},
		{CIDR, "11.1.2.3", values(`"10.0.0.0/8"`), false},
		{CIDR, "::ffff:10.1.2.3", values(`"10.0.0.0/8"`), true},
		{CIDR, "2001:db8::1", values(`"2001:db8::/32"`), true},
		{CIDR, "10.0.0.1", values(`"10.0.0.1"`), true},
		{CIDR, "fe80::1%eth0", values(`"fe80::/10"`), false},
		{Exists, false, nil, true},
	} {
		who := &Context{Attributes: map[string]any{"a": c.attr}}
		if got := meant(t, who, Condition{Attribute: "a", Op: c.op, Values: c.with}); got != c.holds {
			t.Errorf("%v %s %s: %v", c.attr, c.op, c.with, got)
		}
		if got := meant(t, who, Condition{Attribute: "a", Op: c.op, Values: c.with, Not: true}); got == c.holds {
			t.Errorf("not %v %s %s: %v", c.attr, c.op, c.with, got)
		}
		if meant(t, &Context{}, Condition{Attribute: "a", Op: c.op, Values: c.with}) {
			t.Errorf("%s holds for nobody in particular", c.op)
		}
	}
}

// The context's own names are its own, whatever attributes say.
func TestAttributesOfTheContextItself(t *testing.T) {
	imposter := &Context{Key: "k", Attributes: map[string]any{"tenant": string(acme), "key": "other", "user": "root", "integrator": "all"}}
	for _, name := range []string{"tenant", "user", "integrator"} {
		if meant(t, imposter, Condition{Attribute: name, Op: Exists}) {
			t.Errorf("an attribute passes for the %s", name)
		}
	}
	if !meant(t, imposter, Condition{Attribute: "key", Op: In, Values: values(`"k"`)}) {
		t.Error("the key is not the context's")
	}
	if meant(t, nil, Condition{Attribute: "key", Op: Exists}) {
		t.Error("nobody has a key")
	}
}

func TestConditionsThatCannotBeRead(t *testing.T) {
	for pointer, c := range map[string]Condition{
		"/rules/0/when/0/attribute": {Op: Exists},
		"/rules/0/when/0/op":        {Attribute: "a", Op: "like", Values: values(`"a"`)},
		"/rules/0/when/0/values":    {Attribute: "a", Op: In},
		"/rules/0/when/0/values/1":  {Attribute: "a", Op: In, Values: values(`"a"`, `null`)},
		"/rules/0/when/0/values/0":  {Attribute: "a", Op: Matches, Values: values(`"("`)},
	} {
		_, err := Override{Node: acme, Flag: key, Rules: []Rule{{When: []Condition{c}, Serving: Serving{Value: j(`true`)}}}}.Decide(domain.Fold(Ladder{}, past()...), domain.Meta{At: at})
		e, ok := domain.AsError(err)
		if !errors.Is(err, ErrCondition) || !ok || e.Fields[0].Pointer != pointer {
			t.Errorf("%+v: %v, want a pointer to %s", c, err, pointer)
		}
	}
	for op, bad := range map[Operator]string{LT: `"1"`, Before: `"now"`, SemverEq: `"1"`, CIDR: `"10.0.0.0/33"`, StartsWith: `1`, Contains: `null`} {
		cmd := Override{Node: acme, Flag: key, Rules: []Rule{{When: []Condition{{Attribute: "a", Op: op, Values: values(bad)}}, Serving: Serving{Value: j(`true`)}}}}
		testkit.When(testkit.Given(past()...), domain.Command[Ladder](cmd)).ThenFails(t, ErrCondition)
	}
}

// What a newer build wrote and this one cannot read is for nobody, also where it
// says not.
func TestARuleThatCannotBeReadIsForNobody(t *testing.T) {
	for _, not := range []bool{false, true} {
		if meant(t, &Context{Key: "k"}, Condition{Attribute: "key", Op: "soundsLike", Values: values(`"k"`), Not: not}) {
			t.Error("it is for somebody")
		}
	}
}

func TestOverrideWithRules(t *testing.T) {
	gold := []Condition{{Attribute: "plan", Op: In, Values: values(`"gold"`)}}
	text := Definition{Type: String, Default: j(`"a"`), Off: j(`""`), Variants: map[string]jsonRaw{"b": j(`"b"`)}, Mode: cascade.Replace}
	given := append([]domain.Event{Defined{key, text}}, tree...)
	named := Override{Node: acme, Flag: key, Rules: []Rule{{Name: "gold", When: gold, Serving: Serving{Variant: "b"}}}}
	stored := Setting{Rules: []Rule{{Name: "gold", When: gold, Serving: Serving{Value: j(`"b"`), Variant: "b"}}}}
	testkit.When(testkit.Given(given...), domain.Command[Ladder](named)).Then(t, tenantSays(stored, nil))
	testkit.When(testkit.Given(append(given, tenantSays(stored, nil))...), domain.Command[Ladder](named)).Then(t)
	for name, c := range map[string]struct {
		rules []Rule
		want  error
	}{
		"another type":              {[]Rule{{Serving: Serving{Value: j(`1`)}}}, ErrValueType},
		"no such variant":           {[]Rule{{Serving: Serving{Variant: "c"}}}, ErrVariant},
		"neither value nor variant": {[]Rule{{When: gold}}, ErrOneValue},
		"two of one name":           {[]Rule{{Name: "x", Serving: Serving{Variant: "b"}}, {Name: "x", Serving: Serving{Variant: "b"}}}, ErrRules},
		"a name that is a number":   {[]Rule{{Name: "#0", Serving: Serving{Variant: "b"}}}, ErrRules},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.When(testkit.Given(given...), domain.Command[Ladder](Override{Node: acme, Flag: key, Rules: c.rules})).ThenFails(t, c.want)
		})
	}
	minutes := Definition{Type: Number, Default: j(`60`), Off: j(`0`), Mode: cascade.Restrict}
	loose := Override{Node: acme, Flag: key, Value: j(`30`), Rules: []Rule{{Serving: Serving{Value: j(`90`)}}}}
	testkit.When(testkit.Given(append([]domain.Event{Defined{key, minutes}}, tree...)...), domain.Command[Ladder](loose)).ThenFails(t, ErrLoosens)
}
