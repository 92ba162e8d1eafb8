package flag

import "github.com/reeve-platform/reeve/domain"

// Deprecate asks callers to stop using the flag. It still evaluates.
type Deprecate struct {
	Flag Key `json:"flag" path:"flag" doc:"The flag."`
}

// Deprecated says that the flag still evaluates, and callers are told to stop
// using it.
type Deprecated struct {
	Flag Key `json:"flag"`
}

// Change gives both statuses.
func (e Deprecated) Change() (before, after any) { return StatusActive, StatusDeprecated }

// Stream names the flag's history.
func (c Deprecate) Stream() domain.StreamID { return Stream(c.Flag) }

// Decide applies the rule.
func (c Deprecate) Decide(f Flag, _ domain.Meta) ([]domain.Event, error) {
	switch f.Status {
	case StatusDeprecated:
		return nil, nil
	case StatusActive:
		return []domain.Event{Deprecated{c.Flag}}, nil
	}
	return nil, f.refused("deprecated")
}
