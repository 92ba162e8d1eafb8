package foreign

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/reeve-platform/reeve/domain/flag"
)

// What LaunchDarkly keeps: flags as its REST API lists them, with an environment each
// for what they do, or as its SDKs are given them, with what they do in themselves.
type (
	ldFlag struct {
		Key          string            `json:"key"`
		Name         string            `json:"name"`
		Description  string            `json:"description"`
		Tags         []string          `json:"tags"`
		Archived     bool              `json:"archived"`
		Deleted      bool              `json:"deleted"`
		Variations   []json.RawMessage `json:"variations"`
		Environments map[string]ldDoes `json:"environments"`
		ldDoes
	}
	ldDoes struct {
		On             bool       `json:"on"`
		Archived       bool       `json:"archived"`
		OffVariation   *int       `json:"offVariation"`
		Fallthrough    ldServe    `json:"fallthrough"`
		Targets        []ldTarget `json:"targets"`
		ContextTargets []ldTarget `json:"contextTargets"`
		Rules          []ldRule   `json:"rules"`
		Prerequisites  []struct {
			Key       string `json:"key"`
			Variation int    `json:"variation"`
		} `json:"prerequisites"`
	}
	ldServe struct {
		Variation *int `json:"variation"`
		Rollout   *struct {
			Kind        string `json:"kind"`
			ContextKind string `json:"contextKind"`
			BucketBy    string `json:"bucketBy"`
			Variations  []struct {
				Variation int     `json:"variation"`
				Weight    float64 `json:"weight"`
			} `json:"variations"`
		} `json:"rollout"`
	}
	ldTarget struct {
		ContextKind string   `json:"contextKind"`
		Values      []string `json:"values"`
		Variation   int      `json:"variation"`
	}
	ldRule struct {
		ID          string     `json:"id"`
		Description string     `json:"description"`
		Clauses     []ldClause `json:"clauses"`
		ldServe
	}
	ldClause struct {
		ContextKind string            `json:"contextKind"`
		Attribute   string            `json:"attribute"`
		Op          string            `json:"op"`
		Values      []json.RawMessage `json:"values"`
		Negate      bool              `json:"negate"`
	}
	ldSegment struct {
		Key              string     `json:"key"`
		Name             string     `json:"name"`
		Description      string     `json:"description"`
		Included         []string   `json:"included"`
		Excluded         []string   `json:"excluded"`
		IncludedContexts []ldTarget `json:"includedContexts"`
		ExcludedContexts []ldTarget `json:"excludedContexts"`
		Unbounded        bool       `json:"unbounded"`
		Deleted          bool       `json:"deleted"`
		Rules            []struct {
			Clauses []ldClause `json:"clauses"`
			Weight  *float64   `json:"weight"`
		} `json:"rules"`
	}
)

