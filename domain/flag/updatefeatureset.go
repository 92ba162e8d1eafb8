package flag

import "github.com/reeve-platform/reeve/domain"

// UpdateFeatureSet gives a feature set another edition. Nodes that have the set keep
// what they were given until it is assigned to them again.
type UpdateFeatureSet struct {
	Set      FeatureSetKey `json:"set" path:"set" doc:"The feature set."`
	Features []Feature     `json:"features" minItems:"1" maxItems:"200" doc:"All that it says from now on, about one flag each."`
}

// FeatureSetUpdated: whoever is assigned the set from now on is given After.
type FeatureSetUpdated struct {
	Set     FeatureSetKey `json:"set"`
	Edition int           `json:"edition"`
	Before  []Feature     `json:"before"`
	After   []Feature     `json:"after"`
}

// Change gives what it said and says.
func (e FeatureSetUpdated) Change() (before, after any) { return e.Before, e.After }

// Stream names the set's history.
func (c UpdateFeatureSet) Stream() domain.StreamID { return FeatureSetStream(c.Set) }

// Reads names the flags that the set is about.
func (c UpdateFeatureSet) Reads(Ladder) []domain.StreamID { return flagsOf(c.Features) }

// Decide applies the rule.
func (c UpdateFeatureSet) Decide(l Ladder, _ domain.Meta) ([]domain.Event, error) {
	s := l.sets[c.Set]
	if s.Edition == 0 || s.Retired {
		return nil, ErrFeatureSetNotFound
	}
	features, err := l.composed(c.Features)
	switch {
	case err != nil:
		return nil, err
	case alike(features, s.Features):
		return nil, nil
	}
	return []domain.Event{FeatureSetUpdated{c.Set, s.Edition + 1, s.Features, features}}, nil
}
