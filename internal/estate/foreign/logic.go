package foreign

import (
	"encoding/json"
	"slices"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
)

// An expr is a condition of another system. Rules here know conditions that must all
// hold and may each be turned round, so whatever is said otherwise becomes several
// rules that give the same.
type expr struct {
	form form
	cond flag.Condition
	of   []expr
	why  string // it is lost
	size int    // of all that it is made of

	opposite *expr // what holds where it does not, if that is not all the rest
}

type form uint8

const (
	isLost form = iota
	isAtom
	isAll
	isAny
)

func lost(why string) expr    { return expr{why: why} }
func all(of ...expr) expr     { return expr{form: isAll, of: of, size: sizeOf(of)} }
func anyOf(of ...expr) expr   { return expr{form: isAny, of: of, size: sizeOf(of)} }
func exists(name string) expr { return atom(name, flag.Exists) }

func sizeOf(of []expr) int {
	size := 1
	for _, e := range of {
		size += e.size
	}
	return size
}

var (
	always = all()
	never  = anyOf()
)

// maxValues is how many values a condition may have.
const maxValues = 1000

// atom is a condition on an attribute. One that Reeve would refuse is lost, and one
// with many values is several.
func atom(name string, op flag.Operator, values ...json.RawMessage) expr {
	if slices.Contains([]string{"tenant", "integrator", "user"}, name) || len(name) > 128 || name == "" {
		return lost("an attribute cannot be called " + quote(name))
	}
	if len(values) == 0 && op != flag.Exists {
		return never
	}
	if len(values) > maxValues {
		return anyOf(atom(name, op, values[:maxValues]...), atom(name, op, values[maxValues:]...))
	}
	c := flag.Condition{Attribute: name, Op: op, Values: values}
	if err := acceptable(c); err != nil {
		return lost("the values of " + string(op) + " on " + quote(name) + " cannot be compared: " + err.Error())
	}
	return expr{form: isAtom, cond: c, size: 1}
}

// acceptable asks the rules whether a condition can be compiled.
func acceptable(c flag.Condition) error {
	_, err := flag.DefineSegment{Key: "s", Membership: flag.Membership{Any: [][]flag.Condition{{c}}}}.Decide(flag.Segment{}, domain.Meta{})
	if e, ok := domain.AsError(err); ok && len(e.Fields) > 0 {
		return e.With(e.Fields[0].Pointer[len("/any/0/0"):] + " " + e.Fields[0].Detail)
	}
	return err
}

// between is a comparison of numbers that holds for none but numbers, and neither
// does its opposite.
func between(name string, op flag.Operator, value json.RawMessage) expr {
	e, o := atom(name, op, value), atom(name, opposites[op], value)
	e.opposite, o.opposite = &o, &e
	return e
}

var opposites = map[flag.Operator]flag.Operator{flag.LT: flag.GTE, flag.GTE: flag.LT, flag.GT: flag.LTE, flag.LTE: flag.GT}

func member(k flag.SegmentKey) expr {
	return expr{form: isAtom, cond: flag.Condition{Segment: k}}
}

// not turns a condition round, down to what can be turned round here.
func not(e expr) expr {
	switch e.form {
	case isAtom:
		if e.opposite != nil {
			return *e.opposite
		}
		e.cond.Not = !e.cond.Not
		return e
	case isAll, isAny:
		of := make([]expr, len(e.of))
		for i := range e.of {
			of[i] = not(e.of[i])
		}
		return expr{form: isAll + isAny - e.form, of: of, size: e.size}
	}
	return e
}

// maxGroups is how many rules one rule may become.
const maxGroups = 40

// groups are the lists of conditions one of which must hold wholly: none of them if
// it never holds, an empty one if it always does. Why says what is lost; empty if
// nothing is.
func (e expr) groups() (groups [][]flag.Condition, why string) {
	switch e.form {
	case isAtom:
		return [][]flag.Condition{{e.cond}}, ""
	case isAll:
		return e.product()
	case isAny:
		for _, part := range merged(e.of) {
			more, why := part.groups()
			if groups = append(groups, more...); why != "" || len(groups) > maxGroups {
				return nil, orTooMany(why)
			}
		}
		if slices.ContainsFunc(groups, func(g []flag.Condition) bool { return len(g) == 0 }) {
			return [][]flag.Condition{nil}, ""
		}
		return groups, ""
	}
	return nil, e.why
}

func (e expr) product() ([][]flag.Condition, string) {
	groups := [][]flag.Condition{nil}
	for _, part := range e.of {
		more, why := part.groups()
		if why != "" || len(groups)*len(more) > maxGroups {
			return nil, orTooMany(why)
		}
		var next [][]flag.Condition
		for _, g := range groups {
			for _, m := range more {
				if next = append(next, slices.Concat(g, m)); len(g)+len(m) > 50 {
					return nil, orTooMany("")
				}
			}
		}
		groups = next
	}
	return groups, ""
}

func orTooMany(why string) string {
	if why != "" {
		return why
	}
	return "it would take too many rules or conditions"
}

// merged makes one condition of neighbours that compare the same attribute in the
// same way, for one of several values is enough.
func merged(of []expr) (out []expr) {
	for _, e := range of {
		if n := len(out) - 1; n >= 0 && e.form == isAtom && out[n].form == isAtom {
			last := out[n].cond
			if last.Attribute == e.cond.Attribute && last.Op == e.cond.Op && last.Op != flag.Exists && last.Segment == "" && e.cond.Segment == "" && !last.Not && !e.cond.Not && len(last.Values)+len(e.cond.Values) <= maxValues {
				out[n].cond.Values = slices.Concat(last.Values, e.cond.Values)
				continue
			}
		}
		out = append(out, e)
	}
	return out
}

// words are texts as JSON.
func words(texts ...string) (values []json.RawMessage) {
	for _, t := range texts {
		values = append(values, quoted(t))
	}
	return values
}

func quoted(s string) json.RawMessage {
	text, _ := json.Marshal(s) // which never fails
	return text
}

func quote(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return string(quoted(s))
}
