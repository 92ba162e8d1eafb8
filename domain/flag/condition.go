package flag

import (
	"encoding/json"
	"fmt"

	"github.com/reeve-platform/reeve/domain"
)

// An Operator says how a condition compares an attribute with its values.
type Operator string

// The operators. Where a condition has several values, one of them is enough.
const (
	In         Operator = "in" // equal: text, number or boolean
	StartsWith Operator = "startsWith"
	EndsWith   Operator = "endsWith"
	Contains   Operator = "contains"
	Matches    Operator = "matches" // a regular expression of RE2, anywhere in the text
	LT         Operator = "lt"      // numbers
	LTE        Operator = "lte"
	GT         Operator = "gt"
	GTE        Operator = "gte"
	Before     Operator = "before" // instants, RFC 3339
	After      Operator = "after"
	SemverEq   Operator = "semverEq" // versions, semver.org 2.0.0; what follows a plus does not count
	SemverLT   Operator = "semverLt"
	SemverGT   Operator = "semverGt"
	CIDR       Operator = "cidr"   // an address within a network
	Exists     Operator = "exists" // the attribute is there; takes no values
)

// A Condition is a statement about a context: an attribute compared with values.
// It does not hold for a context without the attribute, or with one of another
// type; Not turns that round, too. Of an attribute that is a list, one member is
// enough.
type Condition struct {
	Attribute string            `json:"attribute,omitempty" maxLength:"128" doc:"What is looked at: key, tenant, integrator, user, or an attribute of the context."`
	Op        Operator          `json:"op,omitempty" enum:"in,startsWith,endsWith,contains,matches,lt,lte,gt,gte,before,after,semverEq,semverLt,semverGt,cidr,exists" doc:"How it is compared."`
	Values    []json.RawMessage `json:"values,omitempty" maxItems:"1000" pii:"person" doc:"What with; one of them is enough."`
	Segment   SegmentKey        `json:"segment,omitempty" maxLength:"128" doc:"In place of all that: a segment that one belongs to."`
	Not       bool              `json:"not,omitempty" doc:"Whether it holds where it otherwise would not."`
}

// ErrCondition: a condition cannot be held against anything.
var ErrCondition = &domain.Error{Kind: domain.Invalid, Code: "invalid-condition", Detail: "a condition names an attribute, an operator and values that the operator takes, or a segment"}

// A test is a condition that was compiled once. It is immutable, and testing does
// not allocate.
type test struct {
	segment   SegmentKey // in place of the attribute
	attribute string
	match     func(any) bool // nil: whatever is there will do
	not       bool
}

// compile reads a condition. What is wrong is pointed at below a place.
func (c Condition) compile(place string) (test, error) {
	t := test{segment: c.Segment, attribute: c.Attribute, not: c.Not}
	if c.Segment != "" {
		if c.Attribute != "" || c.Op != "" || len(c.Values) > 0 {
			return t, ErrCondition.At(place+"/segment", "cannot be combined with an attribute")
		}
		return t, nil
	}
	if c.Attribute == "" {
		return t, ErrCondition.At(place+"/attribute", "is required")
	}
	if c.Op == Exists {
		if len(c.Values) > 0 {
			return t, ErrCondition.At(place+"/values", "must be left out, for the operator is exists")
		}
		return t, nil
	}
	compile, known := compilers[c.Op]
	if !known {
		return t, ErrCondition.At(place+"/op", "is not an operator")
	}
	if len(c.Values) == 0 {
		return t, ErrCondition.At(place+"/values", "needs at least one value")
	}
	match, bad, wants := compile(c.Values)
	if wants != "" {
		return t, ErrCondition.At(fmt.Sprintf("%s/values/%d", place, bad), "must be "+wants)
	}
	t.match = match
	return t, nil
}

// holds tests a context.
func (t *test) holds(in *Input) bool {
	if t.segment != "" {
		return in.audience(t.segment).Has(in.Context) != t.not
	}
	v, there := in.Context.attribute(t.attribute)
	return (there && t.matches(v)) != t.not
}

func (t *test) matches(v any) bool {
	if t.match == nil {
		return true
	}
	list, ok := v.([]any)
	if !ok {
		return t.match(v)
	}
	for _, member := range list {
		if t.match(member) {
			return true
		}
	}
	return false
}

// compileAll compiles conditions that must hold together.
func compileAll(when []Condition, place string) ([]test, error) {
	tests := make([]test, len(when))
	for i, c := range when {
		var err error
		if tests[i], err = c.compile(fmt.Sprintf("%s/%d", place, i)); err != nil {
			return nil, err
		}
	}
	return tests, nil
}

// hold reports whether all tests do.
func hold(tests []test, in *Input) bool {
	for i := range tests {
		if !tests[i].holds(in) {
			return false
		}
	}
	return true
}
