package user_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/testkit"

	. "github.com/reeve-platform/reeve/domain/user"
)

const (
	ann  domain.UserID = "5f0c1b52-6f0e-4b5a-8f2d-0a5d3c1f7e11"
	bob  domain.UserID = "6a1d2c63-7f1f-4c6b-9e3e-1b6e4d208f22"
	acme domain.NodeID = "c4e0a9b3-1d2e-4f6a-9b8c-7d6e5f4a3b22"
	nord domain.NodeID = "0b8e7d1c-9a51-4c36-b7f5-2f64f2f0c801"
)

// What a user's rules hear of others.
type (
	hung struct {
		node     domain.NodeID
		level    domain.Level
		parent   domain.NodeID
		standing domain.Standing
	}
	administers struct {
		user    domain.UserID
		forGood bool
	}
)

func (e hung) Placed() (domain.NodeID, domain.Level, domain.NodeID) { return e.node, e.level, e.parent }
func (e hung) Stands() (domain.NodeID, domain.Standing)             { return e.node, e.standing }
func (e administers) Administers() (domain.UserID, bool)            { return e.user, e.forGood }

var (
	tenantHome     = hung{acme, domain.TenantLevel, nord, domain.Usable}
	integratorHome = hung{nord, domain.IntegratorLevel, domain.PlatformID, domain.Usable}

	google  = &Identity{"https://accounts.example.com", "108-ann"}
	profile = Profile{acme, domain.IntegratorID(nord), Member, "ann@acme.example", "Ann"}

	invite      = Invite{User: ann, Home: acme, Login: "ann@acme.example", Name: "Ann"}
	invited     = Invited{ann, profile, nil}
	activated   = Activated{User: ann}
	deactivated = Deactivated{ann, StatusActive, "left"}
	reactivated = Reactivated{ann}

	records  = testkit.Records
	nothing  = testkit.Nothing()
	notThere = testkit.Fails(domain.ErrUserNotFound)
	refused  = testkit.Fails(domain.ErrTransition)
)

// A life is one row of the state machine: what a command does in each state.
type life struct{ absent, invited, active, deactivated testkit.Expectation }

func (l life) in(t *testing.T, cmd domain.Command[User]) {
	t.Helper()
	past := []domain.Event{tenantHome}
	for _, c := range []struct {
		name string
		next domain.Event
		want testkit.Expectation
	}{
		{"who never was", "nothing", l.absent},
		{"who is invited", invited, l.invited},
		{"who is active", activated, l.active},
		{"who is deactivated", deactivated, l.deactivated},
	} {
		past = append(past[:len(past):len(past)], c.next)
		t.Run("a user "+c.name, func(t *testing.T) { testkit.When(testkit.Given(past...), cmd).Meets(t, c.want) })
	}
}

func TestInvite(t *testing.T) {
	life{absent: records(invited), invited: nothing, active: refused, deactivated: refused}.in(t, invite)
	other := invite
	other.Name = "Anne"
	life{absent: records(Invited{ann, Profile{acme, domain.IntegratorID(nord), Member, "ann@acme.example", "Anne"}, nil}),
		invited: refused, active: refused, deactivated: refused}.in(t, other)
}

func TestActivate(t *testing.T) {
	life{absent: notThere, invited: records(activated), active: nothing, deactivated: refused}.in(t, Activate{User: ann})
	life{absent: notThere, invited: records(Activated{ann, google}), active: refused, deactivated: refused}.in(t, Activate{ann, google})
}

func TestDeactivate(t *testing.T) {
	life{absent: notThere, invited: records(Deactivated{ann, StatusInvited, "left"}), active: records(deactivated), deactivated: nothing}.in(t, Deactivate{ann, "left"})
}

func TestReactivate(t *testing.T) {
	life{absent: notThere, invited: refused, active: nothing, deactivated: records(reactivated)}.in(t, Reactivate{ann})
}

