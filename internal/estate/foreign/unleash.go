package foreign

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/reeve-platform/reeve/domain/flag"
)

// What Unleash keeps: features as it exports them, with what they do in lists beside
// them, or as its SDKs are given them, with what they do in themselves.
type (
	unFeature struct {
		Name         string       `json:"name"`
		Description  string       `json:"description"`
		Archived     bool         `json:"archived"`
		Enabled      *bool        `json:"enabled"`
		Strategies   []unStrategy `json:"strategies"`
		Variants     []unVariant  `json:"variants"`
		Dependencies []unNeed     `json:"dependencies"`
	}
	unStrategy struct {
		Name        string         `json:"name"`
		Feature     string         `json:"featureName"`
		Environment string         `json:"environment"`
		Disabled    bool           `json:"disabled"`
		Parameters  map[string]any `json:"parameters"`
		Constraints []unConstraint `json:"constraints"`
		Segments    []int          `json:"segments"`
		Variants    []unVariant    `json:"variants"`
	}
	unConstraint struct {
		Attribute       string   `json:"contextName"`
		Op              string   `json:"operator"`
		Values          []string `json:"values"`
		Value           string   `json:"value"`
		Inverted        bool     `json:"inverted"`
		CaseInsensitive bool     `json:"caseInsensitive"`
	}
	unVariant struct {
		Name string `json:"name"`
	}
	unNeed struct {
		Feature  string   `json:"feature"`
		Enabled  *bool    `json:"enabled"`
		Variants []string `json:"variants"`
	}
	unSegment struct {
		ID          int            `json:"id"`
		Name        string         `json:"name"`
		Description string         `json:"description"`
		Constraints []unConstraint `json:"constraints"`
	}
	unFile struct {
		Features     []unFeature  `json:"features"`
		Segments     []unSegment  `json:"segments"`
		Strategies   []unStrategy `json:"featureStrategies"`
		Environments []struct {
			Feature     string      `json:"featureName"`
			Environment string      `json:"environment"`
			Enabled     bool        `json:"enabled"`
			Variants    []unVariant `json:"variants"`
		} `json:"featureEnvironments"`
		Tags []struct {
			Feature string `json:"featureName"`
			Value   string `json:"tagValue"`
		} `json:"featureTags"`
		Dependencies []struct {
			Feature string   `json:"feature"`
			Needs   []unNeed `json:"dependencies"`
		} `json:"dependencies"`
	}
)

func readUnleash(im *importer, data []byte) error {
	var file unFile
	if err := json.Unmarshal(data, &file); err != nil {
		return wrong(err)
	}
	if file.Features == nil {
		return ErrFile.At("features", "is missing")
	}
	var there []string
	for _, e := range file.Environments {
		there = append(there, e.Environment)
	}
	environment, err := im.choose(there)
	if err != nil {
		return err
	}
	u := &unleash{importer: im, segments: map[int]unSegment{}, flags: map[string]*sketch{}}
	for _, s := range file.Segments {
		u.segments[s.ID] = s
	}
	file.gather(environment)
	for _, f := range file.Features {
		if u.feature(f, file); u.flags[f.Name] != nil && !u.flags[f.Name].fits() {
			delete(u.flags, f.Name)
		}
	}
	for _, f := range file.Features {
		u.require(f)
	}
	u.settle()
	for _, f := range file.Features {
		if s := u.flags[f.Name]; s != nil {
			s.done()
			delete(u.flags, f.Name)
		}
	}
	return nil
}

// gather puts what an export keeps in lists where SDKs are given it: into the features.
func (file *unFile) gather(environment string) {
	at := map[string]*unFeature{}
	for i := range file.Features {
		at[file.Features[i].Name] = &file.Features[i]
	}
	for _, e := range file.Environments {
		if f := at[e.Feature]; f != nil && e.Environment == environment {
			f.Enabled, f.Variants = &e.Enabled, append(f.Variants, e.Variants...)
		}
	}
	for _, s := range file.Strategies {
		if f := at[s.Feature]; f != nil && cmp.Or(s.Environment, environment) == environment {
			f.Strategies = append(f.Strategies, s)
		}
	}
	for _, d := range file.Dependencies {
		if f := at[d.Feature]; f != nil {
			f.Dependencies = append(f.Dependencies, d.Needs...)
		}
	}
}

