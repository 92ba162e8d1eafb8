package flag

import "github.com/reeve-platform/reeve/domain"

// Kill forces the flag off everywhere, above every lock and override.
type Kill struct {
	Flag Key `json:"flag" path:"flag" doc:"The flag."`
}

// Killed: the flag is off everywhere, whatever any node says.
type Killed struct {
	Flag Key    `json:"flag"`
	From Status `json:"from"`
}

// Change gives both statuses.
func (e Killed) Change() (before, after any) { return e.From, StatusKilled }

// Stream names the flag's history.
func (c Kill) Stream() domain.StreamID { return Stream(c.Flag) }

// Decide applies the rule.
func (c Kill) Decide(f Flag, _ domain.Meta) ([]domain.Event, error) {
	switch f.Status {
	case StatusKilled:
		return nil, nil
	case StatusActive, StatusDeprecated:
		return []domain.Event{Killed{c.Flag, f.Status}}, nil
	}
	return nil, f.refused("killed")
}
