package access_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/internal/testkit"
)

// Ids that read well in a failure.
const (
	nord domain.NodeID = "11111111-1111-4111-8111-111111111111" // an integrator
	sued domain.NodeID = "22222222-2222-4222-8222-222222222222" // another
	acme domain.NodeID = "33333333-3333-4333-8333-333333333333" // a tenant of nord
	bolt domain.NodeID = "44444444-4444-4444-8444-444444444444" // a tenant of sued
	ann  domain.UserID = "55555555-5555-4555-8555-555555555555"
	bob  domain.UserID = "66666666-6666-4666-8666-666666666666"
)

// hung is a node as another noun tells of it.
type hung struct {
	node     domain.NodeID
	level    domain.Level
	parent   domain.NodeID
	standing domain.Standing
}

func (e hung) Placed() (domain.NodeID, domain.Level, domain.NodeID) { return e.node, e.level, e.parent }
func (e hung) Stands() (domain.NodeID, domain.Standing)             { return e.node, e.standing }

// user is a user of a home, in use.
func user(u domain.UserID, home domain.NodeID) hung {
	return hung{domain.NodeID(u), domain.UserLevel, home, domain.Usable}
}

var (
	later = testkit.Now.Add(time.Hour)
	tree  = []domain.Event{
		hung{nord, domain.IntegratorLevel, domain.PlatformID, domain.Usable}, hung{acme, domain.TenantLevel, nord, domain.Usable},
		hung{sued, domain.IntegratorLevel, domain.PlatformID, domain.Usable}, hung{bolt, domain.TenantLevel, sued, domain.Usable},
	}

	reading   = []domain.Permission{domain.TenantRead, domain.FlagRead}
	clerk     = Definition{"Clerk", domain.PermissionsOf(reading...)}
	defined   = RoleDefined{Node: nord, Role: "clerk", Definition: clerk}
	retired   = RoleRetired{nord, "clerk", clerk}
	clerkRef  = Ref{"clerk", nord}
	adminRef  = Ref{Role: PlatformAdmin}
	viewerRef = Ref{Role: TenantViewer}

	records = testkit.Records
	nothing = testkit.Nothing()
	fails   = testkit.Fails
)

// on is what happened in the tree.
func on(past ...domain.Event) testkit.Past {
	return testkit.Given(append(slices.Clone(tree), past...)...)
}

// A case is one row of a table of decisions.
type decision struct {
	past []domain.Event
	cmd  domain.Command[Access]
	want testkit.Expectation
}

func decide(t *testing.T, cases map[string]decision) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { testkit.When(on(c.past...), c.cmd).Meets(t, c.want) })
	}
}

type past = []domain.Event

func TestDefineRole(t *testing.T) {
	define := func(n domain.NodeID, k Key, name string, ps ...domain.Permission) DefineRole {
		return DefineRole{n, k, name, ps}
	}
	wider := Definition{"Clerk", domain.PermissionsOf(domain.TenantRead, domain.TenantWrite)}
	platform := RoleDefined{Node: domain.PlatformID, Role: "clerk", Definition: clerk}
	decide(t, map[string]decision{
		"for the first time":           {nil, define(nord, "clerk", "Clerk", reading...), records(defined)},
		"at the platform":              {nil, define(domain.PlatformID, "clerk", "Clerk", reading...), records(platform)},
		"twice is once":                {past{defined}, define(nord, "clerk", "Clerk", domain.FlagRead, domain.TenantRead), nothing},
		"again, with other rights":     {past{defined}, define(nord, "clerk", "Clerk", domain.TenantRead, domain.TenantWrite), records(RoleDefined{nord, "clerk", wider, &clerk})},
		"after it was retired":         {past{defined, retired}, define(nord, "clerk", "Clerk", reading...), fails(ErrRoleGone)},
		"under a key that is built in": {nil, define(nord, TenantAdmin, "Mine", reading...), fails(ErrBuiltIn)},
		"under a key from above":       {past{platform}, define(nord, "clerk", "Clerk", reading...), fails(ErrRoleAbove)},
		"under a key retired above":    {past{platform, RoleRetired{domain.PlatformID, "clerk", clerk}}, define(acme, "clerk", "Clerk", reading...), fails(ErrRoleAbove)},
		"under a key from elsewhere":   {past{RoleDefined{Node: sued, Role: "clerk", Definition: clerk}}, define(nord, "clerk", "Clerk", reading...), records(defined)},
		"at no node":                   {nil, define("99999999-9999-4999-8999-999999999999", "clerk", "Clerk", reading...), fails(domain.ErrNodeNotFound)},
		"at a user":                    {past{user(ann, acme)}, define(domain.NodeID(ann), "clerk", "Clerk", reading...), fails(domain.ErrNodeNotFound)},
		"at an archived tenant":        {past{hung{acme, domain.TenantLevel, nord, domain.Closed}}, define(acme, "clerk", "Clerk", reading...), fails(ErrNodeClosed)},
		"with a key in capitals":       {nil, define(nord, "Clerk", "Clerk", reading...), fails(ErrRoleKey)},
		"without a name":               {nil, define(nord, "clerk", " ", reading...), fails(ErrRoleName)},
		"without permissions":          {nil, define(nord, "clerk", "Clerk"), fails(ErrNoPermissions)},
	})
	if got := define(nord, "clerk", "Clerk", reading...).Confers(); got != clerk.Permissions {
		t.Error(got.List())
	}
}

