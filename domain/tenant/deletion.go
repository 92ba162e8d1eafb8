package tenant

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
)

const (
	// MinimumGrace is for how many days at least the deletion of an archived
	// tenant can be cancelled. It is a policy of this build, not a legal term.
	MinimumGrace = 30
	// MaximumGrace keeps typing errors from postponing a deletion for ever, in days.
	MaximumGrace = 3650
)

var (
	// ErrGrace: a grace period no calendar holds.
	ErrGrace = &domain.Error{Kind: domain.Invalid, Code: "invalid-grace", Detail: "the grace period has 0 to 3650 days"}
	// ErrGraceTooShort: an archived tenant must be kept for longer.
	ErrGraceTooShort = &domain.Error{Kind: domain.Conflict, Code: "grace-too-short", Detail: "the deletion of an archived tenant needs a grace period of at least 30 days"}
	// ErrDeletionNotDue: the grace period is not over.
	ErrDeletionNotDue = &domain.Error{Kind: domain.Locked, Code: "deletion-not-due", Detail: "the grace period is not over"}
)

// RequestDeletion sets the day on which a tenant is deleted for good. Until then
// it can be cancelled. A tenant that was only created may go at once; one that
// was in use must be archived first and is kept for MinimumGrace days.
type RequestDeletion struct {
	Tenant    domain.TenantID `json:"tenant" path:"tenant" doc:"The tenant."`
	GraceDays *int            `json:"graceDays,omitempty" query:"graceDays" minimum:"0" maximum:"3650" doc:"Days until it is deleted; the fewest allowed if left out."`
}

// DeletionRequested: the tenant will be deleted when due, unless that is cancelled.
type DeletionRequested struct {
	Tenant domain.TenantID `json:"tenant"`
	From   Status          `json:"from"`
	Due    time.Time       `json:"due"`
}

// Stands says that the tenant is kept for the record only.
func (e DeletionRequested) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.Tenant), StatusPendingDeletion.Standing()
}

// Change gives both statuses.
func (e DeletionRequested) Change() (before, after any) { return e.From, StatusPendingDeletion }

// Stream names the tenant's history.
func (c RequestDeletion) Stream() domain.StreamID { return Stream(c.Tenant) }

// Decide applies the rule.
func (c RequestDeletion) Decide(t Tenant, m domain.Meta) ([]domain.Event, error) {
	fewest := 0
	switch t.Status {
	case StatusPendingDeletion:
		return nil, nil
	case StatusCreated:
	case StatusArchived:
		fewest = MinimumGrace
	default:
		return nil, t.refused("deleted")
	}
	days, err := c.days(fewest)
	if err != nil {
		return nil, err
	}
	return []domain.Event{DeletionRequested{c.Tenant, t.Status, m.At.Add(time.Duration(days) * 24 * time.Hour)}}, nil
}

func (c RequestDeletion) days(fewest int) (int, error) {
	switch {
	case c.GraceDays == nil:
		return fewest, nil
	case *c.GraceDays < 0 || *c.GraceDays > MaximumGrace:
		return 0, ErrGrace.At("/graceDays", ErrGrace.Detail)
	case *c.GraceDays < fewest:
		return 0, ErrGraceTooShort
	}
	return *c.GraceDays, nil
}

// CancelDeletion keeps a tenant whose deletion was requested. It is archived then.
type CancelDeletion struct {
	Tenant domain.TenantID `json:"tenant" path:"tenant" doc:"The tenant."`
}

// DeletionCancelled: the tenant is archived and will not be deleted.
type DeletionCancelled struct {
	Tenant domain.TenantID `json:"tenant"`
}

// Stands says that the tenant is kept for the record only.
func (e DeletionCancelled) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.Tenant), StatusArchived.Standing()
}

// Change gives both statuses.
func (e DeletionCancelled) Change() (before, after any) {
	return StatusPendingDeletion, StatusArchived
}

// Stream names the tenant's history.
func (c CancelDeletion) Stream() domain.StreamID { return Stream(c.Tenant) }

// Decide applies the rule.
func (c CancelDeletion) Decide(t Tenant, _ domain.Meta) ([]domain.Event, error) {
	switch t.Status {
	case StatusArchived:
		return nil, nil
	case StatusPendingDeletion:
		return []domain.Event{DeletionCancelled{c.Tenant}}, nil
	}
	return nil, t.refused("kept from deletion")
}

// CompleteDeletion ends a tenant whose deletion is due. The system issues it; it
// cannot be asked for.
type CompleteDeletion struct {
	Tenant domain.TenantID `json:"tenant" doc:"The tenant."`
}

// Deleted: the tenant will never be again, and its slug is free.
type Deleted struct {
	Tenant domain.TenantID `json:"tenant"`
}

// Stands says that the tenant has ended.
func (e Deleted) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.Tenant), StatusDeleted.Standing()
}

// Change gives both statuses.
func (e Deleted) Change() (before, after any) { return StatusPendingDeletion, StatusDeleted }

// Stream names the tenant's history.
func (c CompleteDeletion) Stream() domain.StreamID { return Stream(c.Tenant) }

// Claims gives the slug back.
func (c CompleteDeletion) Claims(before Tenant, facts []domain.Event) (take, release []domain.Claim) {
	return claims(before, facts)
}

// Decide applies the rule.
func (c CompleteDeletion) Decide(t Tenant, m domain.Meta) ([]domain.Event, error) {
	switch {
	case t.Status == StatusDeleted:
		return nil, nil
	case t.Status != StatusPendingDeletion:
		return nil, t.refused("deleted for good")
	case m.At.Before(t.Due):
		return nil, ErrDeletionNotDue
	}
	return []domain.Event{Deleted{c.Tenant}}, nil
}
