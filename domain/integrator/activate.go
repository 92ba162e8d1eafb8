package integrator

import "github.com/reeve-platform/reeve/domain"

// Activate puts an integrator into use: from now on its tenants can be
// activated. Somebody must answer for it, so a contact with the role admin is
// needed; whether that person has signed in yet is not asked.
type Activate struct {
	Integrator domain.IntegratorID `json:"integrator" path:"integrator" doc:"The integrator."`
}

// Activated: the integrator's tenants can be used.
type Activated struct {
	Integrator domain.IntegratorID `json:"integrator"`
}

// Stands says that the integrator is in use.
func (e Activated) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.Integrator), StatusActive.Standing()
}

// Change gives both statuses.
func (e Activated) Change() (before, after any) { return StatusRegistered, StatusActive }

// Stream names the integrator's history.
func (c Activate) Stream() domain.StreamID { return Stream(c.Integrator) }

// Decide applies the rule.
func (c Activate) Decide(i Integrator, _ domain.Meta) ([]domain.Event, error) {
	switch i.Status {
	case StatusActive:
		return nil, nil
	case StatusRegistered:
		if err := domain.Administered(i.Profile.Contacts); err != nil {
			return nil, err
		}
		return []domain.Event{Activated{c.Integrator}}, nil
	}
	return nil, i.refused("activated")
}