func TestANodeDefinesOnlySoManyRoles(t *testing.T) {
	full := past{}
	for i := range MostRoles {
		full = append(full, RoleDefined{Node: nord, Role: Key(fmt.Sprintf("role-%d", i)), Definition: clerk})
	}
	renamed := Definition{"Other", clerk.Permissions}
	decide(t, map[string]decision{
		"one too many":          {full, DefineRole{nord, "clerk", "Clerk", reading}, fails(domain.ErrNodeFull)},
		"one of them, anew":     {full, DefineRole{nord, "role-0", "Other", reading}, records(RoleDefined{nord, "role-0", renamed, &clerk})},
		"below it":              {full, DefineRole{acme, "clerk", "Clerk", reading}, records(RoleDefined{Node: acme, Role: "clerk", Definition: clerk})},
		"after one was retired": {append(slices.Clone(full), RoleRetired{nord, "role-0", clerk}), DefineRole{nord, "clerk", "Clerk", reading}, records(defined)},
	})
}

func TestRetireRole(t *testing.T) {
	decide(t, map[string]decision{
		"that is defined":       {past{defined}, RetireRole{nord, "clerk"}, records(retired)},
		"twice is once":         {past{defined, retired}, RetireRole{nord, "clerk"}, nothing},
		"that nobody defined":   {nil, RetireRole{nord, "clerk"}, fails(ErrRoleNotFound)},
		"that a node above has": {past{defined}, RetireRole{acme, "clerk"}, fails(ErrRoleNotFound)},
		"that is built in":      {nil, RetireRole{nord, TenantAdmin}, fails(ErrBuiltIn)},
	})
}

func TestRestrictRoles(t *testing.T) {
	both := RoleSetRestricted{Node: nord, After: []Ref{clerkRef, viewerRef}}
	decide(t, map[string]decision{
		"to some, in any order":       {past{defined}, restricting(nord, []Key{TenantViewer, "clerk", TenantViewer}), records(both)},
		"twice is once":               {past{defined, both}, restricting(nord, []Key{"clerk", TenantViewer}), nothing},
		"to others":                   {past{defined, both}, restricting(nord, []Key{"clerk"}), records(RoleSetRestricted{nord, both.After, []Ref{clerkRef}})},
		"no more":                     {past{defined, both}, restricting(nord, nil), records(RoleSetRestricted{nord, both.After, nil})},
		"no more, though never":       {nil, restricting(nord, []Key{}), nothing},
		"to one that nobody defined":  {nil, restricting(nord, []Key{"clerk"}), fails(ErrRoleNotFound)},
		"to one that was retired":     {past{defined, retired}, restricting(nord, []Key{"clerk"}), fails(ErrRoleGone)},
		"to one that a tenant has":    {past{RoleDefined{Node: acme, Role: "clerk", Definition: clerk}}, restricting(nord, []Key{"clerk"}), fails(ErrRoleNotFound)},
		"at a tenant":                 {nil, restricting(acme, []Key{TenantViewer}), fails(ErrRestrictionLevel)},
		"at the platform":             {nil, restricting(domain.PlatformID, []Key{TenantViewer}), fails(ErrRestrictionLevel)},
		"at an integrator that ended": {past{hung{nord, domain.IntegratorLevel, domain.PlatformID, domain.Ended}}, restricting(nord, []Key{TenantViewer}), fails(ErrNodeClosed)},
	})
}

