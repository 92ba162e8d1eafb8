package tenant

import "github.com/reeve-platform/reeve/domain"

// Activate lets a tenant's users sign in. At least one quota must be set, the
// integrator must be active, and somebody must answer for the tenant, so a
// contact with the role admin is needed; whether that person has signed in yet
// is not asked.
type Activate struct {
	Tenant domain.TenantID `json:"tenant" path:"tenant" doc:"The tenant."`
}

// Activated: the tenant's users may sign in.
type Activated struct {
	Tenant domain.TenantID `json:"tenant"`
}

// ErrQuotaRequired: a tenant without any limit must not be let loose.
var ErrQuotaRequired = &domain.Error{Kind: domain.Conflict, Code: "quota-required", Detail: "at least one quota must be set first"}

// Stands says that the tenant is in use.
func (e Activated) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.Tenant), StatusActive.Standing()
}

// Change gives both statuses.
func (e Activated) Change() (before, after any) { return StatusCreated, StatusActive }

// Stream names the tenant's history.
func (c Activate) Stream() domain.StreamID { return Stream(c.Tenant) }

// Reads names the tenant's integrator and its quotas.
func (c Activate) Reads(t Tenant) []domain.StreamID {
	if t.Status != StatusCreated {
		return nil
	}
	return []domain.StreamID{domain.IntegratorStream(t.Integrator), domain.QuotaStream(c.Tenant)}
}

// Decide applies the rule.
func (c Activate) Decide(t Tenant, _ domain.Meta) ([]domain.Event, error) {
	switch t.Status {
	case StatusActive:
		return nil, nil
	case StatusCreated:
		if err := t.ready(); err != nil {
			return nil, err
		}
		return []domain.Event{Activated{c.Tenant}}, nil
	}
	return nil, t.refused("activated")
}

func (t Tenant) ready() error {
	if err := domain.Administered(t.Profile.Contacts); err != nil {
		return err
	}
	if !t.limited {
		return ErrQuotaRequired
	}
	if !t.inUse(t.Integrator) {
		return domain.ErrIntegratorNotActive
	}
	return nil
}
