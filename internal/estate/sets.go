package estate

import (
	"context"
	"fmt"
)

// lookAtSets reads feature sets, who has them, and which nodes ask for approvals.
func (w *world) lookAtSets(ctx context.Context, api API) error {
	err := each(ctx, api, "/v1/feature-sets", func(s featureSet) { w.sets[s.Key] = s })
	if err == nil {
		err = each(ctx, api, "/v1/feature-set-assignments", func(a assignment) { w.assignments[a.Node+"/"+a.Set] = a })
	}
	if err == nil {
		err = each(ctx, api, "/v1/approval-rules", func(r approvalRule) { w.rules[r.Node] = r })
	}
	return err
}

// featureSet plans a feature set. Nodes that have it keep what they were given.
func (p *Plan) featureSet(key string, s *FeatureSet) ([]step, bool, error) {
	now, exists := p.world.sets[key]
	features, err := value(s.Features)
	body := map[string]any{"features": features}
	switch {
	case err != nil:
		return nil, exists, fmt.Errorf("features: %w", err)
	case now.Retired:
		return nil, true, fmt.Errorf("is retired, for good; name another feature set")
	case !exists:
		all := members("key", key, "description", s.Description, "features", features)
		return []step{{phase: dependencies, what: "define", method: "POST", path: fixed("/v1/feature-sets"), body: all}}, false, nil
	case same(lean(features), lean(now.Features)):
		return nil, true, nil
	}
	return []step{{phase: dependencies, what: "update", method: "PATCH", path: fixed("/v1/feature-sets/" + key), body: body, revision: now.Revision}}, true, nil
}

// assignment plans that a node has a feature set, of whichever edition.
func (p *Plan) assignment(name string, s *FeatureSetAssignment) ([]step, bool, error) {
	key, where, err := split(name)
	if err != nil {
		return nil, false, err
	}
	at, err := placeOf(where)
	if err != nil {
		return nil, false, err
	}
	if _, exists := p.world.assignments[p.nodeID(at)+"/"+key]; exists {
		return nil, true, nil
	}
	path := func(w *world) string { return "/v1/nodes/" + (&Plan{world: w}).nodeID(at) + "/feature-sets/" + key }
	return []step{{phase: contracts, what: "assign", method: "PUT", path: path, body: members("own", s.Own)}}, false, nil
}

// approvalRule plans how many approvals a node asks for.
func (p *Plan) approvalRule(name string, s *ApprovalRule) ([]step, bool, error) {
	at, err := placeOf(name)
	if err != nil {
		return nil, false, err
	}
	now, exists := p.world.rules[p.nodeID(at)]
	if exists && now.Approvals == s.Approvals && now.Below == s.Below {
		return nil, true, nil
	}
	path := func(w *world) string { return "/v1/nodes/" + (&Plan{world: w}).nodeID(at) + "/approval-rule" }
	body := map[string]any{"approvals": s.Approvals, "below": s.Below}
	return []step{{phase: guards, what: "require", method: "PUT", path: path, body: body, revision: now.Revision}}, exists, nil
}

func (p *Plan) exportSets(e *output) error {
	for _, key := range sorted(p.world.sets) {
		s := p.world.sets[key]
		if s.Retired {
			continue // for good
		}
		if err := e.Encode(exported{"FeatureSet", key, FeatureSet{Description: s.Description, Features: YAML(lean(s.Features))}}); err != nil {
			return err
		}
	}
	return nil
}

// exportAssignments says who has which set. Their own overrides stay: whatever else a
// node says about flags of a set is exported by itself.
func (p *Plan) exportAssignments(e *output) error {
	names := p.names()
	for _, id := range sorted(p.world.assignments) {
		a := p.world.assignments[id]
		if names[a.Node] == "" || p.world.sets[a.Set].Retired {
			continue
		}
		if err := e.Encode(exported{"FeatureSetAssignment", a.Set + "@" + names[a.Node], FeatureSetAssignment{Own: "keep"}}); err != nil {
			return err
		}
	}
	return nil
}

// given reports whether a set says by itself what an override says, so that assigning
// it says everything. What it says of an earlier edition, or under a lock, it does not.
func (p *Plan) given(o override) bool {
	set, known := p.world.sets[o.Set]
	return known && !set.Retired && !o.Locked && p.world.assignments[o.Node+"/"+o.Set].Edition == set.Edition
}

func (p *Plan) exportApprovalRules(e *output) error {
	names := p.names()
	for _, id := range sorted(p.world.rules) {
		r := p.world.rules[id]
		if names[id] == "" || r.Approvals == 0 {
			continue
		}
		if err := e.Encode(exported{"ApprovalRule", names[id], ApprovalRule{r.Approvals, r.Below}}); err != nil {
			return err
		}
	}
	return nil
}
