// Package tenant is the life of one tenant, the unit of isolation.
//
//	created -> active <-> suspended
//	created, active, suspended -> archived -> suspended (manual)
//	created, archived -> pending_deletion -> deleted
//	pending_deletion -> archived
//
// A tenant is suspended for a set of causes and becomes active again when the
// last one is lifted. What it amounts to together with its integrator is said by
// [Effective], never recorded.
package tenant

import (
	"fmt"
	"maps"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// Events is everything that can ever have happened to a tenant.
var Events = domain.Vocabulary{
	domain.Define[Created]("TenantCreated", 1),
	domain.Define[ProfileUpdated]("TenantProfileUpdated", 1),
	domain.Define[Activated]("TenantActivated", 1),
	domain.Define[Suspended]("TenantSuspended", 1),
	domain.Define[SuspensionCauseAdded]("TenantSuspensionCauseAdded", 1),
	domain.Define[SuspensionCauseLifted]("TenantSuspensionCauseLifted", 1),
	domain.Define[Reactivated]("TenantReactivated", 1),
	domain.Define[Archived]("TenantArchived", 1),
	domain.Define[Unarchived]("TenantUnarchived", 1),
	domain.Define[DeletionRequested]("TenantDeletionRequested", 1),
	domain.Define[DeletionCancelled]("TenantDeletionCancelled", 1),
	domain.Define[Deleted]("TenantDeleted", 1),
	domain.Define[Reassigned]("TenantReassigned", 1),
}

// Stream names the history of a tenant.
func Stream(id domain.TenantID) domain.StreamID { return domain.TenantStream(id) }

// Tenant is what the rules need to remember, and nothing else.
type Tenant struct {
	ID         domain.TenantID
	Integrator domain.IntegratorID
	Status     Status
	Causes     Causes // why it is suspended, or was when it was archived
	Profile    Profile
	Due        time.Time // from when on a requested deletion may be completed

	limited     bool                              // a quota has been set
	integrators map[domain.NodeID]domain.Standing // of those the rules asked about; never changed in place
}

// Evolve folds one event of the tenant, or of an integrator or quota that a rule
// needs to know of.
func (t Tenant) Evolve(e domain.Event) Tenant {
	switch e := e.(type) {
	case Created:
		t.ID, t.Integrator, t.Status, t.Profile = e.Tenant, e.Integrator, StatusCreated, e.Profile
	case ProfileUpdated:
		t.Profile = e.After
	case Reassigned:
		t.Integrator = e.To
	case Suspended:
		t.Status, t.Causes = StatusSuspended, t.Causes.with(e.Cause)
	case SuspensionCauseAdded:
		t.Causes = t.Causes.with(e.Cause)
	case SuspensionCauseLifted:
		t.Causes = t.Causes.without(e.Cause)
	case Unarchived:
		t.Status, t.Causes = StatusSuspended, e.Causes
	case DeletionRequested:
		t.Status, t.Due = StatusPendingDeletion, e.Due
	default:
		return t.turned(e)
	}
	return t
}

// turned folds events that say no more than their name.
func (t Tenant) turned(e domain.Event) Tenant {
	switch e := e.(type) {
	case Activated:
		t.Status = StatusActive
	case Reactivated:
		t.Status, t.Causes = StatusActive, nil
	case Archived, DeletionCancelled:
		t.Status = StatusArchived
	case Deleted:
		t.Status = StatusDeleted
	case domain.Limits:
		t.limited = true
	case domain.Stands:
		t.integrators = maps.Clone(t.integrators)
		if t.integrators == nil {
			t.integrators = map[domain.NodeID]domain.Standing{}
		}
		node, standing := e.Stands()
		t.integrators[node] = standing
	}
	return t
}

// Owner is the tenant itself, below its integrator.
func (t Tenant) Owner() domain.Owner { return domain.Owner{Integrator: t.Integrator, Tenant: t.ID} }

// steps says, for people, what a tenant in each status allows.
var steps = map[Status]string{
	StatusCreated:         "a tenant that was only created cannot be %s; allowed: update profile, activate, archive, reassign, request deletion",
	StatusActive:          "an active tenant cannot be %s; allowed: update profile, suspend, archive, reassign",
	StatusSuspended:       "a suspended tenant cannot be %s; allowed: update profile, suspend, resume, archive, reassign",
	StatusArchived:        "an archived tenant cannot be %s; allowed: unarchive, request deletion",
	StatusPendingDeletion: "a tenant pending deletion cannot be %s; allowed: cancel deletion, complete deletion",
}

// refused answers a step that the life of a tenant does not have.
func (t Tenant) refused(done string) error {
	switch t.Status {
	case StatusAbsent:
		return domain.ErrTenantNotFound
	case StatusDeleted:
		return domain.ErrTenantGone
	}
	return domain.ErrTransition.With(fmt.Sprintf(steps[t.Status], done))
}

// taken says whether an integrator takes the tenant in.
func (t Tenant) taken(by domain.IntegratorID) error {
	switch t.integrators[domain.NodeID(by)] {
	case domain.Absent:
		return domain.ErrIntegratorNotFound
	case domain.Barred, domain.Closed:
		return domain.ErrIntegratorStopped
	case domain.Ended:
		return domain.ErrIntegratorGone
	}
	return nil
}

// inUse says whether an integrator is active.
func (t Tenant) inUse(i domain.IntegratorID) bool {
	return t.integrators[domain.NodeID(i)] == domain.Usable
}
