package estate

import (
	"encoding/json"
	"fmt"
	"strings"

	flagrules "github.com/reeve-platform/reeve/domain/flag"
)

// needs names the flags that a flag depends on. What cannot be read is told when
// the document is rehearsed.
func (s *Flag) needs() map[string]string {
	needs := map[string]string{}
	raw, _ := value(s.Prerequisites)
	var wanted []flagrules.Prerequisite
	if json.Unmarshal(raw, &wanted) == nil {
		for i, p := range wanted {
			needs[fmt.Sprintf("spec.prerequisites.%d.flag", i)] = "Flag/" + string(p.Flag)
		}
	}
	return needs
}

// needs names the flags that a feature set is about.
func (s *FeatureSet) needs() map[string]string {
	needs := map[string]string{}
	raw, _ := value(s.Features)
	var features []flagrules.Feature
	if json.Unmarshal(raw, &features) == nil {
		for i, f := range features {
			needs[fmt.Sprintf("spec.features.%d.flag", i)] = "Flag/" + string(f.Flag)
		}
	}
	return needs
}

// needsOf names what a document of the name <what>@<where> speaks of.
func needsOf(kind, name string) map[string]string {
	what, where, err := split(name)
	if err != nil {
		return nil
	}
	needs := needsOfPlace(where)
	needs["name ("+strings.ToLower(kind)+")"] = kind + "/" + what
	return needs
}

// needsOfPlace names the node that a name ends with.
func needsOfPlace(where string) map[string]string {
	needs := map[string]string{}
	switch p, _ := placeOf(where); p.level {
	case "integrator":
		needs["name (node)"] = "Integrator/" + p.name
	case "tenant":
		needs["name (node)"] = "Tenant/" + p.name
	case "user":
		needs["name (node)"] = "Tenant/" + p.home
	}
	return needs
}

// needs names the flag, the node and the segments that an override speaks of.
func (s *FlagOverride) needs(name string) map[string]string {
	needs := needsOf("Flag", name)
	raw, _ := value(s.Rules)
	var rules []flagrules.Rule
	if needs == nil || json.Unmarshal(raw, &rules) != nil {
		return needs
	}
	for i, k := range (flagrules.Setting{Rules: rules}).Segments() {
		needs[fmt.Sprintf("spec.rules (segment %d)", i+1)] = "Segment/" + string(k)
	}
	return needs
}
