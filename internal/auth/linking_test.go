package auth_test

import (
	"errors"
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/client"
	"github.com/reeve-platform/reeve/domain/user"
	"github.com/reeve-platform/reeve/internal/auth"
	"github.com/reeve-platform/reeve/internal/edge"
)

const bea domain.UserID = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa" // of north

// believing is a door at which tokens of an issuer for each node are believed.
func believing(t *testing.T, nodes ...domain.NodeID) *door {
	t.Helper()
	var trusted []*auth.Trusted
	for _, n := range nodes {
		trusted = append(trusted, auth.Trust(auth.External{Issuer: idp(n), Audience: issuer, Node: n}))
	}
	may := domain.PermissionsOf(domain.UserWrite)
	return newDoor(t, func(s *script) {
		for id, node := range map[domain.ClientID]domain.NodeID{operator: domain.PlatformID, partner: acme, billing: north} {
			s.add(client.Stream(id), client.Registered{Client: id, Node: node, Permissions: may})
		}
		s.add(domain.UserStream(bea), user.Invited{User: bea, Profile: user.Profile{Home: north}})
	}, trusted...)
}

func idp(n domain.NodeID) string { return "https://" + string(n) + ".example" }

// Which user a subject of an issuer is, is for those to say who may write users
// wherever the issuer vouches for them, and of those users only.
func TestLinking(t *testing.T) {
	d := believing(t, "", domain.PlatformID, acme, north, south)
	all := domain.PermissionsOf(domain.AllPermissions...)
	as := func(id domain.ClientID, node domain.NodeID, scopes domain.Permissions) edge.Caller {
		c, err := d.enter(t, auth.Grant{Subject: string(id), Client: string(id), Node: node, Scopes: scopes})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	platform, integrator, tenant := as(operator, domain.PlatformID, all), as(partner, acme, all), as(billing, north, all)
	narrow := as(billing, north, domain.PermissionsOf(domain.TenantRead))
	for name, c := range map[string]struct {
		caller edge.Caller
		issuer string
		home   domain.NodeID
		want   error
	}{
		"the platform's, by the platform":              {platform, idp(domain.PlatformID), north, nil},
		"that of nowhere in particular":                {platform, idp(""), north, nil},
		"by the integrator":                            {integrator, idp(domain.PlatformID), north, auth.ErrLinkAbove},
		"by the tenant":                                {tenant, idp(domain.PlatformID), north, auth.ErrLinkAbove},
		"that of nowhere in particular, by the tenant": {tenant, idp(""), north, auth.ErrLinkAbove},
		"the integrator's, by the platform":            {platform, idp(acme), north, nil},
		"the integrator's, by itself":                  {integrator, idp(acme), north, nil},
		"the integrator's, for its own":                {integrator, idp(acme), acme, nil},
		"the integrator's, by the tenant":              {tenant, idp(acme), north, auth.ErrLinkAbove},
		"the integrator's, for the platform's":         {platform, idp(acme), domain.PlatformID, auth.ErrIssuer},
		"the tenant's, by itself":                      {tenant, idp(north), north, nil},
		"the tenant's, by its integrator":              {integrator, idp(north), north, nil},
		"the tenant's, for its integrator's":           {integrator, idp(north), acme, auth.ErrIssuer},
		"the tenant's, for the tenant next door":       {integrator, idp(north), south, auth.ErrIssuer},
		"next door's, by the tenant":                   {tenant, idp(south), north, auth.ErrIssuer},
		"next door's, by the platform":                 {platform, idp(south), north, auth.ErrIssuer},
		"nobody's":                                     {platform, "https://unheard.example", north, auth.ErrIssuer},
		"one that is spelled otherwise":                {platform, idp(domain.PlatformID) + "/", north, auth.ErrIssuer},
		"by a token that is good for less":             {narrow, idp(north), north, auth.ErrScope},
		"at a node that nobody knows":                  {platform, idp(domain.PlatformID), "12121212-1212-4212-8212-121212121212", auth.ErrIssuer},
	} {
		invite := user.Invite{Home: c.home, Identity: &user.Identity{Issuer: c.issuer, Subject: "s"}}
		if err := c.caller.MayGive(invite, []domain.NodeID{c.home}); !errors.Is(err, c.want) {
			t.Errorf("%s, on invitation: %v", name, err)
		}
		if c.home != north {
			continue
		}
		activate := user.Activate{User: bea, Identity: invite.Identity}
		if err := c.caller.MayGive(activate, []domain.NodeID{domain.NodeID(bea)}); !errors.Is(err, c.want) {
			t.Errorf("%s, on activation: %v", name, err)
		}
	}
	for name, input := range map[string]any{"invited": user.Invite{Home: north}, "activated": user.Activate{User: bea}} {
		if err := tenant.MayGive(input, []domain.NodeID{north}); err != nil {
			t.Errorf("%s without an identity: %v", name, err)
		}
	}
	mighty := user.Activate{User: ann, Identity: &user.Identity{Issuer: idp(acme), Subject: "s"}}
	if err := integrator.MayGive(mighty, []domain.NodeID{domain.NodeID(ann)}); !errors.Is(err, edge.ErrForbidden) {
		t.Errorf("somebody who may do more: %v", err)
	}
}

// A token is good for users at or below the node of its issuer only, also if the
// user was linked before the issuer was bound to the node, and goes elsewhere after
// the token was first believed.
func TestAnIssuerVouchesForItsNodeOnly(t *testing.T) {
	const rival domain.NodeID = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
	for name, c := range map[string]struct {
		node domain.NodeID
		past []domain.Event
		good bool
	}{
		"the platform":                        {"", nil, true},
		"the integrator":                      {acme, nil, true},
		"the tenant":                          {north, nil, true},
		"the tenant next door":                {south, nil, false},
		"another integrator":                  {rival, nil, false},
		"the integrator that the tenant left": {acme, []domain.Event{placed{north, domain.TenantLevel, rival}}, false},
		"the one that it has gone to":         {rival, []domain.Event{placed{north, domain.TenantLevel, rival}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newForeign(t, func(o *auth.External) { o.Node = c.node })
			f.tell("user-x", placed{domain.NodeID(ann), domain.UserLevel, north})
			text := f.spelled(f.goodHeader(), f.claimed())
			_, before := f.verifier.Token(t.Context(), text)
			f.tell("tenant-x", c.past...)
			p, err := f.verifier.Token(t.Context(), text)
			if c.good != (err == nil) || !c.good && !errors.Is(err, auth.ErrInvalid) || c.good && p.ID != string(ann) {
				t.Error(p, err)
			}
			if moved := c.past != nil; moved && (before == nil) == c.good {
				t.Error("before the move:", before)
			}
		})
	}
}
