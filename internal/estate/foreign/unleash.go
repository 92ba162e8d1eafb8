package foreign

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/reeve-platform/reeve/domain/flag"
)

// An unleashFile is what the client API answers, or an export: of one environment in
// today's format, of all in that of the state export before.
type unleashFile struct {
	Features            []unleashFeature     `json:"features"`
	Segments            []unleashSegment     `json:"segments"`
	FeatureStrategies   []unleashStrategy    `json:"featureStrategies"`
	FeatureEnvironments []unleashEnvironment `json:"featureEnvironments"`
	StrategySegments    []struct {
		Strategy string      `json:"featureStrategyId"`
		Segment  json.Number `json:"segmentId"`
	} `json:"featureStrategySegments"`
	FeatureTags []struct {
		Feature string `json:"featureName"`
		Type    string `json:"tagType"`
		Value   string `json:"tagValue"`
	} `json:"featureTags"`
	Dependencies []struct {
		Feature      string          `json:"feature"`
		Dependencies []unleashParent `json:"dependencies"`
	} `json:"dependencies"`
}

type unleashFeature struct {
	Name         string               `json:"name"`
	Description  string               `json:"description"`
	Enabled      bool                 `json:"enabled"`
	Archived     bool                 `json:"archived"`
	Strategies   []unleashStrategy    `json:"strategies"`
	Variants     []unleashVariant     `json:"variants"`
	Dependencies []unleashParent      `json:"dependencies"`
	Environments []unleashEnvironment `json:"environments"`
}

type unleashEnvironment struct {
	Name        string            `json:"name"`
	Feature     string            `json:"featureName"`
	Environment string            `json:"environment"`
	Enabled     bool              `json:"enabled"`
	Strategies  []unleashStrategy `json:"strategies"`
	Variants    []unleashVariant  `json:"variants"`
}

type unleashStrategy struct {
	ID           string              `json:"id"`
	Name         string              `json:"name"`
	StrategyName string              `json:"strategyName"` // in the state export, where Name is left out
	Feature      string              `json:"featureName"`
	Environment  string              `json:"environment"`
	Title        string              `json:"title"`
	Parameters   map[string]any      `json:"parameters"`
	Constraints  []unleashConstraint `json:"constraints"`
	Segments     []json.Number       `json:"segments"`
	Variants     []unleashVariant    `json:"variants"`
	Disabled     bool                `json:"disabled"`
	Order        float64             `json:"sortOrder"`
}

type unleashVariant struct {
	Name       string      `json:"name"`
	Weight     json.Number `json:"weight"`
	Stickiness string      `json:"stickiness"`
	Payload    *struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	} `json:"payload"`
	Overrides []struct {
		Context string   `json:"contextName"`
		Values  []string `json:"values"`
	} `json:"overrides"`
}

type unleashConstraint struct {
	Context         string   `json:"contextName"`
	Operator        string   `json:"operator"`
	Values          []string `json:"values"`
	Value           *string  `json:"value"`
	Inverted        bool     `json:"inverted"`
	CaseInsensitive bool     `json:"caseInsensitive"`
}

type unleashSegment struct {
	ID          json.Number          `json:"id"`
	Name        string               `json:"name"`
	Description string               `json:"description"`
	Constraints *[]unleashConstraint `json:"constraints"`
}

type unleashParent struct {
	Feature  string   `json:"feature"`
	Enabled  *bool    `json:"enabled"`
	Variants []string `json:"variants"`
}

func (im *Import) unleash(text []byte, asked string) error {
	var file unleashFile
	if err := decode(text, &file); err != nil {
		return err
	}
	if err := counted(max(len(file.Features), len(file.Segments))); err != nil {
		return err
	}
	environment, err := environmentOf(asked, file.environments())
	if err != nil {
		return err
	}
	u := &leash{Import: im, segments: map[string]expr{}, features: map[string]unleashFeature{}}
	for _, s := range file.Segments {
		u.segments[s.ID.String()] = u.segmentOf(s)
	}
	for _, f := range file.gathered(environment) {
		if _, twice := u.features[f.Name]; twice {
			u.lost(f.Name, "", "it is there twice", "the last one counts")
		}
		u.features[f.Name] = f
	}
	for _, name := range sortedKeys(u.features) {
		u.featureOf(u.features[name])
	}
	if len(file.FeatureTags) > 0 {
		u.tag(file)
	}
	return nil
}

