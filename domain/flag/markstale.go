package flag

import "github.com/reeve-platform/reeve/domain"

// MarkStale says that nobody needs the flag any more, for whoever cleans up. What it
// comes to stays as it is.
type MarkStale struct {
	Flag Key `json:"flag" path:"flag" doc:"The flag."`
}

// MarkedStale: nobody needs the flag any more.
type MarkedStale struct {
	Flag Key `json:"flag"`
}

// Change gives both states of the mark.
func (e MarkedStale) Change() (before, after any) { return false, true }

// Stream names the flag's history.
func (c MarkStale) Stream() domain.StreamID { return Stream(c.Flag) }

// Decide applies the rule.
func (c MarkStale) Decide(f Flag, _ domain.Meta) ([]domain.Event, error) {
	switch {
	case f.Status == StatusAbsent || f.Status == StatusArchived:
		return nil, f.refused("marked as stale")
	case f.Stale:
		return nil, nil
	}
	return []domain.Event{MarkedStale{c.Flag}}, nil
}