// What was checked is what is recorded, or nothing is.
func TestOnlyWhatWasLookedAtIsGiven(t *testing.T) {
	above := RoleDefined{Node: domain.PlatformID, Role: "clerk", Definition: clerk}
	mightier := RoleDefined{Node: nord, Role: "clerk", Definition: Definition{"Clerk", clerk.Permissions | domain.PermissionsOf(domain.TenantDelete)}}
	seen := Meaning{clerkRef, clerk.Permissions}
	give := func(roles []Meaning) GrantRole {
		c := granting(acme, ann, "clerk", nil)
		c.Meaning(roles)
		return c
	}
	let := func(roles []Meaning) RestrictRoles {
		c := restricting(nord, []Key{"clerk"})
		c.Meaning(roles)
		return c
	}
	home := user(ann, nord)
	granted, restricted := records(grant(acme, ann, clerkRef)), records(RoleSetRestricted{Node: nord, After: []Ref{clerkRef}})
	for name, c := range map[string]struct {
		past             past
		meant            []Meaning
		granted, allowed testkit.Expectation
	}{
		"the same role":                   {past{home, defined}, []Meaning{seen}, granted, restricted},
		"one of several":                  {past{home, defined}, []Meaning{{viewerRef, 0}, seen}, granted, restricted},
		"nobody had to be asked":          {past{home, defined}, nil, granted, restricted},
		"none was known":                  {past{home, defined}, []Meaning{}, fails(ErrRoleMoved), fails(ErrRoleMoved)},
		"it may do more now":              {past{home, defined, mightier}, []Meaning{seen}, fails(ErrRoleMoved), fails(ErrRoleMoved)},
		"somebody above has one of it":    {past{home, defined, above}, []Meaning{seen}, fails(ErrRoleMoved), fails(ErrRoleMoved)},
		"it is gone":                      {past{home, defined, retired}, []Meaning{seen}, fails(ErrRoleGone), fails(ErrRoleGone)},
		"it was another, which does less": {past{home, defined}, []Meaning{{clerkRef, clerk.Permissions | domain.PermissionsOf(domain.TenantDelete)}}, fails(ErrRoleMoved), fails(ErrRoleMoved)},
	} {
		decide(t, map[string]decision{
			name + ", granted": {c.past, give(c.meant), c.granted},
			name + ", allowed": {c.past, let(c.meant), c.allowed},
		})
	}
}

func grant(n domain.NodeID, u domain.UserID, ref Ref, until ...time.Time) RoleGranted {
	e := RoleGranted{Node: n, User: u, Terms: Terms{Ref: ref}}
	for _, t := range until {
		e.Until = &t
	}
	return e
}