func readLaunchDarkly(im *importer, data []byte) error {
	var file struct {
		Items      []ldFlag                   `json:"items"`
		Flags      map[string]ldFlag          `json:"flags"`
		FlagValues map[string]json.RawMessage `json:"flagValues"`
		Segments   map[string]ldSegment       `json:"segments"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return wrong(err)
	}
	if file.Items == nil && file.Flags == nil && file.FlagValues == nil && file.Segments == nil {
		return ErrFile.At("", "has neither items, as the REST API lists flags, nor flags, flagValues or segments, as SDKs read them")
	}
	for _, key := range slices.Sorted(maps.Keys(file.Segments)) {
		s := file.Segments[key]
		s.Key = key
		im.ldSegment(s)
	}
	for key, f := range file.Flags {
		f.Key = key
		file.Items = append(file.Items, f)
	}
	for key, v := range file.FlagValues { // the same to everybody
		file.Items = append(file.Items, ldFlag{Key: key, Variations: []json.RawMessage{v}, ldDoes: ldDoes{On: true, OffVariation: new(0), Fallthrough: ldServe{Variation: new(0)}}})
	}
	slices.SortStableFunc(file.Items, func(a, b ldFlag) int { return strings.Compare(a.Key, b.Key) })
	return im.ldFlags(file.Items)
}

func (im *importer) ldFlags(all []ldFlag) error {
	var there []string
	for _, f := range all {
		there = slices.AppendSeq(there, maps.Keys(f.Environments))
	}
	environment, err := im.choose(there)
	if err != nil {
		return err
	}
	known := map[string]*ldSketch{}
	for _, f := range all {
		if f.Environments != nil {
			f.ldDoes = f.Environments[environment]
		}
		switch {
		case f.Deleted:
			continue
		case f.Archived || f.ldDoes.Archived:
			im.lose("Flag/"+f.Key, "archived", "it is archived", "it is left out")
			continue
		}
		if s := im.ldSketch(f); s.fits() {
			known[f.Key] = s
		}
	}
	for _, key := range slices.Sorted(maps.Keys(known)) {
		known[key].require(known)
	}
	for again := true; again; { // whatever depends on what was lost is lost
		again = false
		for _, key := range slices.Sorted(maps.Keys(known)) {
			again = known[key].orphaned(known) || again
		}
	}
	for _, key := range slices.Sorted(maps.Keys(known)) {
		known[key].done()
	}
	return nil
}

// An ldSketch is a flag on its way, with the names of its variations here.
type ldSketch struct {
	*sketch
	from  ldFlag
	names []string
}

func (im *importer) ldSketch(f ldFlag) *ldSketch {
	s := &ldSketch{sketch: im.sketch(f.Key), from: f}
	var values []json.RawMessage
	for i, raw := range f.Variations {
		v, name := raw, ""
		if f.Environments != nil { // the REST API wraps them
			v, name = variationOf(raw)
		}
		values = append(values, v)
		if name == "" {
			name = strings.Trim(string(v), `"`)
		}
		if !odd.MatchString(name) && len(name) <= 40 {
			s.names = append(s.names, s.variant(name, v))
			continue
		}
		s.names = append(s.names, s.variant(fmt.Sprintf("v%d", i), v))
	}
	s.about.Type, s.about.Tags, s.active = typeOf(values), f.Tags, f.On
	if s.about.Description = f.Description; f.Description == "" {
		s.about.Description = f.Name
	}
	s.about.Default = json.RawMessage("null")
	if len(values) > 0 {
		s.about.Default = values[0]
	}
	if off, ok := s.value(f.OffVariation); ok {
		s.about.Off, s.about.Default = off, off
	} else {
		s.about.Off = map[flag.Type]json.RawMessage{flag.Boolean: json.RawMessage("false"), flag.String: json.RawMessage(`""`), flag.Number: json.RawMessage("0"), flag.JSON: json.RawMessage("null")}[s.about.Type]
		s.note("offVariation", "without one, applications fall back to a value of their own where it is off", "it comes to "+string(s.about.Off)+" then")
	}
	s.read()
	return s
}

// variationOf is the value of a variation, and its name if it has one.
func variationOf(raw json.RawMessage) (v json.RawMessage, name string) {
	var long struct {
		Value json.RawMessage `json:"value"`
		Name  string          `json:"name"`
	}
	if json.Unmarshal(raw, &long) != nil || long.Value == nil {
		return raw, ""
	}
	return long.Value, long.Name
}

func (s *ldSketch) value(i *int) (json.RawMessage, bool) {
	if i == nil || *i < 0 || *i >= len(s.names) {
		return nil, false
	}
	return s.about.Variants[s.names[*i]], true
}

// read makes targets, rules and the fallthrough what the platform says.
func (s *ldSketch) read() {
	for i, t := range slices.Concat(s.from.Targets, s.from.ContextTargets) {
		at := fmt.Sprintf("targets.%d", i)
		switch {
		case len(t.Values) == 0:
			continue
		case t.ContextKind != "" && t.ContextKind != "user":
			s.lose(at, "targets a context of kind "+t.ContextKind)
			continue
		}
		var keys []any
		for _, k := range t.Values {
			keys = append(keys, k)
		}
		s.give(at, ldServe{Variation: &t.Variation}, []flag.Condition{is("key", flag.In, keys...)}, "")
	}
	for i, r := range s.from.Rules {
		at := fmt.Sprintf("rules.%d", i)
		when, what := s.im.clauses(r.Clauses)
		if what != "" {
			s.lose(at, what)
			continue
		}
		s.give(at, r.ldServe, when, r.Description)
	}
	s.give("fallthrough", s.from.Fallthrough, nil, "")
}