func TestInviteAtAHome(t *testing.T) {
	at := func(home domain.NodeID, i domain.NodeID) testkit.Expectation {
		return records(Invited{ann, Profile{home, domain.IntegratorID(i), Member, "ann@acme.example", "Ann"}, nil})
	}
	for name, c := range map[string]struct {
		home domain.NodeID
		past []domain.Event
		want testkit.Expectation
	}{
		"that is the platform":              {domain.PlatformID, nil, at(domain.PlatformID, "")},
		"that is an integrator":             {nord, []domain.Event{integratorHome}, at(nord, nord)},
		"that is a suspended tenant":        {acme, []domain.Event{hung{acme, domain.TenantLevel, nord, domain.Barred}}, at(acme, nord)},
		"that nobody knows":                 {acme, nil, testkit.Fails(domain.ErrNodeNotFound)},
		"that is a user":                    {domain.NodeID(bob), []domain.Event{hung{domain.NodeID(bob), domain.UserLevel, acme, domain.Usable}}, testkit.Fails(domain.ErrNodeNotFound)},
		"that is archived":                  {acme, []domain.Event{hung{acme, domain.TenantLevel, nord, domain.Closed}}, testkit.Fails(ErrHomeClosed)},
		"that has ended":                    {acme, []domain.Event{hung{acme, domain.TenantLevel, nord, domain.Ended}}, testkit.Fails(ErrHomeClosed)},
		"that is left out":                  {"", nil, testkit.Fails(domain.ErrNodeNotFound)},
		"that is pending its activation":    {acme, []domain.Event{hung{acme, domain.TenantLevel, nord, domain.Pending}}, at(acme, nord)},
		"that went to another integrator":   {acme, []domain.Event{hung{acme, domain.TenantLevel, "x", domain.Usable}, tenantHome}, at(acme, nord)},
		"that is an integrator, stopped":    {nord, []domain.Event{hung{nord, domain.IntegratorLevel, domain.PlatformID, domain.Barred}}, at(nord, nord)},
		"that is an integrator, offboarded": {nord, []domain.Event{hung{nord, domain.IntegratorLevel, domain.PlatformID, domain.Ended}}, testkit.Fails(ErrHomeClosed)},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := invite
			cmd.Home = c.home
			testkit.When(testkit.Given(c.past...), cmd).Meets(t, c.want)
		})
	}
}

func TestInviteRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Invite)
		want   error
	}{
		"a login that is no address":      {func(c *Invite) { c.Login = "ann" }, ErrLogin},
		"a login with a name around it":   {func(c *Invite) { c.Login = "Ann <ann@acme.example>" }, ErrLogin},
		"a login that is too long":        {func(c *Invite) { c.Login = strings.Repeat("a", 250) + "@a.example" }, ErrLogin},
		"a name that cannot be seen":      {func(c *Invite) { c.Name = "\u200b" }, ErrUserName},
		"a kind that is none":             {func(c *Invite) { c.Kind = "robot" }, ErrUserKind},
		"an identity without an issuer":   {func(c *Invite) { c.Identity = &Identity{"", "x"} }, ErrIdentity},
		"an identity without a subject":   {func(c *Invite) { c.Identity = &Identity{google.Issuer, ""} }, ErrIdentity},
		"an issuer that anybody can read": {func(c *Invite) { c.Identity = &Identity{"http://accounts.example.com", "x"} }, ErrIdentity},
		"an issuer that is no address":    {func(c *Invite) { c.Identity = &Identity{"https:accounts", "x"} }, ErrIdentity},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := invite
			c.change(&cmd)
			testkit.When(testkit.Given(tenantHome), cmd).ThenFails(t, c.want)
		})
	}
}

func TestAnIdentityIsLinkedOnce(t *testing.T) {
	linked := Invited{ann, profile, google}
	testkit.When(testkit.Given(linked), Activate{ann, google}).Then(t, activated)
	testkit.When(testkit.Given(linked), Activate{ann, &Identity{google.Issuer, "other"}}).ThenFails(t, ErrIdentityLinked)
	testkit.When(testkit.Given(linked, activated), Activate{ann, google}).Then(t)
	testkit.When(testkit.Given(invited, Activated{ann, google}), Activate{ann, google}).Then(t)
	if user, issuer, subject := linked.Identifies(); user != ann || issuer != google.Issuer || subject != google.Subject {
		t.Error(user, issuer, subject)
	}
	if user, _, _ := activated.Identifies(); user != "" {
		t.Error("identifies", user)
	}
}

func TestAPlatformAdministratorIsNotDeactivated(t *testing.T) {
	ours := Invited{ann, Profile{Home: domain.PlatformID, Kind: Member, Login: "ann@acme.example"}, nil}
	for name, c := range map[string]struct {
		heard []domain.Event
		want  testkit.Expectation
	}{
		"while being one for good":      {[]domain.Event{administers{ann, true}}, testkit.Fails(ErrAdministrator)},
		"also if another one remains":   {[]domain.Event{administers{bob, true}, administers{ann, true}}, testkit.Fails(ErrAdministrator)},
		"but once the role was revoked": {[]domain.Event{administers{ann, true}, administers{ann, false}}, records(deactivated)},
		"but if another one is":         {[]domain.Event{administers{bob, true}}, records(deactivated)},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.When(testkit.Given(append([]domain.Event{ours, activated}, c.heard...)...), Deactivate{ann, "left"}).Meets(t, c.want)
		})
	}
	if got := (Deactivate{User: ann}).Reads(domain.Fold(User{}, ours)); !slices.Equal(got, []domain.StreamID{"access-platform"}) {
		t.Error(got)
	}
	if got := (Deactivate{User: ann}).Reads(domain.Fold(User{}, invited)); got != nil {
		t.Error(got)
	}
}

