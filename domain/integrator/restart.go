package integrator

import "github.com/reeve-platform/reeve/domain"

// Restart ends a stop. Every tenant is again what it was by itself.
type Restart struct {
	Integrator domain.IntegratorID `json:"integrator" path:"integrator" doc:"The integrator."`
}

// Restarted: the stop is over. To is registered if the integrator was never active.
type Restarted struct {
	Integrator domain.IntegratorID `json:"integrator"`
	To         Status              `json:"to"`
}

// Stands says how the integrator may be used again.
func (e Restarted) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.Integrator), e.To.Standing()
}

// Change gives both statuses.
func (e Restarted) Change() (before, after any) { return StatusStopped, e.To }

// Stream names the integrator's history.
func (c Restart) Stream() domain.StreamID { return Stream(c.Integrator) }

// Decide applies the rule.
func (c Restart) Decide(i Integrator, _ domain.Meta) ([]domain.Event, error) {
	switch {
	case i.Status == StatusActive:
		return nil, nil
	case i.Status != StatusStopped:
		return nil, i.refused("restarted")
	case i.Started:
		return []domain.Event{Restarted{c.Integrator, StatusActive}}, nil
	}
	return []domain.Event{Restarted{c.Integrator, StatusRegistered}}, nil
}