func TestGrantRole(t *testing.T) {
	home := user(ann, nord)
	terms := func(e RoleGranted) *Terms { return &e.Terms }
	invited := home
	invited.standing = domain.Pending
	out := home
	out.standing = domain.Barred
	boxed := grant(acme, ann, clerkRef, later)
	boxed.Before = terms(grant(acme, ann, clerkRef))
	decide(t, map[string]decision{
		"below the home":                  {past{home, defined}, granting(acme, ann, "clerk", nil), records(grant(acme, ann, clerkRef))},
		"at the home":                     {past{home}, granting(nord, ann, IntegratorAdmin, nil), records(grant(nord, ann, Ref{Role: IntegratorAdmin}))},
		"to who is invited":               {past{invited}, granting(acme, ann, TenantViewer, nil), records(grant(acme, ann, viewerRef))},
		"for a time":                      {past{home}, granting(acme, ann, TenantViewer, &later), records(grant(acme, ann, viewerRef, later))},
		"twice is once":                   {past{home, grant(acme, ann, viewerRef)}, granting(acme, ann, TenantViewer, nil), nothing},
		"twice for a time is once":        {past{home, grant(acme, ann, viewerRef, later)}, granting(acme, ann, TenantViewer, &later), nothing},
		"on other terms":                  {past{home, defined, grant(acme, ann, clerkRef)}, granting(acme, ann, "clerk", &later), records(boxed)},
		"anew":                            {past{home, grant(acme, ann, viewerRef), RoleRevoked{acme, ann, Terms{Ref: viewerRef}}}, granting(acme, ann, TenantViewer, nil), records(grant(acme, ann, viewerRef))},
		"to nobody":                       {nil, granting(acme, ann, TenantViewer, nil), fails(domain.ErrUserNotFound)},
		"to a tenant":                     {nil, granting(acme, domain.UserID(acme), TenantViewer, nil), fails(domain.ErrUserNotFound)},
		"to who is deactivated":           {past{out}, granting(acme, ann, TenantViewer, nil), fails(ErrGrantee)},
		"above the home":                  {past{user(ann, acme)}, granting(nord, ann, IntegratorAdmin, nil), fails(ErrReach)},
		"far from home":                   {past{home}, granting(bolt, ann, TenantViewer, nil), fails(ErrReach)},
		"at the platform, to a tenant's":  {past{user(ann, acme)}, granting(domain.PlatformID, ann, PlatformAdmin, nil), fails(ErrReach)},
		"at no node":                      {past{home}, granting("99999999-9999-4999-8999-999999999999", ann, TenantViewer, nil), fails(domain.ErrNodeNotFound)},
		"at a user":                       {past{home}, granting(domain.NodeID(ann), ann, TenantViewer, nil), fails(domain.ErrNodeNotFound)},
		"at an archived tenant":           {past{home, hung{acme, domain.TenantLevel, nord, domain.Closed}}, granting(acme, ann, TenantViewer, nil), fails(ErrNodeClosed)},
		"that nobody defined":             {past{home}, granting(acme, ann, "clerk", nil), fails(ErrRoleNotFound)},
		"that was retired":                {past{home, defined, retired}, granting(acme, ann, "clerk", nil), fails(ErrRoleGone)},
		"that is for other levels":        {past{home}, granting(acme, ann, IntegratorAdmin, nil), fails(ErrGrantLevel)},
		"that the integrator shuts out":   {past{home, defined, RoleSetRestricted{Node: nord, After: []Ref{clerkRef}}}, granting(acme, ann, TenantViewer, nil), fails(ErrRestricted)},
		"that the integrator lets count":  {past{home, defined, RoleSetRestricted{Node: nord, After: []Ref{clerkRef}}}, granting(acme, ann, "clerk", nil), records(grant(acme, ann, clerkRef))},
		"that ends before it begins":      {past{home}, granting(acme, ann, TenantViewer, &testkit.Now), fails(ErrUntil)},
		"as the highest node defines it":  {past{home, RoleDefined{Node: acme, Role: "clerk", Definition: clerk}, defined}, granting(acme, ann, "clerk", nil), records(grant(acme, ann, clerkRef))},
		"in the precision that is kept":   {past{home, grant(acme, ann, viewerRef, later)}, granting(acme, ann, TenantViewer, ptr(later.Add(time.Microsecond))), nothing},
		"to an administrator, for a time": {past{user(ann, domain.PlatformID), grant(domain.PlatformID, ann, adminRef)}, granting(domain.PlatformID, ann, PlatformAdmin, &later), fails(ErrLastAdministrator)},
		"to another administrator":        {past{user(ann, domain.PlatformID), user(bob, domain.PlatformID), grant(domain.PlatformID, ann, adminRef)}, granting(domain.PlatformID, bob, PlatformAdmin, nil), records(grant(domain.PlatformID, bob, adminRef))},
	})
}

