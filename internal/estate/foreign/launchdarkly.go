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

// A launchFile is what the REST API lists or tells of one flag, or what a relay and
// the files of SDKs hold: flags and segments by key.
type launchFile struct {
	Items      []launchFlag               `json:"items"`
	Flags      map[string]launchFlag      `json:"flags"`
	Segments   map[string]launchSegment   `json:"segments"`
	FlagValues map[string]json.RawMessage `json:"flagValues"`
	launchFlag
}

// A launchFlag has its targeting by environment where the REST API tells it, and
// itself elsewhere.
type launchFlag struct {
	Key                    string                     `json:"key"`
	Name                   string                     `json:"name"`
	Description            string                     `json:"description"`
	Tags                   []string                   `json:"tags"`
	Archived               bool                       `json:"archived"`
	Deleted                bool                       `json:"deleted"`
	Variations             []json.RawMessage          `json:"variations"`
	Environments           map[string]launchTargeting `json:"environments"`
	ClientSide             bool                       `json:"clientSide"`
	ClientSideAvailability map[string]any             `json:"clientSideAvailability"`
	launchTargeting
}

type launchTargeting struct {
	On             bool                 `json:"on"`
	OffVariation   *int                 `json:"offVariation"`
	Fallthrough    *launchServing       `json:"fallthrough"`
	Targets        []launchTarget       `json:"targets"`
	ContextTargets []launchTarget       `json:"contextTargets"`
	Rules          []launchRule         `json:"rules"`
	Prerequisites  []launchPrerequisite `json:"prerequisites"`
}

type launchServing struct {
	Variation *int           `json:"variation"`
	Rollout   *launchRollout `json:"rollout"`
}

type launchRollout struct {
	Kind        string `json:"kind"`
	ContextKind string `json:"contextKind"`
	BucketBy    string `json:"bucketBy"`
	Seed        *int64 `json:"seed"`
	Variations  []struct {
		Variation int    `json:"variation"`
		Weight    uint32 `json:"weight"`
	} `json:"variations"`
}

type launchTarget struct {
	ContextKind string   `json:"contextKind"`
	Values      []string `json:"values"`
	Variation   int      `json:"variation"`
}

type launchRule struct {
	Description string         `json:"description"`
	Clauses     []launchClause `json:"clauses"`
	launchServing
	Weight   *int   `json:"weight"` // of a segment's rule
	BucketBy string `json:"bucketBy"`
}

type launchPrerequisite struct {
	Key       string `json:"key"`
	Variation int    `json:"variation"`
}

func (im *Import) launchDarkly(text []byte, asked string) error {
	var file launchFile
	if err := decode(text, &file); err != nil {
		return err
	}
	flags := file.list()
	if err := counted(len(flags) + len(file.FlagValues)); err != nil {
		return err
	}
	var there []string
	for _, f := range flags {
		there = append(there, sortedKeys(f.Environments)...)
	}
	environment, err := environmentOf(asked, there)
	if err != nil {
		return err
	}
	l := &launch{Import: im, segments: map[string]bool{}, flags: map[string]launchFlag{}}
	for _, f := range flags {
		if t, ok := f.Environments[environment]; ok {
			f.launchTargeting = t
		}
		l.flags[f.Key] = f
	}
	return l.read(file)
}

// list is every flag of the file, however it holds them.
func (f *launchFile) list() (flags []launchFlag) {
	flags = f.Items
	if f.Key != "" {
		flags = append(flags, f.launchFlag)
	}
	for _, key := range sortedKeys(f.Flags) {
		one := f.Flags[key]
		one.Key = key
		flags = append(flags, one)
	}
	return flags
}

// A launch is an export of LaunchDarkly while it is read.
type launch struct {
	*Import
	segments map[string]bool // that rules may name
	flags    map[string]launchFlag
}

