package tenant

import "github.com/reeve-platform/reeve/domain"

// Resume lifts one cause of a suspension. When it was the last, users may sign
// in again and find everything as it was.
type Resume struct {
	Tenant domain.TenantID `json:"tenant" path:"tenant" doc:"The tenant."`
	Cause  Cause           `json:"cause" enum:"billing,policy,security,manual" doc:"The cause that no longer holds."`
}

type (
	// SuspensionCauseLifted: one reason to refuse sign-in is gone, others remain.
	SuspensionCauseLifted struct {
		Tenant domain.TenantID `json:"tenant"`
		Cause  Cause           `json:"cause"`
		Before Causes          `json:"before"`
	}

	// Reactivated: the last cause was lifted; users may sign in again.
	Reactivated struct {
		Tenant domain.TenantID `json:"tenant"`
		Cause  Cause           `json:"cause"`
	}
)

// Change gives the causes before and after.
func (e SuspensionCauseLifted) Change() (before, after any) {
	return e.Before, e.Before.without(e.Cause)
}

// Stands says that the tenant is in use again.
func (e Reactivated) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.Tenant), StatusActive.Standing()
}

// Change gives both statuses.
func (e Reactivated) Change() (before, after any) { return StatusSuspended, StatusActive }

// Stream names the tenant's history.
func (c Resume) Stream() domain.StreamID { return Stream(c.Tenant) }

// Decide applies the rule.
func (c Resume) Decide(t Tenant, _ domain.Meta) ([]domain.Event, error) {
	switch {
	case t.Status == StatusActive:
		return nil, nil
	case t.Status != StatusSuspended:
		return nil, t.refused("resumed")
	case !t.Causes.Has(c.Cause):
		return nil, ErrCause.At("/cause", "the tenant is not suspended for that")
	case len(t.Causes) > 1:
		return []domain.Event{SuspensionCauseLifted{c.Tenant, c.Cause, t.Causes}}, nil
	}
	return []domain.Event{Reactivated{c.Tenant, c.Cause}}, nil
}
