package tenant

import "github.com/reeve-platform/reeve/domain"

// Unarchive brings an archived tenant back, suspended by hand, so that somebody
// looks at it before its users can sign in. The causes it was suspended for when
// it was archived hold again: an archive is no way around them.
type Unarchive struct {
	Tenant domain.TenantID `json:"tenant" path:"tenant" doc:"The tenant."`
}

// Unarchived: the tenant is suspended, for these causes; manual is always among them.
type Unarchived struct {
	Tenant domain.TenantID `json:"tenant"`
	Causes Causes          `json:"causes"`
}

// Stands says that the tenant must not be used yet.
func (e Unarchived) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.Tenant), StatusSuspended.Standing()
}

// Change gives both statuses.
func (e Unarchived) Change() (before, after any) { return StatusArchived, StatusSuspended }

// Stream names the tenant's history.
func (c Unarchive) Stream() domain.StreamID { return Stream(c.Tenant) }

// Decide applies the rule.
func (c Unarchive) Decide(t Tenant, _ domain.Meta) ([]domain.Event, error) {
	if t.Status != StatusArchived {
		return nil, t.refused("unarchived")
	}
	return []domain.Event{Unarchived{c.Tenant, t.Causes.with(Manual)}}, nil
}
