package flag

import "github.com/reeve-platform/reeve/domain"

// UnmarkStale takes the mark away: somebody needs the flag.
type UnmarkStale struct {
	Flag Key `json:"flag" path:"flag" doc:"The flag."`
}

// UnmarkedStale: somebody needs the flag.
type UnmarkedStale struct {
	Flag Key `json:"flag"`
}

// Change gives both states of the mark.
func (e UnmarkedStale) Change() (before, after any) { return true, false }

// Stream names the flag's history.
func (c UnmarkStale) Stream() domain.StreamID { return Stream(c.Flag) }

// Decide applies the rule.
func (c UnmarkStale) Decide(f Flag, _ domain.Meta) ([]domain.Event, error) {
	switch {
	case f.Status == StatusAbsent || f.Status == StatusArchived:
		return nil, f.refused("unmarked")
	case !f.Stale:
		return nil, nil
	}
	return []domain.Event{UnmarkedStale{c.Flag}}, nil
}
