package claim

import (
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// Release gives a value back. With a Command it gives back only a reservation
// that waits for no other fact: another command of the same holder may have won
// the race for the holder's stream, and hold the value by now.
type Release struct {
	Name    domain.StreamID `json:"name" doc:"Stream of the value."`
	Holder  domain.StreamID `json:"holder" doc:"Stream that holds the value."`
	Command uuid.UUID       `json:"command,omitzero" doc:"Event id of the fact that never came; any if left out."`
}

// Released: anybody may take the value.
type Released struct {
	Holder domain.StreamID `json:"holder"`
}

// Stream names the value's history.
func (c Release) Stream() domain.StreamID { return c.Name }

// Decide applies the rule.
func (c Release) Decide(v Value, _ domain.Meta) ([]domain.Event, error) {
	switch {
	case v.Status == StatusFree:
		return nil, nil
	case v.Holder != c.Holder:
		return nil, ErrNotHeld
	case c.Command != uuid.Nil && !v.waitsOnlyFor(c.Command):
		return nil, nil
	}
	return []domain.Event{Released{c.Holder}}, nil
}