// An unleash is a file of Unleash on its way.
type unleash struct {
	*importer
	segments map[int]unSegment
	flags    map[string]*sketch
}

var yes, no = json.RawMessage("true"), json.RawMessage("false")

func (u *unleash) feature(f unFeature, file unFile) {
	switch {
	case f.Archived:
		u.lose("Flag/"+f.Name, "archived", "it is archived", "it is left out")
		return
	case u.flags[f.Name] != nil:
		u.lose("Flag/"+f.Name, "", "it is there twice", "the first one counts")
		return
	}
	s := u.sketch(f.Name)
	u.flags[f.Name] = s
	s.about.Type, s.about.Default, s.about.Off, s.about.Description = flag.Boolean, no, no, f.Description
	for _, t := range file.Tags {
		if t.Feature == f.Name {
			s.about.Tags = append(s.about.Tags, t.Value)
		}
	}
	s.active = f.Enabled != nil && *f.Enabled
	if len(f.Variants) > 0 {
		s.note("variants", "a flag is on or off here, or has values, and not both", "only whether it is on is carried over")
	}
	if len(f.Strategies) == 0 { // such a feature is on for everybody
		s.setting.Value = yes
		return
	}
	var last []flag.Rule // shares: whom they leave over is asked nothing more
	for i, st := range f.Strategies {
		if st.Disabled {
			continue
		}
		last = append(last, u.strategy(s, st, fmt.Sprintf("strategies.%d", i))...)
	}
	if len(last) > 1 {
		s.lose("strategies", "deals out several shares, one after the other")
		return
	}
	s.setting.Rules = append(s.setting.Rules, last...)
	if n := len(s.setting.Rules); n > 0 && len(s.setting.Rules[n-1].When) == 0 { // for everybody who is left
		s.setting.Value, s.setting.Split, s.setting.Rules = s.setting.Rules[n-1].Value, s.setting.Rules[n-1].Split, s.setting.Rules[:n-1]
	}
}

// strategy adds the rule of a strategy, or gives it back if it is about a share.
func (u *unleash) strategy(s *sketch, st unStrategy, at string) []flag.Rule {
	if len(st.Variants) > 0 {
		s.note(at+".variants", "a flag is on or off here, or has values, and not both", "only whether it is on is carried over")
	}
	r := flag.Rule{Serving: flag.Serving{Value: yes}}
	all := slices.Clone(st.Constraints)
	for _, id := range st.Segments {
		segment, known := u.segments[id]
		if !known {
			s.lose(at, fmt.Sprintf("names the segment %d, which is not in the file", id))
			return nil
		}
		all = append(all, segment.Constraints...)
	}
	for _, c := range all {
		one, what := c.condition()
		if what != "" {
			s.lose(at, what)
			return nil
		}
		r.When = append(r.When, one...)
	}
	percent, what := st.narrow(&r)
	switch {
	case what != "":
		s.lose(at, what)
		return nil
	case percent <= 0:
		return nil // which is nobody
	case percent >= 100:
		if len(r.When) == 0 {
			r.When = []flag.Condition{} // everybody: nothing behind it counts
		}
		s.setting.Rules = append(s.setting.Rules, r)
		return nil
	}
	s.note(at, "subjects are dealt out in another way here", "the share is as large, and others are in it")
	return []flag.Rule{r}
}

// narrow is what the kind of a strategy asks for beside its constraints, and how many
// per cent of those it is for.
func (st unStrategy) narrow(r *flag.Rule) (percent float64, what string) {
	by := "key"
	parameter := func(name string) string { return strings.TrimSpace(fmt.Sprint(cmp.Or(st.Parameters[name], any("")))) }
	switch st.Name {
	case "default":
		return 100, ""
	case "userWithId":
		r.When = append(r.When, is("key", flag.In, words(parameter("userIds"))...))
		return 100, ""
	case "remoteAddress":
		r.When = append(r.When, is("remoteAddress", flag.CIDR, words(parameter("IPs"))...))
		return 100, ""
	case "flexibleRollout":
		switch sticky := parameter("stickiness"); {
		case sticky == "random":
			return 0, "deals out shares by chance, anew each time"
		case sticky != "" && sticky != "default" && sticky != "userId":
			if by = sticky; own[by] {
				return 0, "buckets by " + by + ", which is no attribute here"
			}
		}
		percent, what = number(parameter("rollout"))
	case "gradualRolloutUserId":
		percent, what = number(parameter("percentage"))
	case "gradualRolloutSessionId":
		by = "sessionId"
		percent, what = number(parameter("percentage"))
	default:
		return 0, fmt.Sprintf("is of a kind that there is not here, %q", st.Name)
	}
	if percent > 0 && percent < 100 {
		r.Value, r.Split = nil, &flag.Split{By: by, Shares: []flag.Share{{Serving: flag.Serving{Value: yes}, Weight: uint32(percent * flag.Whole / 100)}}}
	}
	return percent, what
}