func TestClaims(t *testing.T) {
	login := domain.Claim{Kind: LoginClaim, Value: string(nord) + "/ann@acme.example"}
	take, release := invite.Claims(User{}, []domain.Event{invited})
	if diff := cmp.Diff([]domain.Claim{login}, take); diff != "" || release != nil {
		t.Error(diff, release)
	}
	platform := Invited{ann, Profile{Home: domain.PlatformID, Kind: Member, Login: "ann@acme.example"}, google}
	take, _ = invite.Claims(User{}, []domain.Event{platform})
	if len(take) != 2 || take[0].Value != "platform/ann@acme.example" || take[1].Kind != IdentityClaim || strings.Contains(take[1].Value, "ann") {
		t.Error(take)
	}
	upper := *google
	upper.Subject = strings.ToUpper(upper.Subject)
	again, _ := Activate{}.Claims(domain.Fold(User{}, invited), []domain.Event{Activated{ann, &upper}})
	if len(again) != 1 || again[0].Value == take[1].Value {
		t.Error("two subjects are one", again)
	}
	if take, _ := (Activate{}).Claims(domain.Fold(User{}, platform), []domain.Event{activated}); take != nil {
		t.Error(take)
	}
}

func TestEventsTellWhatTheyChange(t *testing.T) {
	for _, c := range []struct {
		e      domain.Event
		stands domain.Standing
		change []any
	}{
		{invited, domain.Pending, []any{nil, profile}},
		{activated, domain.Usable, []any{StatusInvited, StatusActive}},
		{deactivated, domain.Barred, []any{StatusActive, StatusDeactivated}},
		{reactivated, domain.Usable, []any{StatusDeactivated, StatusActive}},
	} {
		before, after := c.e.(domain.Change).Change()
		if diff := cmp.Diff(c.change, []any{before, after}); diff != "" {
			t.Errorf("%T: %s", c.e, diff)
		}
		if node, standing := c.e.(domain.Stands).Stands(); node != domain.NodeID(ann) || standing != c.stands {
			t.Errorf("%T: %s stands %s", c.e, node, standing)
		}
	}
	if node, level, parent := invited.Placed(); node != domain.NodeID(ann) || level != domain.UserLevel || parent != acme {
		t.Error(node, level, parent)
	}
}

func TestOwnerIsTheHome(t *testing.T) {
	for home, want := range map[domain.NodeID]domain.Owner{
		domain.PlatformID: {},
		nord:              {Integrator: domain.IntegratorID(nord)},
		acme:              {Integrator: domain.IntegratorID(nord), Tenant: domain.TenantID(acme)},
	} {
		e := Invited{ann, Profile{Home: home, Login: "ann@acme.example"}, nil}
		if home != domain.PlatformID {
			e.Profile.Integrator = domain.IntegratorID(nord)
		}
		if got := domain.Fold(User{}, e).Owner(); got != want {
			t.Errorf("%s: %+v", home, got)
		}
	}
}

func TestNamesAndStreams(t *testing.T) {
	id := uuid.MustParse(string(bob))
	if c := (Invite{}).Named(id); c.Chosen() != string(bob) || c.Stream() != domain.StreamID("user-"+bob) {
		t.Error(c)
	}
	for _, c := range []interface{ Stream() domain.StreamID }{Invite{User: ann}, Activate{User: ann}, Deactivate{User: ann}, Reactivate{User: ann}} {
		if c.Stream() != domain.StreamID("user-"+ann) {
			t.Errorf("%T: %s", c, c.Stream())
		}
	}
	if got := invite.Reads(User{}); !slices.Equal(got, []domain.StreamID{domain.StreamID("integrator-" + acme), domain.StreamID("tenant-" + acme)}) {
		t.Error(got)
	}
}

var asked = []domain.Command[User]{invite, Invite{User: ann, Home: domain.PlatformID, Login: "a@b.example", Identity: google},
	Activate{User: ann}, Activate{ann, google}, Deactivate{ann, ""}, Reactivate{ann}}

func TestWhateverHappenedTwiceIsOnce(t *testing.T) {
	testkit.Steady(t, append(slices.Clone(samples), tenantHome, integratorHome, administers{ann, true}, administers{ann, false}, "not an event of ours"), asked)
}

func TestAnActiveUserHasALogin(t *testing.T) {
	testkit.Walk(t, []domain.Event{tenantHome}, asked, func(u User) bool { return (u.Status == StatusAbsent) == (u.Profile.Login == "") })
}

var samples = []domain.Event{Invited{ann, profile, google}, Activated{ann, google}, deactivated, reactivated}

func TestStoredEventsStayReadable(t *testing.T) { testkit.Golden(t, Events, samples...) }
