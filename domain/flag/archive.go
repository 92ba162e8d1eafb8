package flag

import "github.com/reeve-platform/reeve/domain"

// Archive takes the flag out of use. Its key stays reserved.
type Archive struct {
	Flag Key `json:"flag" path:"flag" doc:"The flag."`
}

// Archived: the flag is not found any more; its key stays reserved.
type Archived struct {
	Flag Key    `json:"flag"`
	From Status `json:"from"`
}

// Change gives both statuses.
func (e Archived) Change() (before, after any) { return e.From, StatusArchived }

// Stream names the flag's history.
func (c Archive) Stream() domain.StreamID { return Stream(c.Flag) }

// Decide applies the rule.
func (c Archive) Decide(f Flag, _ domain.Meta) ([]domain.Event, error) {
	switch f.Status {
	case StatusArchived:
		return nil, nil
	case StatusActive:
		return nil, ErrDeprecateFirst
	case StatusDraft, StatusDeprecated:
		return []domain.Event{Archived{c.Flag, f.Status}}, nil
	}
	return nil, f.refused("archived")
}
