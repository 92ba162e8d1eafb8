package claim

import "github.com/reeve-platform/reeve/domain"

// Confirm keeps a reserved value for good: the fact that holds it is written.
type Confirm struct {
	Name   domain.StreamID `json:"name" doc:"Stream of the value."`
	Holder domain.StreamID `json:"holder" doc:"Stream that holds the value."`
}

// Confirmed: the holder has the value until it gives it back.
type Confirmed struct {
	Holder domain.StreamID `json:"holder"`
}

// Stream names the value's history.
func (c Confirm) Stream() domain.StreamID { return c.Name }

// Decide applies the rule.
func (c Confirm) Decide(v Value, _ domain.Meta) ([]domain.Event, error) {
	switch {
	case v.Status == StatusFree || v.Holder != c.Holder:
		return nil, ErrNotHeld
	case v.Status == StatusConfirmed:
		return nil, nil
	}
	return []domain.Event{Confirmed{c.Holder}}, nil
}
