package tenant

import "github.com/reeve-platform/reeve/domain"

// Reassign hangs a tenant under another integrator, whose configuration and
// locks apply to it from then on. An active tenant needs an active one, so that
// the move does not suspend it.
type Reassign struct {
	Tenant     domain.TenantID     `json:"tenant" path:"tenant" doc:"The tenant."`
	Integrator domain.IntegratorID `json:"integrator" doc:"The integrator to hang under."`
}

// Reassigned: the tenant hangs under another integrator.
type Reassigned struct {
	Tenant domain.TenantID     `json:"tenant"`
	From   domain.IntegratorID `json:"from"`
	To     domain.IntegratorID `json:"to"`
}

// Placed says under which integrator the tenant hangs now.
func (e Reassigned) Placed() (domain.NodeID, domain.Level, domain.NodeID) {
	return domain.NodeID(e.Tenant), domain.TenantLevel, domain.NodeID(e.To)
}

// Change gives both integrators.
func (e Reassigned) Change() (before, after any) { return e.From, e.To }

// Stream names the tenant's history.
func (c Reassign) Stream() domain.StreamID { return Stream(c.Tenant) }

// Reads names the integrator to hang under, whose standing matters.
func (c Reassign) Reads(Tenant) []domain.StreamID {
	return []domain.StreamID{domain.IntegratorStream(c.Integrator)}
}

// Decide applies the rule.
func (c Reassign) Decide(t Tenant, _ domain.Meta) ([]domain.Event, error) {
	switch t.Status {
	case StatusCreated, StatusActive, StatusSuspended:
	default:
		return nil, t.refused("reassigned")
	}
	if c.Integrator == t.Integrator {
		return nil, nil
	}
	if err := t.taken(c.Integrator); err != nil {
		return nil, err
	}
	if t.Status == StatusActive && !t.inUse(c.Integrator) {
		return nil, domain.ErrIntegratorNotActive
	}
	return []domain.Event{Reassigned{c.Tenant, t.Integrator, c.Integrator}}, nil
}