// words are the parts of a list in one text.
func words(list string) (out []any) {
	for w := range strings.SplitSeq(list, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

func number(text string) (float64, string) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 0 || n > 100 {
		return 0, fmt.Sprintf("has %q where per cent should be", text)
	}
	return n, ""
}

// unOps are the operators that are the same here.
var unOps = map[string]flag.Operator{
	"IN": flag.In, "NOT_IN": flag.In, "STR_CONTAINS": flag.Contains, "STR_STARTS_WITH": flag.StartsWith, "STR_ENDS_WITH": flag.EndsWith, "REGEX": flag.Matches,
	"NUM_EQ": flag.In, "NUM_GT": flag.GT, "NUM_GTE": flag.GTE, "NUM_LT": flag.LT, "NUM_LTE": flag.LTE,
	"DATE_AFTER": flag.After, "DATE_BEFORE": flag.Before, "SEMVER_EQ": flag.SemverEq, "SEMVER_GT": flag.SemverGT, "SEMVER_LT": flag.SemverLT,
}

// condition is a constraint. What says why it cannot be said here.
func (c unConstraint) condition() (when []flag.Condition, what string) {
	op, known := unOps[c.Op]
	name := c.Attribute
	switch {
	case !known:
		return nil, "compares by " + c.Op
	case c.CaseInsensitive:
		return nil, "compares without regard to case"
	case name == "currentTime":
		return nil, "looks at the time; give the override a validity instead"
	case own[name] || name == "":
		return nil, fmt.Sprintf("looks at %q, which is no attribute here", name)
	case name == "userId":
		name = "key"
	}
	one := flag.Condition{Attribute: name, Op: op, Not: c.Inverted != (c.Op == "NOT_IN")}
	values := c.Values
	if strings.HasPrefix(c.Op, "NUM_") || strings.HasPrefix(c.Op, "DATE_") || strings.HasPrefix(c.Op, "SEMVER_") || c.Op == "REGEX" && len(values) == 0 {
		values = []string{c.Value}
	}
	for _, v := range values {
		if raw := json.RawMessage(v); strings.HasPrefix(c.Op, "NUM_") && flag.Number.Has(raw) {
			one.Values = append(one.Values, raw)
			continue
		}
		one.Values = append(one.Values, said(v))
	}
	if len(one.Values) == 0 { // nobody is in an empty list, and nobody's name contains nothing
		one = flag.Condition{Attribute: name, Op: flag.In, Values: []json.RawMessage{said("")}, Not: one.Not}
		return []flag.Condition{one}, ""
	}
	return []flag.Condition{one}, ""
}

// require makes dependencies prerequisites.
func (u *unleash) require(f unFeature) {
	s := u.flags[f.Name]
	if s == nil {
		return
	}
	for i, need := range f.Dependencies {
		at := fmt.Sprintf("dependencies.%d", i)
		switch {
		case u.flags[need.Feature] == nil:
			s.lose(at, "needs the feature "+need.Feature+", which is not carried over")
		case len(need.Variants) > 0:
			s.lose(at, "needs a variant of "+need.Feature)
		case need.Enabled != nil && !*need.Enabled:
			s.needs = append(s.needs, flag.Prerequisite{Flag: flag.Key(need.Feature), Value: no})
		default:
			s.needs = append(s.needs, flag.Prerequisite{Flag: flag.Key(need.Feature), Value: yes})
		}
	}
}

// settle has everything lost that depends on what was lost.
func (u *unleash) settle() {
	for again := true; again; {
		again = false
		for _, key := range slices.Sorted(maps.Keys(u.flags)) {
			s := u.flags[key]
			for _, p := range s.needs {
				if !s.lost && u.flags[string(p.Flag)].lost {
					s.lose("dependencies", "needs the feature "+string(p.Flag)+", which could not be carried over whole")
					again = true
				}
			}
		}
	}
}
