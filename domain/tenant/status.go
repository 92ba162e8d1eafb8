package tenant

import (
	"slices"

	"github.com/reeve-platform/reeve/domain"
)

// Status is where a tenant is in its life.
type Status string

// The statuses, as the outside world reads them. Absent is the zero value.
const (
	StatusAbsent          Status = ""
	StatusCreated         Status = "created" // nobody can sign in yet
	StatusActive          Status = "active"
	StatusSuspended       Status = "suspended"        // nobody can sign in until every cause is lifted
	StatusArchived        Status = "archived"         // data kept, access removed
	StatusPendingDeletion Status = "pending_deletion" // as archived, until the deletion is due
	StatusDeleted         Status = "deleted"
)

// Standing is how relatives of a tenant see its status.
func (s Status) Standing() domain.Standing {
	switch s {
	case StatusCreated:
		return domain.Pending
	case StatusActive:
		return domain.Usable
	case StatusSuspended:
		return domain.Barred
	case StatusArchived, StatusPendingDeletion:
		return domain.Closed
	case StatusDeleted:
		return domain.Ended
	}
	return domain.Absent
}

// Effective combines a tenant's own status with its integrator's standing: an
// active tenant of an integrator that must not be used is suspended, with
// ByIntegrator as the only cause. In every other case the tenant is what it is
// by itself. It is computed when asked and never recorded, so that the restart
// of an integrator gives each tenant its own state back.
func Effective(own Status, causes Causes, integrator domain.Standing) (Status, Causes) {
	if own == StatusActive && (integrator == domain.Barred || integrator == domain.Ended) {
		return StatusSuspended, Causes{ByIntegrator}
	}
	return own, causes
}

// Cause is why a tenant is suspended.
type Cause string

// The causes. ByIntegrator is derived (see Effective) and never recorded.
const (
	Billing      Cause = "billing"
	Policy       Cause = "policy"
	Security     Cause = "security"
	Manual       Cause = "manual"
	ByIntegrator Cause = "integrator"
)

// ErrCause: not a cause that a tenant can be suspended for, or not one of those it is.
var ErrCause = &domain.Error{Kind: domain.Invalid, Code: "unknown-cause", Detail: "the cause must be billing, policy, security or manual"}

func (c Cause) check() error {
	switch c {
	case Billing, Policy, Security, Manual:
		return nil
	}
	return ErrCause.At("/cause", ErrCause.Detail)
}

// Causes is a sorted set of causes. It is never changed in place.
type Causes []Cause

// Has reports whether c is among the causes.
func (s Causes) Has(c Cause) bool { return slices.Contains(s, c) }

func (s Causes) with(c Cause) Causes {
	if s.Has(c) {
		return s
	}
	s = append(slices.Clone(s), c)
	slices.Sort(s)
	return s
}

func (s Causes) without(c Cause) Causes {
	return slices.DeleteFunc(slices.Clone(s), func(x Cause) bool { return x == c })
}
