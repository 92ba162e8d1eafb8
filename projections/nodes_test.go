package projections_test

import (
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/platform"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/projections"
)

var acmeProfile = integrator.Profile{Kind: integrator.Partner, BusinessName: "Acme", PartnerID: "P-7", OnboardingDate: noon}

func registered(events ...domain.Event) part {
	return in(domain.IntegratorStream(acme), append([]domain.Event{integrator.Registered{Integrator: acme, Profile: acmeProfile}}, events...)...)
}

func TestNodes(t *testing.T) {
	acmePath, northPath := "platform/"+string(acme), "platform/"+string(acme)+"/"+string(north)
	tell(t, projections.Nodes, []given[projections.Node]{
		{"the platform", story(in("platform-platform", platform.Established{Node: domain.PlatformID})), []projections.Node{
			{ID: "platform", Owner: "platform", Level: domain.PlatformLevel, Path: "platform", Name: "Platform", Standing: domain.Usable, StandingBy: by(1), Position: 1, UpdatedAt: minute(1)},
		}},
		{"an integrator and its tenant", story(registered(integrator.Activated{Integrator: acme}), created()), []projections.Node{
			{ID: domain.NodeID(acme), Owner: string(acme), Level: domain.IntegratorLevel, Parent: "platform", Path: acmePath, Name: "Acme", Standing: domain.Usable, StandingBy: by(2), Position: 2, UpdatedAt: minute(2)},
			{ID: domain.NodeID(north), Owner: string(north), Level: domain.TenantLevel, Parent: domain.NodeID(acme), Path: northPath, Name: "North Bank", Standing: domain.Pending, StandingBy: by(3), Position: 3, UpdatedAt: minute(3)},
		}},
		{"a reassigned tenant hangs elsewhere", story(created(tenant.Reassigned{Tenant: north, From: acme, To: bolt})), []projections.Node{
			{ID: domain.NodeID(north), Owner: string(north), Level: domain.TenantLevel, Parent: domain.NodeID(bolt), Path: "platform/" + string(bolt) + "/" + string(north), Name: "North Bank", Standing: domain.Pending, StandingBy: by(1), Position: 2, UpdatedAt: minute(2)},
		}},
		{"a renamed and stopped integrator", story(registered(integrator.ProfileUpdated{Integrator: acme, After: integrator.Profile{BusinessName: "Apex"}}, integrator.Stopped{Integrator: acme})), []projections.Node{
			{ID: domain.NodeID(acme), Owner: string(acme), Level: domain.IntegratorLevel, Parent: "platform", Path: acmePath, Name: "Apex", Standing: domain.Barred, StandingBy: by(3), Position: 3, UpdatedAt: minute(3)},
		}},
	})
}

func TestIntegrators(t *testing.T) {
	row := func(status string, life integrator.Status, revision int, reason string) []projections.Integrator {
		return []projections.Integrator{{
			ID: acme, Owner: string(acme), Kind: integrator.Partner, BusinessName: "Acme", PartnerID: "P-7", Contacts: []domain.Contact{}, OnboardingDate: noon,
			Status: status, Lifecycle: life, StopReason: reason,
			Revision: int64(revision), Position: int64(revision + 1), CreatedAt: minute(1), UpdatedAt: minute(revision + 1),
		}}
	}
	activated, stopped := integrator.Activated{Integrator: acme}, integrator.Stopped{Integrator: acme, Reason: "audit"}
	tell(t, projections.Integrators, []given[projections.Integrator]{
		{"registered counts as stopped", story(registered()), row("stopped", integrator.StatusRegistered, 0, "")},
		{"activated", story(registered(activated)), row("active", integrator.StatusActive, 1, "")},
		{"stopped says why", story(registered(activated, stopped)), row("stopped", integrator.StatusStopped, 2, "audit")},
		{"restarted forgets why", story(registered(activated, stopped, integrator.Restarted{Integrator: acme, To: integrator.StatusActive})), row("active", integrator.StatusActive, 3, "")},
		{"offboarded", story(registered(stopped, integrator.Offboarded{Integrator: acme})), row("stopped", integrator.StatusOffboarded, 2, "audit")},
	})
}
