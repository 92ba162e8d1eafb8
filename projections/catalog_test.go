package projections_test

import (
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/apikey"
	"github.com/reeve-platform/reeve/domain/claim"
	"github.com/reeve-platform/reeve/domain/client"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/platform"
	"github.com/reeve-platform/reeve/domain/quota"
	"github.com/reeve-platform/reeve/domain/security"
	"github.com/reeve-platform/reeve/domain/signing"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/domain/user"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/projections/projectionstest"
)

// estate is a history that touches every read model.
func estate() []domain.Recorded {
	fact := domain.EventID("x", "y", 0)
	return story(
		in(platform.Stream, platform.Established{Node: domain.PlatformID}),
		registered(integrator.Activated{Integrator: acme}),
		in("uniq-tenant-slug-ab", claim.Reserved{Kind: tenant.SlugClaim, Holder: domain.TenantStream(north), Command: fact}, claim.Confirmed{Holder: domain.TenantStream(north)}),
		in("uniq-tenant-slug-cd", claim.Reserved{Kind: tenant.SlugClaim, Holder: domain.TenantStream(south), Command: fact}, claim.Released{Holder: domain.TenantStream(south)}),
		created(tenant.Activated{Tenant: north}, tenant.Suspended{Tenant: north, Cause: tenant.Billing, Note: "quote \" tab \t back\\slash"}),
		in(domain.TenantStream(south), tenant.Created{Tenant: south, Integrator: acme, Profile: tenant.Profile{Slug: "south", Name: "Süd\\N\x00", Kind: tenant.Internal, Contacts: []domain.Contact{{Name: "No", Phone: "\x00"}}}}),
		in(domain.QuotaStream(north), quota.Changed{Tenant: north, Meter: quota.Users, After: quota.Quota{Limit: 5, Period: quota.None, Enforcement: quota.Hard}}),
		in(domain.TenantStream(north), tenant.Reactivated{Tenant: north, Cause: tenant.Billing}),
		in(domain.QuotaStream(north), quota.Changed{Tenant: north, Meter: quota.Users, Before: &quota.Quota{Limit: 5}, After: quota.Quota{Limit: 9, Warn: []int{80}}}),
		defined("dark", flag.Definition{Type: flag.JSON, Default: raw(`{"a":"\u0000"}`), Off: raw("null"), Description: "nul \x00", Tags: []string{"a,b", "{}", "\x00"}}, flag.Activated{Flag: "dark"}),
		in("nodeflags-platform", flag.Overridden{Node: domain.PlatformID, Level: domain.PlatformLevel, Flag: "dark", Setting: flag.Setting{Value: raw(`"<\u0000>"`)}}, flag.Locked{Node: domain.PlatformID, Flag: "dark"}),
		in(domain.StreamID("nodeflags-"+north), flag.Overridden{Node: domain.NodeID(north), Level: domain.TenantLevel, Parent: domain.NodeID(acme), Flag: "dark", Setting: flag.Setting{Value: raw("[1]")}}, flag.Cleared{Node: domain.NodeID(north), Flag: "dark"}),
		registeredClient(client.Disabled{Client: clientID, Node: domain.NodeID(north)}),
		createdKey(apikey.Revoked{Key: keyID, Node: domain.NodeID(north)}),
		in(signing.Stream, signing.Rotated{Key: domain.PublicKey{Kid: "k\x00"}, SignsFrom: noon}, signing.Retired{Kid: "k\x00"}),
		invited(user.Activated{User: anna, Identity: annaAtIdP}, user.Deactivated{User: anna, From: user.StatusActive, Reason: "nul \x00"}),
		in(domain.AccessStream(domain.NodeID(acme)), access.RoleDefined{Node: domain.NodeID(acme), Role: "clerk", Definition: access.Definition{Name: "nul \x00", Permissions: clerk.Permissions}},
			access.RoleDefined{Node: domain.NodeID(acme), Role: "guard", Definition: clerk}, access.RoleRetired{Node: domain.NodeID(acme), Role: "guard", Before: clerk},
			access.RoleSetRestricted{Node: domain.NodeID(acme), After: []access.Ref{clerkRef, viewerRef}}),
		in(domain.AccessStream(domain.NodeID(north)), access.RoleGranted{Node: domain.NodeID(north), User: anna, Terms: access.Terms{Ref: clerkRef, Until: &noon}},
			access.RoleGranted{Node: domain.NodeID(north), User: anna, Terms: access.Terms{Ref: viewerRef}}, access.RoleRevoked{Node: domain.NodeID(north), User: anna, Before: access.Terms{Ref: viewerRef}}),
		in(security.Stream(domain.NodeID(north)), refused),
		in("somebody-elses", nil),
	)
}

func TestEveryReadModelIsTheSameHoweverItIsMade(t *testing.T) {
	projectionstest.Agree(t, estate(), projections.All...)
}

func TestNoTextStopsAReadModel(t *testing.T) {
	db, log := projectionstest.Open(t), projectionstest.NewHistory(estate()...)
	engine := projectionstest.Start(t, db, log, projections.All, projections.Options{})
	projectionstest.Await(t, engine, log)
	all, err := engine.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.State != projections.Live {
			t.Errorf("%s: %s", s.Name, s.State)
		}
	}
}