func ptr[T any](v T) *T { return &v }

func TestRevokeRole(t *testing.T) {
	held := grant(acme, ann, viewerRef, later)
	revoked := RoleRevoked{acme, ann, held.Terms}
	decide(t, map[string]decision{
		"that is held":              {past{user(ann, nord), held}, RevokeRole{acme, ann, TenantViewer}, records(revoked)},
		"twice is once":             {past{user(ann, nord), held, revoked}, RevokeRole{acme, ann, TenantViewer}, nothing},
		"that never was held":       {past{user(ann, nord), held}, RevokeRole{acme, bob, TenantViewer}, fails(ErrNotMember)},
		"that is held elsewhere":    {past{user(ann, nord), held}, RevokeRole{nord, ann, TenantViewer}, fails(ErrNotMember)},
		"of who is deactivated":     {past{hung{domain.NodeID(ann), domain.UserLevel, nord, domain.Barred}, held}, RevokeRole{acme, ann, TenantViewer}, records(revoked)},
		"at a tenant that is ended": {past{hung{acme, domain.TenantLevel, nord, domain.Ended}, held}, RevokeRole{acme, ann, TenantViewer}, records(revoked)},
	})
}

func TestTheLastAdministratorStays(t *testing.T) {
	p := domain.PlatformID
	first, second := grant(p, ann, adminRef), grant(p, bob, adminRef)
	revoke := RevokeRole{p, ann, PlatformAdmin}
	gone := records(RoleRevoked{p, ann, first.Terms})
	out, invited := user(bob, p), user(bob, p)
	out.standing, invited.standing = domain.Barred, domain.Pending
	decide(t, map[string]decision{
		"with nobody else":                   {past{user(ann, p), first}, revoke, fails(ErrLastAdministrator)},
		"with another one":                   {past{user(ann, p), user(bob, p), first, second}, revoke, gone},
		"with another one for a time":        {past{user(ann, p), user(bob, p), first, grant(p, bob, adminRef, later)}, revoke, fails(ErrLastAdministrator)},
		"with another one, cut short":        {past{user(ann, p), user(bob, p), first, second, grant(p, bob, adminRef, later)}, revoke, fails(ErrLastAdministrator)},
		"with another one who was one":       {past{user(ann, p), user(bob, p), first, second, RoleRevoked{p, bob, second.Terms}}, revoke, fails(ErrLastAdministrator)},
		"with another one, deactivated":      {past{user(ann, p), out, first, second}, revoke, fails(ErrLastAdministrator)},
		"with another one who is invited":    {past{user(ann, p), invited, first, second}, revoke, fails(ErrLastAdministrator)},
		"with an auditor":                    {past{user(ann, p), user(bob, p), first, grant(p, bob, Ref{Role: PlatformAuditor})}, revoke, fails(ErrLastAdministrator)},
		"an administrator for a time may go": {past{user(ann, p), user(bob, p), grant(p, ann, adminRef, later), second}, RevokeRole{p, ann, PlatformAdmin}, records(RoleRevoked{p, ann, grant(p, ann, adminRef, later).Terms})},
	})
	if got := revoke.Reads(domain.Fold(Access{}, first, second)); !slices.Equal(got, []domain.StreamID{domain.UserStream(bob)}) {
		t.Error(got)
	}
}

