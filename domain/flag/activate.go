package flag

import "github.com/reeve-platform/reeve/domain"

// Activate lets the flag be evaluated.
type Activate struct {
	Flag Key `json:"flag" path:"flag" doc:"The flag."`
}

// Activated: the cascade decides the flag's value.
type Activated struct {
	Flag Key    `json:"flag"`
	From Status `json:"from"`
}

// Change gives both statuses.
func (e Activated) Change() (before, after any) { return e.From, StatusActive }

// Stream names the flag's history.
func (c Activate) Stream() domain.StreamID { return Stream(c.Flag) }

// Decide applies the rule.
func (c Activate) Decide(f Flag, _ domain.Meta) ([]domain.Event, error) {
	switch f.Status {
	case StatusActive:
		return nil, nil
	case StatusDraft, StatusDeprecated:
		return []domain.Event{Activated{c.Flag, f.Status}}, nil
	}
	return nil, f.refused("activated")
}
