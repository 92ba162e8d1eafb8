package auth_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/client"
	"github.com/reeve-platform/reeve/domain/user"
	"github.com/reeve-platform/reeve/internal/auth"
	"github.com/reeve-platform/reeve/internal/edge"
)

// stands is somebody else's fact about how a node stands.
type stands struct {
	node     domain.NodeID
	standing domain.Standing
}

func (s stands) Stands() (domain.NodeID, domain.Standing) { return s.node, s.standing }

// A script is a log that says what it holds and then nothing more.
type script struct{ facts []domain.Recorded }

func (s *script) add(stream domain.StreamID, events ...domain.Event) {
	for _, e := range events {
		s.facts = append(s.facts, domain.Recorded{Event: e, Stream: stream, Position: uint64(len(s.facts) + 1), Meta: domain.Meta{At: noon}})
	}
}

func (s *script) Prompt(ctx context.Context, from uint64, _ int) iter.Seq2[domain.Page, error] {
	return func(yield func(domain.Page, error) bool) {
		yield(domain.Page{From: from, To: uint64(len(s.facts)), Events: s.facts[from:]}, nil)
	}
}

// A door is a guard over a script, in which ann, whose home is acme, is an
// integrator's administrator.
type door struct {
	*world
	script
	mirror *auth.Mirror
	guard  *auth.Guard
}

func newDoor(t *testing.T, more func(*script), trusted ...*auth.Trusted) *door {
	t.Helper()
	d := &door{world: newWorld(t, trusted...)}
	d.add("platform-platform", placed{domain.PlatformID, domain.PlatformLevel, ""}, stands{domain.PlatformID, domain.Usable})
	d.add("integrator-x", placed{acme, domain.IntegratorLevel, domain.PlatformID}, stands{acme, domain.Usable})
	d.add("tenant-x", placed{north, domain.TenantLevel, acme}, stands{north, domain.Usable}, placed{south, domain.TenantLevel, acme}, stands{south, domain.Usable})
	d.add(domain.UserStream(ann), user.Invited{User: ann, Profile: user.Profile{Home: acme}}, user.Activated{User: ann})
	d.add(domain.AccessStream(acme), access.RoleGranted{Node: acme, User: ann, Terms: access.Terms{Ref: access.Ref{Role: access.IntegratorAdmin}}})
	d.add(client.Stream(billing), client.Registered{Client: billing, Node: north, Permissions: reads})
	if more != nil {
		more(&d.script)
	}
	model := access.NewModel()
	d.mirror = auth.NewMirror(model)
	_ = d.mirror.Follow(d.Prompt(t.Context(), 0, 1))
	d.guard = auth.NewGuard(d.verifier, model, d.mirror)
	return d
}

// enter is who a token of a grant makes one.
func (d *door) enter(t *testing.T, g auth.Grant) (edge.Caller, error) {
	t.Helper()
	token, _, err := d.world.issuer.Issue(g)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return d.guard.Admit(r)
}

func userAt(node domain.NodeID, scopes domain.Permissions) auth.Grant {
	return auth.Grant{Subject: string(ann), Client: string(operator), Node: node, Scopes: scopes}
}

