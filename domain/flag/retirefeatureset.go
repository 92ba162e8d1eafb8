package flag

import "github.com/reeve-platform/reeve/domain"

// RetireFeatureSet ends that a feature set is assigned. Nodes that have it keep what
// it gave them until it is unassigned.
type RetireFeatureSet struct {
	Set FeatureSetKey `json:"set" path:"set" doc:"The feature set."`
}

// FeatureSetRetired: the set is assigned to nobody any more.
type FeatureSetRetired struct {
	Set FeatureSetKey `json:"set"`
}

// Change gives whether it is in use.
func (e FeatureSetRetired) Change() (before, after any) { return true, false }

// Stream names the set's history.
func (c RetireFeatureSet) Stream() domain.StreamID { return FeatureSetStream(c.Set) }

// Decide applies the rule.
func (c RetireFeatureSet) Decide(l Ladder, _ domain.Meta) ([]domain.Event, error) {
	switch s := l.sets[c.Set]; {
	case s.Edition == 0:
		return nil, ErrFeatureSetNotFound
	case s.Retired:
		return nil, nil
	}
	return []domain.Event{FeatureSetRetired{c.Set}}, nil
}
