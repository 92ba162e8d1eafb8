package flag

import "github.com/reeve-platform/reeve/domain"

// UnassignFeatureSet takes back from a node what a feature set gave it, and nothing
// else: flags that the node has overridden since then stay as they are, and
// overrides that gave way come back.
type UnassignFeatureSet struct {
	Node domain.NodeID `json:"node" path:"node" doc:"The integrator or tenant."`
	Set  FeatureSetKey `json:"set" path:"set" doc:"The feature set."`
}

// Stream names the history of the node's overrides.
func (c UnassignFeatureSet) Stream() domain.StreamID { return target{node: c.Node}.stream() }

// Reads names the set, the node and the overrides above it.
func (c UnassignFeatureSet) Reads(l Ladder) []domain.StreamID {
	return append([]domain.StreamID{FeatureSetStream(c.Set)}, target{node: c.Node}.surroundings(l)...)
}

// Decide applies the rule. A set that was retired is still taken back.
func (c UnassignFeatureSet) Decide(l Ladder, m domain.Meta) ([]domain.Event, error) {
	if l.sets[c.Set].Edition == 0 {
		return nil, ErrFeatureSetNotFound
	}
	t := contract{Ladder: l, node: c.Node, set: c.Set, at: m.At}
	if err := t.mayHave(); err != nil {
		return nil, err
	}
	had := l.assigned[assignment{c.Node, c.Set}]
	if had == 0 {
		return nil, nil
	}
	changes, err := t.give(nil)
	if err != nil {
		return nil, err
	}
	return append([]domain.Event{FeatureSetUnassigned{c.Node, l.level(c.Node), c.Set, had}}, changes...), nil
}