// give serves a variation or a rollout to whom conditions hold for; to everybody else if
// there are none.
func (s *ldSketch) give(at string, what ldServe, when []flag.Condition, name string) {
	var serve flag.Serving
	var split *flag.Split
	switch r := what.Rollout; {
	case r != nil && r.Kind == "experiment":
		s.lose(at, "is an experiment")
		return
	case r != nil:
		if split = s.rollout(at, what); split == nil {
			return
		}
	default:
		if _, ok := s.value(what.Variation); !ok {
			s.lose(at, "serves no variation")
			return
		}
		serve.Variant = s.names[*what.Variation]
	}
	if when == nil {
		s.setting.Variant, s.setting.Split = serve.Variant, split
		return
	}
	if slices.ContainsFunc(s.setting.Rules, func(r flag.Rule) bool { return r.Name == name }) || strings.HasPrefix(name, "#") || len(name) > 128 {
		name = ""
	}
	s.setting.Rules = append(s.setting.Rules, flag.Rule{Name: name, When: when, Serving: serve, Split: split})
}

func (s *ldSketch) rollout(at string, what ldServe) *flag.Split {
	r := what.Rollout
	by := r.BucketBy
	switch {
	case r.ContextKind != "" && r.ContextKind != "user":
		s.lose(at, "buckets contexts of kind "+r.ContextKind)
		return nil
	case by == "":
		by = "key"
	case own[by] && by != "key" || strings.HasPrefix(by, "/"):
		s.lose(at, "buckets by "+by+", which is no attribute here")
		return nil
	}
	split, sum := &flag.Split{By: by}, 0.0
	for _, v := range r.Variations {
		if _, ok := s.value(&v.Variation); !ok || v.Weight < 0 || v.Weight > flag.Whole {
			s.lose(at, "has a share of no variation, or without a weight")
			return nil
		}
		sum += v.Weight
		split.Shares = append(split.Shares, flag.Share{Serving: flag.Serving{Variant: s.names[v.Variation]}, Weight: uint32(v.Weight)})
	}
	if len(split.Shares) == 0 || sum > flag.Whole {
		s.lose(at, "has shares that are not those of a whole")
		return nil
	}
	split.Shares[len(split.Shares)-1].Weight += uint32(flag.Whole - sum) // whoever is left over there gets the last one
	s.note(at, "subjects are dealt out in another way here", "the shares are as large, and others are in them")
	return split
}

// require makes prerequisites those of here. There a flag that is off is never what
// another needs, whatever it comes to.
func (s *ldSketch) require(known map[string]*ldSketch) {
	for i, p := range s.from.Prerequisites {
		at, other := fmt.Sprintf("prerequisites.%d", i), known[p.Key]
		switch {
		case other == nil:
			s.lose(at, "needs the flag "+p.Key+", which is not carried over")
		case p.Variation < 0 || p.Variation >= len(other.names):
			s.lose(at, "needs a variation that "+p.Key+" has not")
		case other.from.OffVariation != nil && *other.from.OffVariation == p.Variation:
			s.lose(at, "needs what "+p.Key+" also comes to while it is off")
		default:
			s.needs = append(s.needs, flag.Prerequisite{Flag: flag.Key(p.Key), Variant: other.names[p.Variation]})
		}
	}
}

// orphaned reports whether the flag has just been lost with one that it needs.
func (s *ldSketch) orphaned(known map[string]*ldSketch) bool {
	if s.lost {
		return false
	}
	for _, p := range s.needs {
		if known[string(p.Flag)].lost {
			s.lose("prerequisites", "needs the flag "+string(p.Flag)+", which could not be carried over whole")
			return true
		}
	}
	return false
}

