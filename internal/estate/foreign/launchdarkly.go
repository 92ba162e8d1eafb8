package foreign

import (
	"cmp"
	"encoding/json"
	"fmt"

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
	l := &launch{Import: im, segments: map[string]bool{}, flags: map[string]launchFlag{}, names: map[string]*launchSketch{}}
	for _, f := range flags {
		if _, twice := l.flags[f.Key]; twice {
			l.lost(f.Key, "", "it is there twice", "the last one counts")
		}
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
	names    map[string]*launchSketch // of the variations of flags that others depend on
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
		if _, twice := l.flags[key]; twice {
			l.lost(key, "", "it is there twice", "the one that is no more than a value is left out")
			continue
		}
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
	s.vary(f)
	if s.flag.Off = s.value(f.OffVariation); s.flag.Off == nil {
		s.lose("offVariation", "without an off variation, the default in the code counts", "its off value is "+string(s.offValue()))
	}
	s.flag.Draft = !f.On
	if !s.excessive(len(f.Targets)+len(f.ContextTargets)+len(f.Rules), len(f.Prerequisites)) {
		s.read(f)
	}
	s.finish()
}

// read reads what is said to whom, in the order in which it counts.
func (s *launchSketch) read(f launchFlag) {
	s.depend(f)
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
		return
	}
	s.others = s.serve("fallthrough", *f.Fallthrough)
}

// ownTargets are those that a context target without values stands for: it says in
// which order they come.
func (f launchFlag) ownTargets(t launchTarget) []launchTarget {
	if t.ContextKind != "" && t.ContextKind != "user" {
		return nil
	}
	return f.Targets
}
