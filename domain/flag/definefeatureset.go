package flag

import (
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// DefineFeatureSet names what a contract gives: values of several flags, to be
// assigned to integrators and tenants together.
type DefineFeatureSet struct {
	Key         FeatureSetKey `json:"key" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$" doc:"Name of the feature set, for ever."`
	Description string        `json:"description,omitempty" maxLength:"2000" doc:"What it is for."`
	Features    []Feature     `json:"features" minItems:"1" maxItems:"200" doc:"What it says, about one flag each."`
}

// FeatureSetDefined: the set can be assigned.
type FeatureSetDefined struct {
	Set         FeatureSetKey `json:"set"`
	Description string        `json:"description,omitempty"`
	Features    []Feature     `json:"features"`
}

// Change gives what came into being.
func (e FeatureSetDefined) Change() (before, after any) { return nil, e.Features }

// Stream names the set's history.
func (c DefineFeatureSet) Stream() domain.StreamID { return FeatureSetStream(c.Key) }

// Reads names the flags that the set is about.
func (c DefineFeatureSet) Reads(Ladder) []domain.StreamID { return flagsOf(c.Features) }

// Named ignores the id: a feature set is named by its key.
func (c DefineFeatureSet) Named(uuid.UUID) DefineFeatureSet { return c }

// Chosen is the key.
func (c DefineFeatureSet) Chosen() string { return string(c.Key) }

// Decide applies the rule. The key of a retired set is not used again: contracts
// name it.
func (c DefineFeatureSet) Decide(l Ladder, _ domain.Meta) ([]domain.Event, error) {
	if !keyGrammar.MatchString(string(c.Key)) {
		return nil, ErrFeatureSetKey.At("/key", "1 to 128 of A-Z, a-z, 0-9 and ._-")
	}
	if l.sets[c.Key].Edition > 0 {
		return nil, domain.ErrTransition.With("the feature set is defined already, or was; allowed: update, retire")
	}
	features, err := l.composed(c.Features)
	if err != nil {
		return nil, err
	}
	return []domain.Event{FeatureSetDefined{c.Key, c.Description, features}}, nil
}
