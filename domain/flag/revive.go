package flag

import "github.com/reeve-platform/reeve/domain"

// Revive ends a kill: the flag is again what it was. An archived flag comes back
// as deprecated.
type Revive struct {
	Flag Key `json:"flag" path:"flag" doc:"The flag."`
}

// Revived: the kill is over.
type Revived struct {
	Flag Key    `json:"flag"`
	To   Status `json:"to"`
}

// Change gives both statuses.
func (e Revived) Change() (before, after any) { return StatusKilled, e.To }

// Restored: an archived flag evaluates again, as deprecated.
type Restored struct {
	Flag Key `json:"flag"`
}

// Change gives both statuses.
func (e Restored) Change() (before, after any) { return StatusArchived, StatusDeprecated }

// Stream names the flag's history.
func (c Revive) Stream() domain.StreamID { return Stream(c.Flag) }

// Decide applies the rule.
func (c Revive) Decide(f Flag, _ domain.Meta) ([]domain.Event, error) {
	switch f.Status {
	case StatusActive:
		return nil, nil
	case StatusKilled:
		return []domain.Event{Revived{c.Flag, f.Before}}, nil
	case StatusArchived:
		return []domain.Event{Restored{c.Flag}}, nil
	}
	return nil, f.refused("revived")
}
