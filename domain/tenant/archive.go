package tenant

import "github.com/reeve-platform/reeve/domain"

// Archive keeps everything a tenant has and removes all access to it.
type Archive struct {
	Tenant domain.TenantID `json:"tenant" path:"tenant" doc:"The tenant."`
}

// Archived: the tenant's data is kept and cannot be reached.
type Archived struct {
	Tenant domain.TenantID `json:"tenant"`
	From   Status          `json:"from"`
}

// Stands says that the tenant is kept for the record only.
func (e Archived) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.Tenant), StatusArchived.Standing()
}

// Change gives both statuses.
func (e Archived) Change() (before, after any) { return e.From, StatusArchived }

// Stream names the tenant's history.
func (c Archive) Stream() domain.StreamID { return Stream(c.Tenant) }

// Decide applies the rule.
func (c Archive) Decide(t Tenant, _ domain.Meta) ([]domain.Event, error) {
	switch t.Status {
	case StatusArchived:
		return nil, nil
	case StatusCreated, StatusActive, StatusSuspended:
		return []domain.Event{Archived{c.Tenant, t.Status}}, nil
	}
	return nil, t.refused("archived")
}
