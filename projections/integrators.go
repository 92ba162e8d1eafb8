package projections

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/integrator"
)

// Integrator is a row of the integrators table and, unchanged, the answer of
// the query API. Its tenants are counted by whoever asks, not here.
type Integrator struct {
	ID             domain.IntegratorID `db:"id,uuid" json:"id" doc:"The integrator."`
	Owner          string              `db:"owner,text" json:"-"`
	Kind           integrator.Kind     `db:"kind,text" json:"kind" doc:"What sort of middleman it is."`
	BusinessName   string              `db:"business_name,text" json:"businessName" doc:"Name that no other integrator has."`
	PartnerID      string              `db:"partner_id,text" json:"partnerId,omitempty" doc:"Reference in the operator's own books."`
	Contacts       []domain.Contact    `db:"contacts,json" json:"contacts" doc:"Everybody to turn to."`
	OnboardingDate time.Time           `db:"onboarding_date,timestamptz" json:"onboardingDate" doc:"When the co-operation began."`
	Status         string              `db:"status,text" json:"status" enum:"active,stopped" doc:"Whether it may be used."`
	Lifecycle      integrator.Status   `db:"lifecycle,text" json:"lifecycle" enum:"registered,active,stopped,offboarded" doc:"Where in its life it is."`
	StopReason     string              `db:"stop_reason,text" json:"stopReason,omitempty" doc:"Why it was stopped."`
	Revision       int64               `db:"revision,bigint" json:"revision" doc:"Revision of its history."`
	Position       int64               `db:"position,bigint" json:"-"`
	CreatedAt      time.Time           `db:"created_at,timestamptz" json:"createdAt" doc:"When it was registered."`
	UpdatedAt      time.Time           `db:"updated_at,timestamptz" json:"updatedAt" doc:"When it last changed."`
}

// StreamRevision is the revision an If-Match must name.
func (i Integrator) StreamRevision() uint64 { return uint64(i.Revision) }

// Integrators has one row for each integrator that was ever registered.
var Integrators = Table[Integrator]{
	Name: "integrators", Version: 1, Seen: Owners.By("id"),
	Indexes: []string{"lower(business_name)", "created_at, id"},
	Key:     func(r domain.Recorded) string { return subject(r, "integrator-") },
	Fold: func(i Integrator, r domain.Recorded) (Integrator, bool) {
		i = i.evolve(r)
		i.Status = registered(i.Lifecycle)
		i.Revision, i.Position, i.UpdatedAt = int64(r.Revision), int64(r.Position), r.Meta.At
		return i, i.ID != ""
	},
}

func (i Integrator) evolve(r domain.Recorded) Integrator {
	switch e := r.Event.(type) {
	case integrator.Registered:
		i.ID, i.Owner, i.CreatedAt = e.Integrator, string(e.Integrator), r.Meta.At
		i.Lifecycle = integrator.StatusRegistered
		i = i.profile(e.Profile)
	case integrator.ProfileUpdated:
		i = i.profile(e.After)
	case integrator.Activated:
		i.Lifecycle = integrator.StatusActive
	case integrator.Stopped:
		i.Lifecycle, i.StopReason = integrator.StatusStopped, text(e.Reason)
	case integrator.Restarted:
		i.Lifecycle, i.StopReason = e.To, ""
	case integrator.Offboarded:
		i.Lifecycle = integrator.StatusOffboarded
	}
	return i
}

func (i Integrator) profile(p integrator.Profile) Integrator {
	i.Kind, i.BusinessName, i.PartnerID, i.OnboardingDate = p.Kind, text(p.BusinessName), text(p.PartnerID), p.OnboardingDate
	i.Contacts = append([]domain.Contact{}, p.Contacts...)
	return i
}

// registered is what registries outside know of a life: active or not.
func registered(s integrator.Status) string {
	if s == integrator.StatusActive {
		return "active"
	}
	return "stopped"
}
