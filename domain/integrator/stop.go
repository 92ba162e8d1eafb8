package integrator

import "github.com/reeve-platform/reeve/domain"

// Stop refuses sign-in to every user of every tenant of an integrator, and new
// tenants, until it is restarted.
type Stop struct {
	Integrator domain.IntegratorID `json:"integrator" path:"integrator" doc:"The integrator."`
	Reason     string              `json:"reason" minLength:"1" maxLength:"500" doc:"Why, for those who will ask."`
}

// Stopped: the integrator's tenants are effectively suspended.
type Stopped struct {
	Integrator domain.IntegratorID `json:"integrator"`
	From       Status              `json:"from"`
	Reason     string              `json:"reason" pii:"person"`
}

// Stands says that the integrator must not be used.
func (e Stopped) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.Integrator), StatusStopped.Standing()
}

// Change gives both statuses.
func (e Stopped) Change() (before, after any) { return e.From, StatusStopped }

// Stream names the integrator's history.
func (c Stop) Stream() domain.StreamID { return Stream(c.Integrator) }

// Decide applies the rule.
func (c Stop) Decide(i Integrator, _ domain.Meta) ([]domain.Event, error) {
	if c.Integrator == domain.DirectIntegrator {
		return nil, ErrBuiltIn
	}
	switch i.Status {
	case StatusStopped:
		return nil, nil
	case StatusAbsent, StatusOffboarded:
		return nil, i.refused("stopped")
	}
	if err := domain.CheckText(c.Reason, maxReason); err != nil {
		return nil, domain.ErrText.At("/reason", "a reason of 1 to 500 characters")
	}
	return []domain.Event{Stopped{c.Integrator, i.Status, c.Reason}}, nil
}