func (f *unleashFile) environments() (there []string) {
	for _, e := range f.FeatureEnvironments {
		there = append(there, e.Environment)
	}
	for _, feature := range f.Features {
		for _, e := range feature.Environments {
			there = append(there, e.Name)
		}
	}
	return slices.DeleteFunc(there, func(s string) bool { return s == "" })
}

// gathered puts together what an export says of each feature in several lists.
func (f *unleashFile) gathered(environment string) []unleashFeature {
	segments := map[string][]json.Number{}
	for _, s := range f.StrategySegments {
		segments[s.Strategy] = append(segments[s.Strategy], s.Segment)
	}
	strategies, told := map[string][]unleashStrategy{}, map[string]unleashEnvironment{}
	for _, s := range f.FeatureStrategies {
		if s.Environment == environment || s.Environment == "" {
			s.Segments = append(s.Segments, segments[s.ID]...)
			strategies[s.Feature] = append(strategies[s.Feature], s)
		}
	}
	for _, list := range strategies {
		slices.SortStableFunc(list, func(a, b unleashStrategy) int { return cmp.Compare(a.Order, b.Order) })
	}
	parents := map[string][]unleashParent{}
	for _, d := range f.Dependencies {
		parents[d.Feature] = append(parents[d.Feature], d.Dependencies...)
	}
	for _, e := range f.FeatureEnvironments {
		if e.Environment == environment {
			told[e.Feature] = e
		}
	}
	out := slices.Clone(f.Features)
	for i := range out {
		one := &out[i]
		one.Strategies = append(one.Strategies, strategies[one.Name]...)
		one.Dependencies = append(one.Dependencies, parents[one.Name]...)
		for _, e := range one.Environments {
			if e.Name == environment {
				told[one.Name] = e
			}
		}
		if e, ok := told[one.Name]; ok {
			one.Enabled, one.Strategies = e.Enabled, append(one.Strategies, e.Strategies...)
			if len(e.Variants) > 0 {
				one.Variants = e.Variants
			}
		}
	}
	return out
}

// tag gives the flags their tags, as kind:value.
func (u *leash) tag(file unleashFile) {
	tags := map[string][]string{}
	for _, t := range file.FeatureTags {
		tags[t.Feature] = append(tags[t.Feature], t.Type+":"+t.Value)
	}
	for i := range u.Flags {
		u.Flags[i].Tags = tags[string(u.Flags[i].Key)]
	}
}

// A leash is an export of Unleash while it is read.
type leash struct {
	*Import
	segments map[string]expr // by number
	features map[string]unleashFeature
}

func (u *leash) segmentOf(s unleashSegment) expr {
	key := nameOf(s.Name, "segment-"+s.ID.String())
	if slices.ContainsFunc(u.Segments, func(o Segment) bool { return string(o.Key) == key }) {
		key += "-" + s.ID.String()
	}
	if s.Constraints == nil {
		u.lost("segment "+key, "constraints", "they are not in the file", "the segment is left out, and every rule that names it")
		return lost("it names a segment that is not carried over")
	}
	if len(*s.Constraints) == 0 {
		return always
	}
	at := &sketch{Import: u.Import, flag: Flag{Key: flag.Key("segment " + key)}}
	if !u.segment(Segment{flag.SegmentKey(key), orElse(s.Description, s.Name), flag.Membership{}}, constraints(at, "constraints", *s.Constraints)) {
		return lost("it names the segment " + quote(key) + ", which is not carried over")
	}
	return member(flag.SegmentKey(key))
}

func (u *leash) featureOf(f unleashFeature) {
	if f.Archived {
		u.lost(f.Name, "archived", "it is archived", "the flag is left out")
		return
	}
	s := &feature{sketch: sketch{Import: u.Import, flag: Flag{Key: flag.Key(f.Name)}}, leash: u}
	s.flag.Description = f.Description
	s.vary(f)
	s.flag.Draft = !f.Enabled
	if !s.excessive(len(f.Strategies), len(f.Dependencies)) {
		for i, p := range f.Dependencies {
			s.depend(fmt.Sprintf("dependencies/%d", i), p)
		}
		s.strategies(f)
	}
	s.finish()
}