// What one may do is what one's roles give, the token allows, and where it is bound.
func TestATokenBoundsItsHolder(t *testing.T) {
	reads, writes := domain.PermissionsOf(domain.TenantRead), domain.PermissionsOf(domain.TenantWrite)
	d := newDoor(t, nil)
	atPlatform, err := d.enter(t, userAt(domain.PlatformID, reads|writes))
	if err != nil {
		t.Fatal(err)
	}
	atNorth, err := d.enter(t, userAt(north, reads))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		caller edge.Caller
		all    domain.Permissions
		at     domain.NodeID
		want   error
	}{
		"at home":                            {atPlatform, writes, acme, nil},
		"below":                              {atPlatform, writes, south, nil},
		"above, where nothing is held":       {atPlatform, reads, domain.PlatformID, domain.ErrNodeNotFound},
		"nowhere":                            {atPlatform, reads, "12121212-1212-4212-8212-121212121212", domain.ErrNodeNotFound},
		"what the role does not give":        {atPlatform, domain.PermissionsOf(domain.IntegratorOffboard), acme, edge.ErrForbidden},
		"bound to a tenant, there":           {atNorth, reads, north, nil},
		"what the role gives, not the token": {atNorth, writes, north, auth.ErrScope},
		"bound to a tenant, its sibling":     {atNorth, reads, south, domain.ErrNodeNotFound},
		"bound to a tenant, its integrator":  {atNorth, reads, acme, domain.ErrNodeNotFound},
		"anywhere, for want of scope":        {atNorth, writes, "", auth.ErrScope},
		"anywhere, for want of a role":       {atPlatform, domain.PermissionsOf(domain.TenantWrite), "", edge.ErrForbidden},
	} {
		if err := c.caller.May(c.all, c.at); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	whole, part := "platform/"+string(acme), "platform/"+string(acme)+"/"+string(north)
	for name, c := range map[string]struct {
		caller edge.Caller
		all    domain.Permissions
		want   []string
	}{
		"by role":                    {atPlatform, reads, []string{whole}},
		"narrowed to the bound node": {atNorth, reads, []string{part}},
		"without scope":              {atNorth, writes, nil},
	} {
		if diff := cmp.Diff(c.want, c.caller.Scope(c.all).Paths); diff != "" {
			t.Error(name, diff)
		}
	}
	if atNorth.Tenant() != north || atPlatform.Tenant() != acme {
		t.Error(atNorth.Tenant(), atPlatform.Tenant())
	}
}

func TestWhoeverBelongsToWhatIsHeldIsOut(t *testing.T) {
	service := auth.Grant{Subject: string(billing), Client: string(billing), Node: north, Scopes: reads}
	for name, c := range map[string]struct {
		more            func(*script)
		service, person error
	}{
		"nothing is held":             {nil, nil, nil},
		"the tenant is suspended":     {func(s *script) { s.add("tenant-x", stands{north, domain.Barred}) }, auth.ErrSuspended, nil},
		"the integrator is stopped":   {func(s *script) { s.add("integrator-x", stands{acme, domain.Barred}) }, auth.ErrSuspended, auth.ErrSuspended},
		"the tenant is in the making": {func(s *script) { s.add("tenant-x", stands{north, domain.Pending}) }, nil, nil},
		"the user is deactivated":     {func(s *script) { s.add(domain.UserStream(ann), user.Deactivated{User: ann, From: user.StatusActive}) }, nil, auth.ErrSuspended},
		"and back":                    {func(s *script) { s.add("tenant-x", stands{north, domain.Barred}, stands{north, domain.Usable}) }, nil, nil},
	} {
		d := newDoor(t, c.more)
		if _, err := d.enter(t, service); !errors.Is(err, c.service) {
			t.Errorf("%s: the client: %v", name, err)
		}
		if _, err := d.enter(t, userAt(domain.PlatformID, reads)); !errors.Is(err, c.person) {
			t.Errorf("%s: the user: %v", name, err)
		}
	}
}

// A log that ends in the middle, for whatever reason, may go on with the fact that
// shuts somebody out.
func TestAGuardWhoseLogEndsLetsNobodyIn(t *testing.T) {
	for _, c := range []struct{ end, want error }{{io.ErrUnexpectedEOF, auth.ErrBehind}, {context.Canceled, nil}} {
		d := newDoor(t, func(*script) {})
		err := d.mirror.Follow(func(yield func(domain.Page, error) bool) { yield(domain.Page{}, c.end) })
		if !errors.Is(err, c.end) {
			t.Error(err)
		}
		if _, err := d.enter(t, userAt(domain.PlatformID, reads)); !errors.Is(err, c.want) {
			t.Errorf("after %v: %v", c.end, err)
		}
	}
}

