package commands_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/claim"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/domain/user"
)

func invite(t testing.TB, l *commands.Ledger, cmd user.Invite) (domain.UserID, error) {
	t.Helper()
	r, err := give(t, l, "inviteUser", cmd, plainly())
	return domain.UserID(r.ID), err
}

// staff invites and activates a user.
func staff(t testing.TB, l *commands.Ledger, home domain.NodeID, login string) domain.UserID {
	t.Helper()
	id, err := invite(t, l, user.Invite{Home: home, Login: login})
	if err == nil {
		_, err = give(t, l, "activateUser", user.Activate{User: id}, plainly())
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func newIntegrator(t testing.TB, l *commands.Ledger, name string) domain.IntegratorID {
	t.Helper()
	r, err := give(t, l, "registerIntegrator", integrator.Register{Kind: integrator.Partner, BusinessName: name}, plainly())
	if err != nil {
		t.Fatal(err)
	}
	return domain.IntegratorID(r.ID)
}

func tenantOf(t testing.TB, l *commands.Ledger, i domain.IntegratorID, slug string) domain.NodeID {
	t.Helper()
	r, err := give(t, l, "createTenant", tenant.Create{Slug: slug, Name: slug, Kind: tenant.Organisation, Integrator: i}, plainly())
	if err != nil {
		t.Fatal(err)
	}
	return domain.NodeID(r.ID)
}

func grants(t testing.TB, l *commands.Ledger, n domain.NodeID, u domain.UserID, k access.Key) error {
	t.Helper()
	_, err := give(t, l, "grantRole", access.GrantRole{Node: n, User: u, Key: k}, plainly())
	return err
}

// The same address at two integrators is two users; within one it is taken,
// whichever of its tenants asks.
func TestALoginIsUniqueInAnIntegrator(t *testing.T) {
	l := ledger(t, realLog(t))
	nord, sued := newIntegrator(t, l, "Nord"), newIntegrator(t, l, "Sued")
	acme, bolt, cash := tenantOf(t, l, nord, "acme"), tenantOf(t, l, nord, "bolt"), tenantOf(t, l, sued, "cash")
	first := staff(t, l, acme, "ann@mail.example")
	for _, home := range []domain.NodeID{acme, bolt, domain.NodeID(nord)} {
		if _, err := invite(t, l, user.Invite{Home: home, Login: "Ann@Mail.example"}); !errors.Is(err, claim.ErrLoginTaken) {
			t.Errorf("invited at %s: %v", home, err)
		}
	}
	if second := staff(t, l, cash, "ann@mail.example"); second == first {
		t.Error("two users are one")
	}
	staff(t, l, domain.PlatformID, "ann@mail.example")
}

// Whoever an issuer knows is one user at most, whatever integrator asks.
func TestAnIdentityIsOneUsers(t *testing.T) {
	l := ledger(t, realLog(t))
	nord, sued := newIntegrator(t, l, "Nord"), newIntegrator(t, l, "Sued")
	known := &user.Identity{Issuer: "https://idp.example", Subject: "7"}
	if _, err := invite(t, l, user.Invite{Home: domain.NodeID(nord), Login: "ann@mail.example", Identity: known}); err != nil {
		t.Fatal(err)
	}
	id, err := invite(t, l, user.Invite{Home: domain.NodeID(sued), Login: "ann@mail.example"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := give(t, l, "activateUser", user.Activate{User: id, Identity: known}, plainly()); !errors.Is(err, claim.ErrIdentityTaken) {
		t.Error(err)
	}
	if _, err := give(t, l, "activateUser", user.Activate{User: id, Identity: &user.Identity{Issuer: "https://idp.example", Subject: "8"}}, plainly()); err != nil {
		t.Error(err)
	}
}

// A role is found where it is defined, by a process that has never heard of it.
func TestARoleIsFoundFromAnyProcess(t *testing.T) {
	log := realLog(t)
	l := ledger(t, log)
	nord := newIntegrator(t, l, "Nord")
	acme := tenantOf(t, l, nord, "acme")
	ann := staff(t, l, acme, "ann@mail.example")
	define := access.DefineRole{Node: domain.NodeID(nord), Key: "clerk", Name: "Clerk", Permissions: []domain.Permission{domain.TenantRead}}
	if _, err := give(t, l, "defineRole", define, plainly()); err != nil {
		t.Fatal(err)
	}
	if err := grants(t, ledger(t, log), acme, ann, "clerk"); err != nil {
		t.Fatal(err)
	}
	past, err := log.Read(t.Context(), access.Stream(acme), 0)
	if err != nil || len(past) != 1 {
		t.Fatal(past, err)
	}
	e, ok := past[0].Event.(access.RoleGranted)
	if !ok || e.DefinedAt != domain.NodeID(nord) || past[0].Meta.TenantID != domain.TenantID(acme) || past[0].Meta.IntegratorID != nord {
		t.Errorf("%+v", past[0])
	}
	if _, err := give(t, l, "restrictRoles", access.RestrictRoles{Node: domain.NodeID(nord), Roles: []access.Key{"clerk"}}, plainly()); err != nil {
		t.Fatal(err)
	}
	if err := grants(t, ledger(t, log), acme, ann, access.TenantAdmin); !errors.Is(err, access.ErrRestricted) {
		t.Error(err)
	}
}

// Two administrators who get rid of each other at the same moment do not leave
// the platform to nobody.
func TestAdministratorsCannotAllBeRemoved(t *testing.T) {
	log := realLog(t)
	l, other := ledger(t, log), ledger(t, log)
	p := domain.PlatformID
	admins := []domain.UserID{staff(t, l, p, "ann@mail.example"), staff(t, l, p, "bob@mail.example")}
	for _, u := range admins {
		if err := grants(t, l, p, u, access.PlatformAdmin); err != nil {
			t.Fatal(err)
		}
	}
	for _, u := range admins {
		if _, err := give(t, other, "deactivateUser", user.Deactivate{User: u}, plainly()); !errors.Is(err, user.ErrAdministrator) {
			t.Errorf("deactivated: %v", err)
		}
	}
	ends := make([]error, 2)
	crowd(2, func(i int) {
		process := []*commands.Ledger{l, other}[i]
		_, ends[i] = give(t, process, "revokeRole", access.RevokeRole{Node: p, User: admins[i], Key: access.PlatformAdmin}, plainly())
	})
	if (ends[0] == nil) == (ends[1] == nil) || !errors.Is(errors.Join(ends...), access.ErrLastAdministrator) {
		t.Fatal(ends)
	}
	gone := admins[0]
	if ends[0] != nil {
		gone = admins[1]
	}
	if _, err := give(t, ledger(t, log), "deactivateUser", user.Deactivate{User: gone}, plainly()); err != nil {
		t.Error(err)
	}
}

func TestAccessIsRefusedWhereThereIsNothing(t *testing.T) {
	l := ledger(t, realLog(t))
	nobody, nowhere := domain.UserID(uuid.NewString()), domain.NodeID(uuid.NewString())
	if err := grants(t, l, domain.PlatformID, nobody, access.PlatformAdmin); !errors.Is(err, domain.ErrUserNotFound) {
		t.Error(err)
	}
	if err := grants(t, l, nowhere, nobody, access.TenantViewer); !errors.Is(err, domain.ErrNodeNotFound) {
		t.Error(err)
	}
	if _, err := give(t, l, "revokeRole", access.RevokeRole{Node: nowhere, User: nobody, Key: access.TenantViewer}, plainly()); !errors.Is(err, access.ErrNotMember) {
		t.Error(err)
	}
	if _, err := invite(t, l, user.Invite{Home: nowhere, Login: "a@b.example"}); !errors.Is(err, domain.ErrNodeNotFound) {
		t.Error(err)
	}
}
