// Package integrator is the life of one integrator: a systems integrator,
// partner or holding that tenants hang under.
//
//	registered -> active <-> stopped
//	registered, stopped -> offboarded
//
// While an integrator is stopped, its tenants are effectively suspended; nothing
// is recorded on them, so that a restart gives each its own state back. One
// integrator, [domain.DirectIntegrator], is built in, for tenants without one.
package integrator

import (
	"fmt"

	"github.com/reeve-platform/reeve/domain"
)

// Events is everything that can ever have happened to an integrator.
var Events = domain.Vocabulary{
	domain.Define[Registered]("IntegratorRegistered", 1),
	domain.Define[ProfileUpdated]("IntegratorProfileUpdated", 1),
	domain.Define[Activated]("IntegratorActivated", 1),
	domain.Define[Stopped]("IntegratorStopped", 1),
	domain.Define[Restarted]("IntegratorRestarted", 1),
	domain.Define[Offboarded]("IntegratorOffboarded", 1),
}

// Stream names the history of an integrator.
func Stream(id domain.IntegratorID) domain.StreamID { return domain.IntegratorStream(id) }

// Status is where an integrator is in its life.
type Status string

// The statuses, as the outside world reads them. Absent is the zero value.
const (
	StatusAbsent     Status = ""
	StatusRegistered Status = "registered" // tenants may be created, none can be activated
	StatusActive     Status = "active"
	StatusStopped    Status = "stopped"
	StatusOffboarded Status = "offboarded"
)

// Standing is how tenants of an integrator see its status.
func (s Status) Standing() domain.Standing {
	switch s {
	case StatusRegistered:
		return domain.Pending
	case StatusActive:
		return domain.Usable
	case StatusStopped:
		return domain.Barred
	case StatusOffboarded:
		return domain.Ended
	}
	return domain.Absent
}

// Integrator is what the rules need to remember, and nothing else.
type Integrator struct {
	ID      domain.IntegratorID
	Status  Status
	Profile Profile
	Started bool // was active at some time
}

// Evolve folds one event.
func (i Integrator) Evolve(e domain.Event) Integrator {
	switch e := e.(type) {
	case Registered:
		i.ID, i.Status, i.Profile = e.Integrator, StatusRegistered, e.Profile
	case ProfileUpdated:
		i.Profile = e.After
	case Activated:
		i.Status, i.Started = StatusActive, true
	case Stopped:
		i.Status = StatusStopped
	case Restarted:
		i.Status = e.To
	case Offboarded:
		i.Status = StatusOffboarded
	}
	return i
}

// Owner is the integrator itself.
func (i Integrator) Owner() domain.Owner { return domain.Owner{Integrator: i.ID} }

// steps says, for people, what an integrator in each status allows.
var steps = map[Status]string{
	StatusRegistered: "a registered integrator cannot be %s; allowed: update profile, activate, stop, offboard",
	StatusActive:     "an active integrator cannot be %s; allowed: update profile, stop",
	StatusStopped:    "a stopped integrator cannot be %s; allowed: update profile, restart, offboard",
}

// refused answers a step that the life of an integrator does not have.
func (i Integrator) refused(done string) error {
	switch i.Status {
	case StatusAbsent:
		return domain.ErrIntegratorNotFound
	case StatusOffboarded:
		return domain.ErrIntegratorGone
	}
	return domain.ErrTransition.With(fmt.Sprintf(steps[i.Status], done))
}