func TestReads(t *testing.T) {
	known := domain.Fold(Access{}, tree...)
	i, n := domain.StreamID("integrator-"+acme), domain.StreamID("tenant-"+acme)
	for name, c := range map[string]struct{ got, want []domain.StreamID }{
		"the platform":      {DefineRole{Node: domain.PlatformID}.Reads(Access{}), nil},
		"an unknown node":   {DefineRole{Node: acme}.Reads(Access{}), []domain.StreamID{i, n}},
		"all above a node":  {RestrictRoles{Node: acme}.Reads(known), []domain.StreamID{i, n, "access-platform", Stream(nord), domain.StreamID("integrator-" + nord)}},
		"the user, too":     {GrantRole{Node: domain.PlatformID, User: ann}.Reads(known), []domain.StreamID{domain.UserStream(ann)}},
		"and who else is":   {GrantRole{Node: domain.PlatformID, User: ann}.Reads(known.Evolve(grant(domain.PlatformID, bob, adminRef))), []domain.StreamID{domain.UserStream(ann), domain.UserStream(bob)}},
		"nobody else below": {RetireRole{Node: acme}.Reads(Access{}), []domain.StreamID{i, n}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, c := range []domain.Command[Access]{DefineRole{Node: nord}, RetireRole{Node: nord}, RestrictRoles{Node: nord}, GrantRole{Node: nord}, RevokeRole{Node: nord}} {
		if c.Stream() != "access-"+domain.StreamID(nord) {
			t.Errorf("%T: %s", c, c.Stream())
		}
	}
}

func TestOwnerIsTheNodesOwn(t *testing.T) {
	for node, want := range map[domain.NodeID]domain.Owner{
		domain.PlatformID: {},
		nord:              {Integrator: domain.IntegratorID(nord)},
		acme:              {Integrator: domain.IntegratorID(nord), Tenant: domain.TenantID(acme)},
	} {
		got := domain.Fold(Access{}, append(slices.Clone(tree), defined, RoleDefined{Node: node, Role: "x"})...).Owner()
		if got != want {
			t.Errorf("%s: %+v", node, got)
		}
	}
}

func TestEventsTellWhatTheyChange(t *testing.T) {
	again := grant(acme, ann, viewerRef, later)
	again.Before = &Terms{Ref: viewerRef}
	for _, c := range []struct {
		e      domain.Change
		change []any
	}{
		{defined, []any{nil, clerk}},
		{RoleDefined{nord, "clerk", Definition{}, &clerk}, []any{clerk, Definition{}}},
		{retired, []any{clerk, nil}},
		{RoleSetRestricted{nord, nil, []Ref{clerkRef}}, []any{[]Ref(nil), []Ref{clerkRef}}},
		{grant(acme, ann, viewerRef), []any{nil, Terms{Ref: viewerRef}}},
		{again, []any{Terms{Ref: viewerRef}, again.Terms}},
		{RoleRevoked{acme, ann, again.Terms}, []any{again.Terms, nil}},
	} {
		before, after := c.e.Change()
		if diff := cmp.Diff(c.change, []any{before, after}); diff != "" {
			t.Errorf("%T: %s", c.e, diff)
		}
	}
}

// What is built in is what the names promise.
func TestBuiltInRoles(t *testing.T) {
	writes := func(p domain.Permission) bool { return p != domain.PlatformReadAll && !slices.Contains(reads, p) }
	for _, b := range BuiltIns {
		if b.Permissions == 0 || b.Name == "" || len(b.Levels) == 0 {
			t.Errorf("%s is not whole", b.Key)
		}
		only := b.Key == PlatformAuditor || b.Key == TenantViewer
		if only && slices.ContainsFunc(b.Permissions.List(), writes) {
			t.Errorf("%s writes: %v", b.Key, b.Permissions.List())
		}
		if b.Key != PlatformAdmin && b.Key != PlatformAuditor && b.Permissions&domain.PermissionsOf(domain.PlatformReadAll, domain.OpsRead, domain.KeyRotate) != 0 {
			t.Errorf("%s reaches beyond its node", b.Key)
		}
	}
	if BuiltIns[0].Key != PlatformAdmin || !BuiltIns[0].Permissions.Has(domain.PermissionsOf(domain.AllPermissions...)) {
		t.Error("an administrator may not do everything")
	}
	if !BuiltIns[1].Permissions.Has(domain.PermissionsOf(reads...)) {
		t.Error("an auditor may not read everything")
	}
	if got := (GrantRole{Key: Evaluator}).Confers(); got != domain.PermissionsOf(domain.FlagEvaluate) {
		t.Error(got.List())
	}
	if k, n := (GrantRole{Node: acme, Key: "clerk"}).Role(); k != "clerk" || n != acme || (GrantRole{Key: "clerk"}).Confers() != 0 {
		t.Error(k, n)
	}
}

// reads are all permissions to read something.
var reads = []domain.Permission{domain.AccessRead, domain.AuditRead, domain.ClientRead, domain.FlagRead, domain.IntegratorRead, domain.NodeRead,
	domain.OpsRead, domain.QuotaRead, domain.SecurityRead, domain.TenantRead, domain.UserRead}

var asked = []domain.Command[Access]{
	DefineRole{nord, "clerk", "Clerk", reading}, DefineRole{acme, "clerk", "Clerk", reading}, RetireRole{nord, "clerk"},
	restricting(nord, []Key{TenantViewer}), restricting(nord, nil),
	granting(acme, ann, TenantViewer, nil), granting(acme, ann, "clerk", &later), RevokeRole{acme, ann, "clerk"},
	granting(domain.PlatformID, ann, PlatformAdmin, nil), granting(domain.PlatformID, bob, PlatformAdmin, nil), granting(domain.PlatformID, bob, PlatformAdmin, &later),
	RevokeRole{domain.PlatformID, ann, PlatformAdmin}, RevokeRole{domain.PlatformID, bob, PlatformAdmin},
}

func TestWhateverHappenedTwiceIsOnce(t *testing.T) {
	p := domain.PlatformID
	happened := append(slices.Concat(samples, tree), user(ann, p), user(bob, p), user(ann, nord), grant(p, ann, adminRef), grant(p, bob, adminRef),
		RoleRevoked{p, ann, Terms{Ref: adminRef}}, hung{acme, domain.TenantLevel, nord, domain.Closed}, hung{domain.NodeID(bob), domain.UserLevel, p, domain.Barred}, "not an event of ours")
	testkit.Steady(t, happened, asked)
}

// Once the platform has an administrator for good it keeps one: whoever revokes
// all it can is refused at the last.
func TestThereIsAlwaysAnAdministrator(t *testing.T) {
	p := domain.PlatformID
	begin := append(slices.Clone(tree), user(ann, p), user(bob, p), grant(p, ann, adminRef))
	testkit.Walk(t, begin, asked, func(a Access) bool {
		refused := 0
		for _, u := range []domain.UserID{ann, bob} {
			facts, err := RevokeRole{p, u, PlatformAdmin}.Decide(a, domain.Meta{At: testkit.Now})
			if errors.Is(err, ErrLastAdministrator) {
				refused++
			}
			a = domain.Fold(a, facts...)
		}
		return refused == 1
	})
}

func TestEvolveLeavesThePastAlone(t *testing.T) {
	before := domain.Fold(Access{}, append(slices.Clone(tree), user(ann, nord), defined, grant(acme, ann, clerkRef))...)
	domain.Fold(before, retired, RoleRevoked{acme, ann, Terms{Ref: clerkRef}}, hung{acme, domain.TenantLevel, nord, domain.Ended})
	testkit.When(on(user(ann, nord), defined, grant(acme, ann, clerkRef)), granting(acme, ann, "clerk", nil)).Then(t)
	if facts, err := (granting(acme, ann, "clerk", nil)).Decide(before, domain.Meta{At: testkit.Now}); err != nil || facts != nil {
		t.Error(facts, err)
	}
}

var samples = []domain.Event{defined, retired, RoleSetRestricted{nord, []Ref{viewerRef}, []Ref{clerkRef}},
	RoleGranted{acme, ann, Terms{clerkRef, &later}, &Terms{Ref: clerkRef}}, RoleRevoked{acme, ann, Terms{clerkRef, &later}}}

func TestStoredEventsStayReadable(t *testing.T) { testkit.Golden(t, Events, samples...) }

func granting(n domain.NodeID, u domain.UserID, k Key, until *time.Time) GrantRole {
	return GrantRole{Node: n, User: u, Key: k, Until: until}
}

func restricting(n domain.NodeID, keys []Key) RestrictRoles {
	return RestrictRoles{Node: n, Roles: keys}
}