func (l *launch) read(file launchFile) error {
	if len(file.Segments) > maxFlags {
		return counted(len(file.Segments))
	}
	for _, key := range sortedKeys(file.Segments) {
		l.segments[key] = l.segmentOf(key, file.Segments[key])
	}
	for _, key := range sortedKeys(l.flags) {
		l.flagOf(l.flags[key])
	}
	for _, key := range sortedKeys(file.FlagValues) {
		s := &sketch{Import: l.Import, flag: Flag{Key: flag.Key(key)}}
		s.typed(map[string]json.RawMessage{"value": file.FlagValues[key]})
		s.flag.Off, s.others.variant = s.flag.Variants["value"], "value"
		s.finish()
	}
	return nil
}

func (l *launch) flagOf(f launchFlag) {
	if f.Archived || f.Deleted {
		l.lost(f.Key, "archived", "it is archived", "the flag is left out")
		return
	}
	s := &launchSketch{sketch{Import: l.Import, flag: Flag{Key: flag.Key(f.Key)}}, l, nil}
	s.flag.Description, s.flag.Tags = cmp.Or(f.Description, f.Name), f.Tags
	s.flag.Exposed = f.ClientSide || f.ClientSideAvailability["usingEnvironmentId"] == true || f.ClientSideAvailability["usingMobileKey"] == true
	s.vary(f.Variations)
	if s.flag.Off = s.value(f.OffVariation); s.flag.Off == nil {
		s.lose("offVariation", "without an off variation, the default in the code counts", "its off value is "+string(s.offValue()))
	}
	if s.flag.Draft = !f.On; f.On {
		s.depend(f)
	}
	for i, t := range f.Targets {
		s.target(fmt.Sprintf("targets/%d", i), t)
	}
	for i, t := range f.ContextTargets {
		if own := f.ownTargets(t); own == nil || len(t.Values) > 0 {
			s.target(fmt.Sprintf("contextTargets/%d", i), t)
		}
	}
	for i, r := range f.Rules {
		path := fmt.Sprintf("rules/%d", i)
		s.rules = append(s.rules, rule{path, r.Description, s.clauses(r.Clauses, true), s.serve(path, r.launchServing), false})
	}
	if f.Fallthrough == nil {
		s.others = outcome{lost: "it does not say what everybody else gets; was it exported whole, and for that environment?"}
	} else {
		s.others = s.serve("fallthrough", *f.Fallthrough)
	}
	s.finish()
}

// ownTargets are those that a context target without values stands for: it says in
// which order they come.
func (f launchFlag) ownTargets(t launchTarget) []launchTarget {
	if t.ContextKind != "" && t.ContextKind != "user" {
		return nil
	}
	return f.Targets
}

// A launchSketch is a flag while it is read.
type launchSketch struct {
	sketch
	launch *launch
	names  []string // of the variations, by number
}

// vary reads variations: values, or objects that have one and a name.
func (s *launchSketch) vary(variations []json.RawMessage) {
	variants := map[string]json.RawMessage{}
	for i, raw := range variations {
		var told struct {
			ID    *string         `json:"_id"`
			Name  string          `json:"name"`
			Value json.RawMessage `json:"value"`
		}
		if json.Unmarshal(raw, &told) != nil || told.Value == nil || told.ID == nil {
			told.Value, told.Name = raw, ""
		}
		name := nameOf(cmp.Or(told.Name, strings.Trim(string(told.Value), `"`)), fmt.Sprintf("variation-%d", i))
		if _, taken := variants[name]; taken {
			name = fmt.Sprintf("variation-%d", i)
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
		s.lose(path, "whoever has no attribute "+quote(by)+" gets the variant "+first, "they get the off value")
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
		names := &launchSketch{sketch: sketch{Import: &Import{}}}
		names.vary(other.Variations)
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

func (s *launchSketch) needsOff(path string, other launchFlag) {
	if !other.On {
		s.off(path, "it depends on "+quote(other.Key)+" being on, whatever its value")
		return
	}
	s.lose(path, "it depends on "+quote(other.Key)+" being on, too", "while that is off, with the value that is asked for, this flag is on")
}
