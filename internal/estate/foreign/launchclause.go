package foreign

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/reeve-platform/reeve/domain/flag"
)

// A launchSegment is who belongs to a segment: whoever is included, and of those who
// are not excluded whomever a rule is for.
type launchSegment struct {
	Name             string         `json:"name"`
	Description      string         `json:"description"`
	Included         []string       `json:"included"`
	Excluded         []string       `json:"excluded"`
	IncludedContexts []launchTarget `json:"includedContexts"`
	ExcludedContexts []launchTarget `json:"excludedContexts"`
	Rules            []launchRule   `json:"rules"`
	Unbounded        bool           `json:"unbounded"`
	Deleted          bool           `json:"deleted"`
}

type launchClause struct {
	ContextKind string            `json:"contextKind"`
	Attribute   string            `json:"attribute"`
	Op          string            `json:"op"`
	Values      []json.RawMessage `json:"values"`
	Negate      bool              `json:"negate"`
}

func (l *launch) segmentOf(key string, s launchSegment) bool {
	whole := anyOf()
	for i, r := range s.Rules {
		e := (&launchSketch{launch: l, sketch: sketch{Import: l.Import, flag: Flag{Key: flag.Key("segment " + key)}}}).clauses(r.Clauses, false)
		if r.Weight != nil {
			e = lost(fmt.Sprintf("rules/%d is for a share of those whom it is for", i))
		}
		whole.of = append(whole.of, e)
	}
	switch {
	case s.Deleted:
		whole = lost("it is deleted")
	case s.Unbounded:
		whole = lost("its members are not in the file")
	}
	for _, t := range append(s.IncludedContexts, s.ExcludedContexts...) {
		if t.ContextKind != "" && t.ContextKind != "user" {
			whole = lost("there are no contexts of the kind " + quote(t.ContextKind))
		}
	}
	m := flag.Membership{Included: s.Included, Excluded: s.Excluded}
	for _, t := range s.IncludedContexts {
		m.Included = append(m.Included, t.Values...)
	}
	for _, t := range s.ExcludedContexts {
		m.Excluded = append(m.Excluded, t.Values...)
	}
	return l.segment(Segment{flag.SegmentKey(key), orElse(s.Description, s.Name), m}, whole)
}

// clauses must all hold.
func (s *launchSketch) clauses(clauses []launchClause, segments bool) expr {
	e := all()
	for _, c := range clauses {
		switch {
		case c.Op != "segmentMatch":
			e.of = append(e.of, s.clause(c))
		case segments:
			e.of = append(e.of, s.membership(c))
		default:
			e.of = append(e.of, lost("segments of segments are not known"))
		}
	}
	return e
}

func (s *launchSketch) membership(c launchClause) expr {
	e := anyOf()
	for _, raw := range c.Values {
		var key string
		if json.Unmarshal(raw, &key) != nil || !s.launch.segments[key] {
			return lost("it names the segment " + quote(orElse(key, string(raw))) + ", which is not carried over")
		}
		e.of = append(e.of, member(flag.SegmentKey(key)))
	}
	if c.Negate {
		return not(e)
	}
	return e
}

// clause compares an attribute. One that is missing makes it false, whether it is
// negated or not.
func (s *launchSketch) clause(c launchClause) expr {
	name, why := attributeOf(c.Attribute, c.ContextKind != "")
	if c.ContextKind != "" && c.ContextKind != "user" {
		why = "there are no contexts of the kind " + quote(c.ContextKind)
	}
	if why != "" {
		return lost(why)
	}
	e := s.compare(name, c)
	if c.Negate {
		return all(exists(name), not(e))
	}
	return e
}

// attributeOf reads the name of an attribute; a reference may be one that leads
// into it, and begins with a slash then.
func attributeOf(name string, reference bool) (string, string) {
	if reference && strings.HasPrefix(name, "/") {
		if name = name[1:]; strings.Contains(name, "/") {
			return "", "there is nothing like a part of the attribute " + quote(name)
		}
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
	}
	switch e := exists(name); {
	case e.form == isLost:
		return "", e.why
	case name == "kind" || name == "anonymous":
		return "", "contexts have no attribute " + quote(name) + " by themselves"
	}
	return name, ""
}

var launchOperators = map[string]flag.Operator{
	"in": flag.In, "startsWith": flag.StartsWith, "endsWith": flag.EndsWith, "contains": flag.Contains, "matches": flag.Matches,
	"lessThan": flag.LT, "lessThanOrEqual": flag.LTE, "greaterThan": flag.GT, "greaterThanOrEqual": flag.GTE,
	"before": flag.Before, "after": flag.After,
	"semVerEqual": flag.SemverEq, "semVerLessThan": flag.SemverLT, "semVerGreaterThan": flag.SemverGT,
}

func (s *launchSketch) compare(name string, c launchClause) expr {
	op, known := launchOperators[c.Op]
	switch {
	case !known:
		return lost("there is nothing like " + quote(c.Op))
	case op == flag.Before:
		return instants(name, op, flag.LT, c.Values)
	case op == flag.After:
		return instants(name, op, flag.GT, c.Values)
	case op == flag.SemverEq || op == flag.SemverLT || op == flag.SemverGT:
		s.suppose("rules", "the attribute "+quote(name)+" is a version of three parts", "no other holds")
		return atom(name, op, wholes(c.Values)...)
	}
	return atom(name, op, c.Values...)
}

// wholes are versions of three parts, where they are texts.
func wholes(values []json.RawMessage) (out []json.RawMessage) {
	for _, raw := range values {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			raw = quoted(whole(text))
		}
		out = append(out, raw)
	}
	return out
}

// instants compares with milliseconds since 1970, as numbers, and with texts. Both
// the attribute and the values may be either.
func instants(name string, op, number flag.Operator, values []json.RawMessage) expr {
	var texts, numbers []json.RawMessage
	for _, raw := range values {
		t, ok := momentOf(raw)
		if !ok {
			return lost("an instant is a number of milliseconds or a text of RFC 3339")
		}
		texts = append(texts, quoted(t.UTC().Format(time.RFC3339Nano)))
		numbers = append(numbers, json.RawMessage(fmt.Sprint(t.UnixMilli())))
	}
	return anyOf(atom(name, op, texts...), atom(name, number, numbers...))
}

func momentOf(raw json.RawMessage) (t time.Time, ok bool) {
	var ms int64
	if string(raw) == "null" {
		return t, false
	}
	if json.Unmarshal(raw, &ms) == nil && ms > -1<<45 && ms < 1<<47 {
		return time.UnixMilli(ms), true
	}
	return t, json.Unmarshal(raw, &t) == nil
}
