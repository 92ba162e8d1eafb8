package foreign

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
)

// A launchSketch is a flag while it is read.
type launchSketch struct {
	sketch
	launch *launch
	names  []string // of the variations, by number
}

// vary reads variations: values, or, as the REST API has them, objects with a value
// and a name.
func (s *launchSketch) vary(f launchFlag) {
	variants := map[string]json.RawMessage{}
	for i, raw := range f.Variations {
		var told struct {
			Name  string          `json:"name"`
			Value json.RawMessage `json:"value"`
		}
		if f.Environments == nil || json.Unmarshal(raw, &told) != nil || told.Value == nil {
			told.Value, told.Name = raw, ""
		}
		name := nameOf(cmp.Or(told.Name, strings.Trim(string(told.Value), `"`)), fmt.Sprintf("variation-%d", i))
		for n := i; variants[name] != nil; n++ {
			name = fmt.Sprintf("variation-%d", n)
		}
		variants[name], s.names = told.Value, append(s.names, name)
	}
	s.typed(variants)
}

var unnameable = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// nameOf makes a key of what people call something.
func nameOf(said, otherwise string) string {
	name := strings.Trim(unnameable.ReplaceAllString(strings.ToLower(said), "-"), "-._")
	if name == "" || len(name) > 100 {
		return otherwise
	}
	return name
}

func (s *launchSketch) value(variation *int) json.RawMessage {
	if variation == nil || *variation < 0 || *variation >= len(s.names) {
		return nil
	}
	return s.flag.Variants[s.names[*variation]]
}

func (s *launchSketch) variant(n int) outcome {
	if n < 0 || n >= len(s.names) {
		return outcome{lost: fmt.Sprintf("there is no variation %d", n)}
	}
	return outcome{variant: s.names[n]}
}

// serve reads what somebody is given.
func (s *launchSketch) serve(path string, v launchServing) outcome {
	switch {
	case v.Variation != nil:
		return s.variant(*v.Variation)
	case v.Rollout == nil || len(v.Rollout.Variations) == 0:
		return outcome{lost: "it says neither a variation nor a rollout"}
	case v.Rollout.ContextKind != "" && v.Rollout.ContextKind != "user":
		return outcome{lost: "there are no contexts of the kind " + quote(v.Rollout.ContextKind)}
	}
	return s.rollout(path+"/rollout", v.Rollout)
}

func (s *launchSketch) rollout(path string, r *launchRollout) outcome {
	by, why := attributeOf(cmp.Or(r.BucketBy, "key"), r.ContextKind != "")
	if why != "" {
		return outcome{lost: why}
	}
	split, left := &flag.Split{By: by}, uint32(flag.Whole)
	for i, v := range r.Variations {
		given := s.variant(v.Variation)
		if given.lost != "" {
			return given
		}
		weight := min(v.Weight, left)
		if i == len(r.Variations)-1 {
			weight = left // the last one takes whoever is left over
		}
		split.Shares, left = append(split.Shares, flag.Share{Serving: flag.Serving{Variant: given.variant}, Weight: weight}), left-weight
	}
	if r.Seed != nil {
		split.Salt = fmt.Sprint(*r.Seed)
	}
	s.dealt(path)
	if r.Kind == "experiment" {
		s.lose(path, "it is an experiment", "it is a split, and nothing is measured")
	}
	if first := split.Shares[0].Variant; by != "key" && !cascade.Same(s.flag.Variants[first], s.offValue()) {
		s.narrow(path, "whoever has no attribute "+quote(by)+" gets the variant "+first, "they get the off value")
	}
	return outcome{split: split}
}

func (s *launchSketch) target(path string, t launchTarget) {
	when := atom("key", flag.In, words(t.Values...)...)
	if t.ContextKind != "" && t.ContextKind != "user" && len(t.Values) > 0 {
		when = lost("there are no contexts of the kind " + quote(t.ContextKind))
	}
	s.rules = append(s.rules, rule{path, "", when, s.variant(t.Variation), false})
}

// depend reads what the flag depends on. Here the value alone counts; there the other
// flag had to be on, too.
func (s *launchSketch) depend(f launchFlag) {
	for i, p := range f.Prerequisites {
		path := fmt.Sprintf("prerequisites/%d", i)
		other, there := s.launch.flags[p.Key]
		if size(other.Variations) > maxSize {
			s.off(path, "it depends on "+quote(p.Key)+", which has more than 64 KiB of values")
			continue
		}
		names := s.launch.varied(other)
		wanted := names.variant(p.Variation)
		twice := slices.ContainsFunc(sortedKeys(names.flag.Variants), func(n string) bool {
			return n != wanted.variant && cascade.Same(names.flag.Variants[n], names.flag.Variants[wanted.variant])
		})
		switch {
		case !there || wanted.lost != "":
			s.off(path, "it depends on "+quote(p.Key)+" or a variation of it, which is not in the file")
			continue
		case twice:
			s.off(path, "two variations of "+quote(p.Key)+" have the value that it depends on")
		case cascade.Same(names.value(other.OffVariation), names.flag.Variants[wanted.variant]) || other.OffVariation == nil:
			s.needsOff(path, other)
		}
		s.flag.Prerequisites = append(s.flag.Prerequisites, flag.Prerequisite{Flag: flag.Key(p.Key), Variant: wanted.variant})
	}
}

// size is that of values, as far as it matters.
func size(values []json.RawMessage) (n int) {
	for _, v := range values {
		if n += len(v); n > maxSize {
			break
		}
	}
	return n
}

// varied are the variations of a flag, read once.
func (l *launch) varied(f launchFlag) *launchSketch {
	if s, ok := l.names[f.Key]; ok {
		return s
	}
	s := &launchSketch{sketch: sketch{Import: &Import{}}}
	s.vary(f)
	l.names[f.Key] = s
	return s
}

func (s *launchSketch) needsOff(path string, other launchFlag) {
	if !other.On {
		s.off(path, "it depends on "+quote(other.Key)+" being on, whatever its value")
		return
	}
	s.lose(path, "it depends on "+quote(other.Key)+" being on, too", "while that is off, with the value that is asked for, this flag is on")
}