// A fact about access that cannot be read may be the one that shuts somebody out.
func TestABlindGuardLetsNobodyIn(t *testing.T) {
	unreadable := domain.Recorded{Type: "RoleGranted", Stream: domain.AccessStream(acme), Err: domain.ErrUnknownVersion}
	d := newDoor(t, func(s *script) { unreadable.Position = uint64(len(s.facts) + 1); s.facts = append(s.facts, unreadable) })
	if _, err := d.enter(t, userAt(domain.PlatformID, reads)); !errors.Is(err, auth.ErrBlind) {
		t.Error(err)
	}
	if err := d.mirror.Await(t.Context(), 1); !errors.Is(err, auth.ErrBlind) {
		t.Error("waiting:", err)
	}
	unheard := domain.Recorded{Type: "UserPraised", Stream: domain.UserStream(ann)}
	d = newDoor(t, func(s *script) { unheard.Position = uint64(len(s.facts) + 1); s.facts = append(s.facts, unheard) })
	if _, err := d.enter(t, userAt(domain.PlatformID, reads)); err != nil {
		t.Error("a type that nobody has heard of:", err)
	}
	unreadable.Stream = "nodeflags-x"
	d = newDoor(t, func(s *script) { unreadable.Position = uint64(len(s.facts) + 1); s.facts = append(s.facts, unreadable) })
	if _, err := d.enter(t, userAt(domain.PlatformID, reads)); err != nil {
		t.Error("what does not concern access:", err)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	d := newDoor(t, nil)
	if err := d.mirror.Await(t.Context(), uint64(len(d.facts))); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := d.mirror.Await(ctx, 1<<40); !errors.Is(err, auth.ErrBehind) {
		t.Error(err)
	}
}

// Nobody gives away what they do not have, whatever the gift is called.
func TestGivingAway(t *testing.T) {
	const mighty domain.ClientID = "13131313-1313-4313-8313-131313131313"
	d := newDoor(t, func(s *script) {
		for key, what := range map[access.Key]domain.Permission{"clerk": domain.QuotaWrite, "reader": domain.TenantRead} {
			s.add(domain.AccessStream(acme), access.RoleDefined{Node: acme, Role: key, Definition: access.Definition{Name: "x", Permissions: domain.PermissionsOf(what)}})
		}
		s.add(client.Stream(mighty), client.Registered{Client: mighty, Node: north, Permissions: domain.PermissionsOf(domain.PlatformReadAll)})
	})
	narrow, err := d.enter(t, userAt(domain.PlatformID, reads))
	if err != nil {
		t.Fatal(err)
	}
	later := noon.Add(time.Hour)
	for name, g := range map[string]struct {
		input any
		want  error
	}{
		"a role that holds what the token does not":      {access.GrantRole{Node: north, User: ann, Key: "clerk"}, auth.ErrScope},
		"a role nobody knows":                            {access.GrantRole{Node: north, User: ann, Key: "unheard"}, access.ErrRoleNotFound},
		"a role one has oneself":                         {access.GrantRole{Node: north, User: ann, Key: "reader"}, nil},
		"for an hour, what one has for good":             {access.GrantRole{Node: north, User: ann, Key: "reader", Until: &later}, nil},
		"a client that may do more":                      {client.Register{Node: north, Permissions: []domain.Permission{domain.IntegratorOffboard}}, edge.ErrForbidden},
		"a client that may do as much":                   {client.Register{Node: north, Permissions: []domain.Permission{domain.TenantRead}}, nil},
		"nothing":                                        {client.Disable{Node: north, Client: billing}, nil},
		"the secret of a client that may do as much":     {client.Rotate{Node: north, Client: billing}, nil},
		"the secret of one that may do more":             {client.Rotate{Node: north, Client: mighty}, edge.ErrForbidden},
		"the secret of one that is registered elsewhere": {client.Rotate{Node: south, Client: mighty}, nil}, // is not found there
		"an invited user that may do more":               {user.Activate{User: ann}, auth.ErrScope},
		"a user that may do more, again":                 {user.Reactivate{User: ann}, auth.ErrScope},
		"a user that may do nothing, again":              {user.Reactivate{User: "14141414-1414-4414-8414-141414141414"}, nil},
		"taking it from a user that may do more":         {user.Deactivate{User: ann}, nil},
		"every role again":                               {access.RestrictRoles{Node: acme}, auth.ErrScope},
		"a role that one has again":                      {access.RestrictRoles{Node: acme, Roles: []access.Key{"reader"}}, nil},
	} {
		if err := narrow.MayGive(g.input, []domain.NodeID{north}); !errors.Is(err, g.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The guard looks at what is mirrored, and the rule at what is in the log by then. A
// role that somebody above has defined in between is not given unseen.
func TestWhatWasLookedAtIsWhatIsGiven(t *testing.T) {
	mine := access.RoleDefined{Node: north, Role: "clerk", Definition: access.Definition{Name: "x", Permissions: reads}}
	d := newDoor(t, func(s *script) { s.add(domain.AccessStream(north), mine) })
	c, err := d.enter(t, userAt(domain.PlatformID, domain.PermissionsOf(domain.AllPermissions...)))
	if err != nil {
		t.Fatal(err)
	}
	grant := access.GrantRole{Node: north, User: ann, Key: "clerk"}
	restrict := access.RestrictRoles{Node: acme, Roles: []access.Key{"later", access.TenantViewer}}
	for _, input := range []any{&grant, &restrict} {
		if err := c.MayGive(input, []domain.NodeID{north}); err != nil {
			t.Fatal(err)
		}
	}
	theirs := access.RoleDefined{Node: acme, Role: "clerk", Definition: access.Definition{Name: "x", Permissions: domain.PermissionsOf(domain.AllPermissions...)}}
	later := access.RoleDefined{Node: acme, Role: "later", Definition: theirs.Definition}
	past := []domain.Event{placed{acme, domain.IntegratorLevel, domain.PlatformID}, placed{north, domain.TenantLevel, acme}, placed{domain.NodeID(ann), domain.UserLevel, acme}, user.Activated{User: ann}, mine}
	before, after := domain.Fold(access.Access{}, past...), domain.Fold(access.Access{}, append(past, theirs, later)...)
	if facts, err := grant.Decide(before, domain.Meta{At: noon}); err != nil || len(facts) != 1 {
		t.Error(facts, err)
	}
	if facts, err := grant.Decide(after, domain.Meta{At: noon}); !errors.Is(err, access.ErrRoleMoved) {
		t.Error(facts, err)
	}
	if facts, err := restrict.Decide(after, domain.Meta{At: noon}); !errors.Is(err, access.ErrRoleMoved) {
		t.Error(facts, err)
	}
}

// What one has for an hour is not given for good.
func TestGivingForLonger(t *testing.T) {
	later := noon.Add(time.Hour)
	beyond := later.Add(time.Minute)
	d := newDoor(t, func(s *script) {
		s.add(domain.AccessStream(acme), access.RoleGranted{Node: acme, User: ann, Terms: access.Terms{Ref: access.Ref{Role: access.IntegratorAdmin}, Until: &later}})
	})
	c, err := d.enter(t, userAt(domain.PlatformID, domain.PermissionsOf(domain.AllPermissions...)))
	if err != nil {
		t.Fatal(err)
	}
	for name, g := range map[string]struct {
		until *time.Time
		want  error
	}{"as long": {&later, edge.ErrForbidden}, "shorter": {&noon, nil}, "longer": {&beyond, edge.ErrForbidden}, "for good": {nil, edge.ErrForbidden}} {
		if err := c.MayGive(access.GrantRole{Node: acme, User: ann, Key: access.TenantViewer, Until: g.until}, []domain.NodeID{acme}); !errors.Is(err, g.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
