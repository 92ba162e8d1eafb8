package projections

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/tenant"
)

// Tenant is a row of the tenants table. What it amounts to together with its
// integrator is not in the row: whoever asks combines the two.
type Tenant struct {
	ID           domain.TenantID     `db:"id,uuid" json:"id" doc:"The tenant."`
	Owner        string              `db:"owner,text" json:"-"`
	Slug         string              `db:"slug,text" json:"slug" doc:"Name for addresses, which no other tenant has."`
	Name         string              `db:"name,text" json:"name" doc:"Name for people."`
	Kind         tenant.Kind         `db:"kind,text" json:"kind" doc:"What sort of customer it is."`
	Parent       domain.NodeID       `db:"parent,text" json:"-"` // the integrator as a node: casts hide an index from row-level security
	IntegratorID domain.IntegratorID `db:"integrator_id,uuid" json:"integratorId" doc:"Integrator it hangs under."`
	Contacts     []domain.Contact    `db:"contacts,json" json:"contacts" doc:"Everybody to turn to."`
	Status       tenant.Status       `db:"status,text" json:"status" enum:"created,active,suspended,archived,pending_deletion,deleted" doc:"Where in its own life it is."`
	Causes       tenant.Causes       `db:"suspension_causes,text[]" json:"suspensionCauses" doc:"Why it is suspended, or was when it was archived."`
	DeletionDue  *time.Time          `db:"deletion_due,timestamptz" json:"deletionDue,omitempty" doc:"When it will be deleted, if that was requested."`
	Revision     int64               `db:"revision,bigint" json:"revision" doc:"Revision of its history."`
	Position     int64               `db:"position,bigint" json:"-"`
	CreatedAt    time.Time           `db:"created_at,timestamptz" json:"createdAt" doc:"When it was created."`
	UpdatedAt    time.Time           `db:"updated_at,timestamptz" json:"updatedAt" doc:"When it last changed."`
}

// StreamRevision is the revision an If-Match must name.
func (t Tenant) StreamRevision() uint64 { return uint64(t.Revision) }

// Tenants has one row for each tenant that was ever created.
var Tenants = Table[Tenant]{
	Name: "tenants", Version: 2, Seen: Owners.By("id").Under("parent"),
	Indexes: []string{"slug", "integrator_id", "parent", "created_at, id"},
	Key:     func(r domain.Recorded) string { return subject(r, "tenant-") },
	Fold: func(t Tenant, r domain.Recorded) (Tenant, bool) {
		t = t.evolve(r)
		t.Revision, t.Position, t.UpdatedAt = int64(r.Revision), int64(r.Position), r.Meta.At
		return t, t.ID != ""
	},
}

func (t Tenant) evolve(r domain.Recorded) Tenant {
	switch e := r.Event.(type) {
	case tenant.Created:
		t.ID, t.Owner, t.IntegratorID, t.CreatedAt = e.Tenant, string(e.Tenant), e.Integrator, r.Meta.At
		t = t.profile(e.Profile)
	case tenant.ProfileUpdated:
		t = t.profile(e.After)
	case tenant.Reassigned:
		t.IntegratorID = e.To
	case tenant.DeletionRequested:
		t.DeletionDue = &e.Due
	case tenant.DeletionCancelled:
		t.DeletionDue = nil
	}
	t.Parent = domain.NodeID(t.IntegratorID)
	return t.live(r.Event)
}

// live takes status and causes from the tenant's own rules, so that the two
// cannot tell different stories.
func (t Tenant) live(e domain.Event) Tenant {
	s := tenant.Tenant{ID: t.ID, Status: t.Status, Causes: t.Causes}.Evolve(e)
	t.Status, t.Causes = s.Status, append(tenant.Causes{}, s.Causes...)
	return t
}

func (t Tenant) profile(p tenant.Profile) Tenant {
	t.Slug, t.Name, t.Kind = text(p.Slug), text(p.Name), p.Kind
	t.Contacts = append([]domain.Contact{}, p.Contacts...)
	return t
}
