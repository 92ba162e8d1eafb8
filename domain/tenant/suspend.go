package tenant

import "github.com/reeve-platform/reeve/domain"

// Suspend refuses sign-in to every user of a tenant until the cause, and every
// other one, is lifted.
type Suspend struct {
	Tenant domain.TenantID `json:"tenant" path:"tenant" doc:"The tenant."`
	Cause  Cause           `json:"cause" enum:"billing,policy,security,manual" doc:"Why."`
	Note   string          `json:"note,omitempty" maxLength:"500" doc:"More, for those who will ask."`
}

type (
	// Suspended: sign-in is refused.
	Suspended struct {
		Tenant domain.TenantID `json:"tenant"`
		Cause  Cause           `json:"cause"`
		Note   string          `json:"note,omitempty" pii:"person"`
	}

	// SuspensionCauseAdded: there is one more reason to refuse sign-in.
	SuspensionCauseAdded struct {
		Tenant domain.TenantID `json:"tenant"`
		Cause  Cause           `json:"cause"`
		Note   string          `json:"note,omitempty" pii:"person"`
		Before Causes          `json:"before"`
	}
)

// Stands says that the tenant must not be used.
func (e Suspended) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.Tenant), StatusSuspended.Standing()
}

// Change gives both statuses.
func (e Suspended) Change() (before, after any) { return StatusActive, StatusSuspended }

// Change gives the causes before and after.
func (e SuspensionCauseAdded) Change() (before, after any) { return e.Before, e.Before.with(e.Cause) }

// Stream names the tenant's history.
func (c Suspend) Stream() domain.StreamID { return Stream(c.Tenant) }

// Decide applies the rule.
func (c Suspend) Decide(t Tenant, _ domain.Meta) ([]domain.Event, error) {
	switch {
	case t.Status != StatusActive && t.Status != StatusSuspended:
		return nil, t.refused("suspended")
	case t.Status == StatusSuspended && t.Causes.Has(c.Cause):
		return nil, nil
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if t.Status == StatusSuspended {
		return []domain.Event{SuspensionCauseAdded{c.Tenant, c.Cause, c.Note, t.Causes}}, nil
	}
	return []domain.Event{Suspended{c.Tenant, c.Cause, c.Note}}, nil
}

func (c Suspend) check() error {
	if err := c.Cause.check(); err != nil {
		return err
	}
	return checkNote(c.Note)
}