// ldOps are the operators that are the same here.
var ldOps = map[string]flag.Operator{
	"in": flag.In, "startsWith": flag.StartsWith, "endsWith": flag.EndsWith, "contains": flag.Contains, "matches": flag.Matches,
	"lessThan": flag.LT, "lessThanOrEqual": flag.LTE, "greaterThan": flag.GT, "greaterThanOrEqual": flag.GTE,
	"before": flag.Before, "after": flag.After, "semVerEqual": flag.SemverEq, "semVerLessThan": flag.SemverLT, "semVerGreaterThan": flag.SemverGT,
}

// clauses are conditions that must all hold. What says why that cannot be said here.
func (im *importer) clauses(all []ldClause) (when []flag.Condition, what string) {
	when = []flag.Condition{}
	for _, c := range all {
		op, known := ldOps[c.Op]
		switch {
		case c.Op == "segmentMatch":
			one, what := im.matches(c)
			if what != "" {
				return nil, what
			}
			when = append(when, one...)
			continue
		case c.ContextKind != "" && c.ContextKind != "user":
			return nil, "looks at a context of kind " + c.ContextKind
		case !known:
			return nil, "compares by " + c.Op
		case own[c.Attribute] && c.Attribute != "key" || strings.HasPrefix(c.Attribute, "/") || c.Attribute == "kind" || c.Attribute == "":
			return nil, fmt.Sprintf("looks at %q, which is no attribute here", c.Attribute)
		}
		one := flag.Condition{Attribute: c.Attribute, Op: op, Values: c.Values, Not: c.Negate}
		if op == flag.Before || op == flag.After {
			one.Values = instants(c.Values)
		}
		when = append(when, one)
		if c.Negate { // a clause about an attribute that is not there never holds there
			when = append(when, is(c.Attribute, flag.Exists))
		}
	}
	if len(when) == 0 {
		return nil, "has no clauses"
	}
	return when, ""
}

// matches are the segments of a clause. One that names several is for whoever belongs to
// any of them, which one condition cannot say; that it is for nobody of them, several can.
func (im *importer) matches(c ldClause) (when []flag.Condition, what string) {
	for _, raw := range c.Values {
		var key string
		if json.Unmarshal(raw, &key) != nil || !im.segments[key] {
			return nil, fmt.Sprintf("names the segment %s, which is not carried over", raw)
		}
		when = append(when, flag.Condition{Segment: flag.SegmentKey(key), Not: c.Negate})
	}
	if len(when) == 0 || len(when) > 1 && !c.Negate {
		return nil, "names several segments in one clause, or none"
	}
	return when, ""
}

// instants are instants in words: there they may be milliseconds.
func instants(values []json.RawMessage) (out []json.RawMessage) {
	for _, v := range values {
		var ms float64
		if json.Unmarshal(v, &ms) == nil {
			v = said(time.UnixMilli(int64(ms)).UTC().Format(time.RFC3339Nano))
		}
		out = append(out, v)
	}
	return out
}

func (im *importer) ldSegment(s ldSegment) {
	name := "Segment/" + s.Key
	lose := func(at, what string) { im.lose(name, at, what, "the segment is left out") }
	foreign := func(t ldTarget) bool { return len(t.Values) > 0 && t.ContextKind != "" && t.ContextKind != "user" }
	if s.Deleted {
		return
	}
	if s.Unbounded {
		lose("unbounded", "its members are not in the file")
		return
	}
	if slices.ContainsFunc(s.IncludedContexts, foreign) || slices.ContainsFunc(s.ExcludedContexts, foreign) {
		lose("includedContexts", "names contexts of other kinds")
		return
	}
	m := flag.Membership{Included: s.Included, Excluded: s.Excluded}
	for _, t := range s.IncludedContexts {
		m.Included = append(m.Included, t.Values...)
	}
	for _, t := range s.ExcludedContexts {
		m.Excluded = append(m.Excluded, t.Values...)
	}
	for i, r := range s.Rules {
		at := fmt.Sprintf("rules.%d", i)
		when, what := im.clauses(r.Clauses)
		switch {
		case r.Weight != nil && *r.Weight < flag.Whole:
			lose(at, "is for a share of those whom it is for")
			return
		case what != "":
			lose(at, what)
			return
		}
		m.Any = append(m.Any, when)
	}
	im.segment(s.Key, s.Description, m)
}
