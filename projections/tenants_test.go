package projections_test

import (
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/projections"
)

var northProfile = tenant.Profile{Slug: "north", Name: "North Bank", Kind: tenant.Organisation, Contacts: []domain.Contact{{Name: "Nia", Email: "nia@north.example", Role: domain.AdminContact}}}

func created(events ...domain.Event) part {
	return in(domain.TenantStream(north), append([]domain.Event{tenant.Created{Tenant: north, Integrator: acme, Profile: northProfile}}, events...)...)
}

// northRow is the tenant as it was created, then changed at a revision.
func northRow(revision int, change func(*projections.Tenant)) []projections.Tenant {
	t := projections.Tenant{
		ID: north, Owner: string(north), Slug: "north", Name: "North Bank", Kind: tenant.Organisation, Parent: domain.NodeID(acme), IntegratorID: acme,
		Contacts: northProfile.Contacts, Status: tenant.StatusCreated, Causes: tenant.Causes{},
		Revision: int64(revision), Position: int64(revision + 1), CreatedAt: minute(1), UpdatedAt: minute(revision + 1),
	}
	change(&t)
	return []projections.Tenant{t}
}

func TestTenants(t *testing.T) {
	due := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	renamed := tenant.Profile{Slug: "northern", Name: "Northern Bank", Kind: tenant.Merchant}
	tell(t, projections.Tenants, []given[projections.Tenant]{
		{"nothing happened", nil, nil},
		{"created", story(created()), northRow(0, func(t *projections.Tenant) {})},
		{"activated", story(created(tenant.Activated{Tenant: north})), northRow(1, func(t *projections.Tenant) { t.Status = tenant.StatusActive })},
		{"renamed", story(created(tenant.ProfileUpdated{Tenant: north, Before: northProfile, After: renamed})), northRow(1, func(t *projections.Tenant) {
			t.Slug, t.Name, t.Kind, t.Contacts = "northern", "Northern Bank", tenant.Merchant, []domain.Contact{}
		})},
		{"suspended for two causes", story(created(tenant.Activated{Tenant: north}, tenant.Suspended{Tenant: north, Cause: tenant.Policy}, tenant.SuspensionCauseAdded{Tenant: north, Cause: tenant.Billing})),
			northRow(3, func(t *projections.Tenant) {
				t.Status, t.Causes = tenant.StatusSuspended, tenant.Causes{tenant.Billing, tenant.Policy}
			})},
		{"one cause lifted", story(created(tenant.Suspended{Tenant: north, Cause: tenant.Policy}, tenant.SuspensionCauseAdded{Tenant: north, Cause: tenant.Billing}, tenant.SuspensionCauseLifted{Tenant: north, Cause: tenant.Policy})),
			northRow(3, func(t *projections.Tenant) {
				t.Status, t.Causes = tenant.StatusSuspended, tenant.Causes{tenant.Billing}
			})},
		{"resumed", story(created(tenant.Suspended{Tenant: north, Cause: tenant.Policy}, tenant.Reactivated{Tenant: north, Cause: tenant.Policy})),
			northRow(2, func(t *projections.Tenant) { t.Status = tenant.StatusActive })},
		{"reassigned", story(created(tenant.Reassigned{Tenant: north, From: acme, To: bolt})), northRow(1, func(t *projections.Tenant) { t.Parent, t.IntegratorID = domain.NodeID(bolt), bolt })},
		{"deletion requested", story(created(tenant.DeletionRequested{Tenant: north, Due: due})), northRow(1, func(t *projections.Tenant) {
			t.Status, t.DeletionDue = tenant.StatusPendingDeletion, &due
		})},
		{"deletion cancelled", story(created(tenant.DeletionRequested{Tenant: north, Due: due}, tenant.DeletionCancelled{Tenant: north})), northRow(2, func(t *projections.Tenant) { t.Status = tenant.StatusArchived })},
		{"an event of a later build raises the revision", story(created(nil)), northRow(1, func(t *projections.Tenant) {})},
		{"a stream of somebody else is not a tenant", story(in("tenant-of-somebody", nil), in("tenant-33333333-3333-4333-8333-33333333333Z", nil)), nil},
		{"a history without a beginning is no tenant", story(in(domain.TenantStream(north), nil)), nil},
	})
}
