package estate

import (
	"encoding/json"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// A FeatureSet is named by its key.
type FeatureSet struct {
	Description string    `yaml:"description,omitempty"`
	Features    yaml.Node `yaml:"features"` // flag and value, or variant, of each
}

// A FeatureSetAssignment is named <key>@<node>, where the node is integrator:<business
// name> or tenant:<slug>. Who is given a set gets its newest edition, and goes on with
// that until the file names a later one.
type FeatureSetAssignment struct {
	Edition int    `yaml:"edition,omitempty"` // that it shall have at least
	Own     string `yaml:"own,omitempty"`     // keep or replace what the node says of its own; refused if left out and it says something
	Reason  string `yaml:"reason,omitempty"`
}

func (p *Plan) featureSet(key string, s *FeatureSet) ([]step, bool, error) {
	now, exists := p.world.sets[key]
	if now.Retired {
		return nil, true, fmt.Errorf("was retired, for good; name another one")
	}
	features, err := s.features()
	switch {
	case err != nil:
		return nil, exists, err
	case !exists:
		body := members("key", key, "description", s.Description, "features", features)
		return []step{{phase: dependencies, what: "define", method: "POST", path: fixed("/v1/feature-sets"), body: body}}, false, nil
	case same(features, lean(now.Features)):
		return nil, true, nil
	}
	now.Edition++ // which assignments may name
	p.world.sets[key] = now
	return []step{{phase: dependencies, what: "update", method: "PATCH", path: fixed("/v1/feature-sets/" + key), body: map[string]any{"features": features}, revision: now.Revision}}, true, nil
}

func (s *FeatureSet) features() (json.RawMessage, error) {
	raw, err := value(s.Features)
	if err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	return lean(raw), nil
}

// needs are the flags that a set is about.
func (s *FeatureSet) needs() map[string]string {
	features, err := s.features()
	var all []requirement
	if err != nil || json.Unmarshal(features, &all) != nil {
		return nil // told when it is planned
	}
	needs := map[string]string{}
	for i, f := range all {
		needs[fmt.Sprintf("spec.features.%d.flag", i)] = "Flag/" + f.Flag
	}
	return needs
}

func (p *Plan) assignment(name string, s *FeatureSetAssignment) ([]step, bool, error) {
	key, at, err := assigned(name)
	if err != nil {
		return nil, false, err
	}
	now, exists := p.world.assignments[p.nodeID(at)+"/"+key]
	if exists && now.Edition >= min(s.Edition, p.world.sets[key].Edition) {
		return nil, true, nil
	}
	path := func(w *world) string { return "/v1/nodes/" + (&Plan{world: w}).nodeID(at) + "/feature-sets/" + key }
	return []step{{phase: assignments, what: "assign", method: "PUT", path: path, body: members("own", s.Own), reason: s.Reason, revision: int64(p.world.sets[key].Edition)}}, exists, nil
}

// assigned reads the name of an assignment.
func assigned(name string) (key string, at place, err error) {
	key, where, err := split(name)
	if err != nil {
		return key, at, err
	}
	if at, err = placeOf(where); err == nil && at.level != "integrator" && at.level != "tenant" {
		err = fmt.Errorf("must end in integrator:<business name> or tenant:<slug>")
	}
	return key, at, err
}

// assignmentNeeds are the set and the node of an assignment.
func assignmentNeeds(name string) map[string]string {
	key, at, err := assigned(name)
	if err != nil {
		return nil
	}
	return map[string]string{"name (feature set)": "FeatureSet/" + key, "name (node)": map[string]string{"integrator": "Integrator/", "tenant": "Tenant/"}[at.level] + at.name}
}

func (p *Plan) exportFeatureSets(e *yaml.Encoder) error {
	for _, key := range sorted(p.world.sets) {
		s := p.world.sets[key]
		if s.Retired {
			continue
		}
		if err := e.Encode(exported{"FeatureSet", key, FeatureSet{Description: s.Description, Features: Node(lean(s.Features))}}); err != nil {
			return err
		}
	}
	names := p.names()
	for _, id := range sorted(p.world.assignments) {
		a := p.world.assignments[id]
		if names[a.Node] == "" {
			continue // of a node that is no more
		}
		spec := FeatureSetAssignment{Reason: a.AssignedBy.Reason}
		if len(a.Kept) > 0 {
			spec.Own = "keep"
		}
		if err := e.Encode(exported{"FeatureSetAssignment", a.Set + "@" + names[a.Node], spec}); err != nil {
			return err
		}
	}
	return nil
}

// pruneFeatureSets takes sets back from those whom no document gives them, and retires
// those that no document speaks of.
func (p *Plan) pruneFeatureSets(keep map[string]bool) {
	names := p.names()
	for _, id := range sorted(p.world.assignments) {
		a := p.world.assignments[id]
		if name := a.Set + "@" + names[a.Node]; !keep["FeatureSetAssignment/"+name] {
			p.remove("FeatureSetAssignment", strings.TrimSuffix(name, "@"), []step{{phase: retirements, what: "unassign", method: "DELETE", path: fixed("/v1/nodes/" + a.Node + "/feature-sets/" + a.Set)}})
		}
	}
	for _, key := range sorted(p.world.sets) {
		if s := p.world.sets[key]; !keep["FeatureSet/"+key] && !s.Retired {
			p.remove("FeatureSet", key, []step{{phase: endings, what: "retire", method: "POST", path: fixed("/v1/feature-sets/" + key + "/retire"), body: map[string]any{}, revision: s.Revision}})
		}
	}
}
