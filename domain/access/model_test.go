package access_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/internal/testkit"
)

// grown is a model of the tree, with ann at nord and bob at acme.
func grown(events ...domain.Event) fed {
	return feed().tell(hung{domain.PlatformID, domain.PlatformLevel, "", domain.Usable}).tell(tree...).
		tell(user(ann, nord), user(bob, acme), defined).tell(events...)
}

// Every reason not to let something count has its name, and says whose it is.
func TestExplain(t *testing.T) {
	barred := func(e hung) hung {
		e.standing = domain.Barred
		return e
	}
	held, viewer := grant(acme, ann, clerkRef), grant(acme, ann, viewerRef)
	for name, c := range map[string]struct {
		past    []domain.Event
		verdict Verdict
		user    *Halt
		against *Halt
	}{
		"it counts":                        {past{held}, Allowed, nil, nil},
		"its time is over":                 {past{grant(acme, ann, clerkRef, testkit.Now)}, Unseen, nil, &Halt{Cause: Ended}},
		"its time is not over":             {past{grant(acme, ann, clerkRef, later)}, Allowed, nil, nil},
		"the tenant is suspended":          {past{held, barred(tree[1].(hung))}, Unseen, nil, &Halt{NotStanding, acme}},
		"the integrator is stopped":        {past{held, barred(tree[0].(hung))}, Unseen, &Halt{NotStanding, nord}, &Halt{NotStanding, nord}},
		"and restarted":                    {past{held, barred(tree[0].(hung)), tree[0]}, Allowed, nil, nil},
		"the user is deactivated":          {past{held, barred(user(ann, nord))}, Unseen, &Halt{NotStanding, domain.NodeID(ann)}, nil},
		"the user is invited only":         {past{held, hung{domain.NodeID(ann), domain.UserLevel, nord, domain.Pending}}, Unseen, &Halt{NotStanding, domain.NodeID(ann)}, nil},
		"the role is retired":              {past{held, retired}, Unseen, nil, &Halt{Retired, nord}},
		"the integrator shuts it out":      {past{viewer, RoleSetRestricted{Node: nord, After: []Ref{clerkRef}}}, Unseen, nil, &Halt{Restricted, nord}},
		"the integrator lets it count":     {past{held, RoleSetRestricted{Node: nord, After: []Ref{clerkRef}}}, Allowed, nil, nil},
		"the tenant went away":             {past{viewer, hung{acme, domain.TenantLevel, sued, domain.Usable}}, Unseen, nil, &Halt{OutsideHome, nord}},
		"the tenant came back":             {past{viewer, hung{acme, domain.TenantLevel, sued, domain.Usable}, tree[1]}, Allowed, nil, nil},
		"the role is not defined there":    {past{user(ann, domain.PlatformID), held, hung{acme, domain.TenantLevel, sued, domain.Usable}}, Unseen, nil, &Halt{Undefined, nord}},
		"the role was defined more widely": {past{held, RoleDefined{Node: nord, Role: "clerk", Definition: Definition{"", domain.PermissionsOf(domain.KeyRotate)}}}, Forbidden, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := grown(c.past...)
			x := f.Explain(string(ann), domain.PermissionsOf(domain.TenantRead), acme, testkit.Now)
			if x.Verdict != c.verdict || f.Decide(string(ann), domain.PermissionsOf(domain.TenantRead), acme, testkit.Now) != c.verdict {
				t.Errorf("%s, want %s", x.Verdict, c.verdict)
			}
			if len(x.Grounds) != 1 || x.Grounds[0].Node != acme {
				t.Fatalf("grounds: %+v", x.Grounds)
			}
			if diff := cmp.Diff([]*Halt{c.user, c.against}, []*Halt{x.User, x.Grounds[0].Against}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Somebody belongs to the node it is at home or registered at, and to an integrator by
// that; with the tenant it comes to belong to another one.
func TestBelongs(t *testing.T) {
	moved := hung{acme, domain.TenantLevel, sued, domain.Usable}
	for name, c := range map[string]struct {
		past             []domain.Event
		who              string
		node, integrator domain.NodeID
	}{
		"a user of an integrator":  {nil, string(ann), nord, nord},
		"a user of a tenant":       {nil, string(bob), acme, nord},
		"of one that has gone":     {past{moved}, string(bob), acme, sued},
		"a client of a tenant":     {past{registered{who: client, at: acme, what: domain.PermissionsOf(domain.TenantRead)}}, client, acme, nord},
		"a client of the platform": {past{registered{who: client, at: domain.PlatformID, what: domain.PermissionsOf(domain.TenantRead)}}, client, "", ""},
		"a user of the platform":   {past{user("77777777-7777-4777-8777-777777777777", domain.PlatformID)}, "77777777-7777-4777-8777-777777777777", "", ""},
		"nobody":                   {nil, "nobody", "", ""},
	} {
		if node, integrator := grown(c.past...).Belongs(c.who); node != c.node || integrator != c.integrator {
			t.Errorf("%s belongs to %q of %q", name, node, integrator)
		}
	}
}

// housed is a flag that somebody overrides for a user, whom only an application knows.
type housed struct{ user, home domain.NodeID }

func (e housed) Houses() (user, home domain.NodeID) { return e.user, e.home }

// What is said elsewhere about the id of a client does not make a node of it, and
// does not keep its rights from being taken away.
func TestAClientIsHousedNowhere(t *testing.T) {
	need := domain.PermissionsOf(domain.TenantRead)
	f := grown(registered{who: client, at: acme, what: need}, housed{client, bolt})
	if path, there := f.Path(client); there {
		t.Error("it is a node:", path)
	}
	if v := f.Decide(client, need, acme, testkit.Now); v != Allowed {
		t.Error("while it may:", v)
	}
	if v := f.tell(registered{who: client, at: acme}).Decide(client, need, acme, testkit.Now); v != Unseen {
		t.Error("once it is disabled:", v)
	}
}

func TestExplainWhatIsNotThere(t *testing.T) {
	f, need := grown(grant(nord, ann, viewerRef)), domain.PermissionsOf(domain.TenantWrite)
	x := f.Explain(string(ann), need, acme, testkit.Now)
	if x.Verdict != Forbidden || x.Missing != need || x.Path != "platform/"+string(nord)+"/"+string(acme) || x.Position != f.Position() || x.Grounds[0].Ref != viewerRef {
		t.Errorf("%+v", x)
	}
	if x := f.Explain(string(ann), need, "nowhere", testkit.Now); x.Verdict != Unseen || x.Path != "" || x.Missing != need {
		t.Errorf("%+v", x)
	}
	if x := f.Explain("nobody", need, acme, testkit.Now); x.Verdict != Unseen || len(x.Grounds) != 0 {
		t.Errorf("%+v", x)
	}
}

func TestARegistrationIsReplacedWhole(t *testing.T) {
	read, write := domain.PermissionsOf(domain.TenantRead), domain.PermissionsOf(domain.TenantWrite)
	f := grown(registered{who: client, at: nord, what: read})
	for _, step := range []struct {
		e             domain.Event
		reads, writes Verdict
	}{
		{nil, Allowed, Forbidden},
		{registered{who: client, at: acme, what: write}, Forbidden, Allowed},
		{RoleSetRestricted{Node: nord, After: []Ref{clerkRef}}, Forbidden, Allowed},
		{hung{nord, domain.IntegratorLevel, domain.PlatformID, domain.Barred}, Unseen, Unseen},
		{tree[0], Forbidden, Allowed},
		{registered{who: client, at: acme}, Unseen, Unseen},
	} {
		f.tell(step.e)
		if r, w := f.Decide(client, read, acme, testkit.Now), f.Decide(client, write, acme, testkit.Now); r != step.reads || w != step.writes {
			t.Errorf("%+v: reads %s, writes %s", step.e, r, w)
		}
	}
}

// appointed is the platform's first administrator, as another noun tells of it.
type appointed domain.ClientID

func (e appointed) Appoints() domain.ClientID { return domain.ClientID(e) }

// An appointment gives everything to a client that could do nothing before, and
// nothing to another one.
func TestAnAppointment(t *testing.T) {
	all := domain.PermissionsOf(domain.AllPermissions...)
	f := grown(registered{who: client, at: domain.PlatformID}, registered{who: agent, at: domain.PlatformID})
	for _, step := range []struct {
		e            domain.Event
		first, other Verdict
	}{
		{nil, Unseen, Unseen},
		{appointed(client), Allowed, Unseen},
		{registered{who: client, at: domain.PlatformID}, Unseen, Unseen}, // disabled
	} {
		f.tell(step.e)
		if a, b := f.Decide(client, all, acme, testkit.Now), f.Decide(agent, 0, acme, testkit.Now); a != step.first || b != step.other {
			t.Errorf("%+v: %s and %s", step.e, a, b)
		}
	}
}

func TestStanding(t *testing.T) {
	f := grown(hung{sued, domain.IntegratorLevel, domain.PlatformID, domain.Barred}, hung{bolt, domain.TenantLevel, sued, domain.Pending})
	for n, want := range map[domain.NodeID]domain.Standing{
		domain.PlatformID: domain.Usable, acme: domain.Usable, domain.NodeID(bob): domain.Usable, sued: domain.Barred, bolt: domain.Barred, "nowhere": domain.Absent,
	} {
		if got := f.Standing(n); got != want {
			t.Errorf("%s stands %q, want %q", n, got, want)
		}
	}
	f.tell(hung{bolt, domain.TenantLevel, sued, domain.Ended})
	if got := f.Standing(bolt); got != domain.Ended {
		t.Error(got)
	}
}

func TestConfers(t *testing.T) {
	f := grown()
	for _, c := range []struct {
		key  Key
		at   domain.NodeID
		want domain.Permissions
		ok   bool
	}{
		{"clerk", acme, clerk.Permissions, true},
		{"clerk", nord, clerk.Permissions, true},
		{"clerk", bolt, 0, false},
		{"clerk", "nowhere", 0, false},
		{Evaluator, bolt, domain.PermissionsOf(domain.FlagEvaluate), true},
	} {
		if got, ok := f.Confers(c.key, c.at); got != c.want || ok != c.ok {
			t.Errorf("%s at %s: %v, %v", c.key, c.at, got.List(), ok)
		}
	}
	if _, ok := f.tell(retired).Confers("clerk", acme); ok {
		t.Error("a retired role confers something")
	}
}

// linked is a user that an issuer knows, as another noun tells of it.
type linked struct {
	user            domain.UserID
	issuer, subject string
}

func (e linked) Identifies() (domain.UserID, string, string) { return e.user, e.issuer, e.subject }

func TestIdentified(t *testing.T) {
	f := grown(linked{ann, "https://a.example", "Ann"}, linked{})
	if got, ok := f.Identified("https://a.example", "Ann"); got != ann || !ok {
		t.Error(got, ok)
	}
	for _, other := range [][2]string{{"https://a.example", "ann"}, {"https://a.exampleA", "nn"}, {"", ""}} {
		if got, ok := f.Identified(other[0], other[1]); ok {
			t.Error(other, got)
		}
	}
}

func TestAnEventIsAppliedOnceAndNoneIsPassedOver(t *testing.T) {
	f := grown()
	at := f.Position()
	for _, r := range []domain.Recorded{{Position: at, Event: retired}, {Position: at - 1, Event: retired}} {
		if err := f.Apply(r); err != nil || f.Position() != at {
			t.Error(err, f.Position())
		}
	}
	if _, ok := f.Confers("clerk", acme); !ok {
		t.Error("an event was applied twice")
	}
	if err := f.Apply(domain.Recorded{Position: at + 1, Err: errors.New("broken")}); !errors.Is(err, domain.ErrUnreadableEvent) || f.Position() != at {
		t.Error(err, f.Position())
	}
	if path, ok := f.Path(domain.NodeID(bob)); !ok || path != "platform/"+string(nord)+"/"+string(acme)+"/"+string(bob) {
		t.Error(path, ok)
	}
}

func TestDecidingAllocatesNothing(t *testing.T) {
	f, need := grown(grant(acme, ann, clerkRef)), domain.PermissionsOf(domain.TenantRead)
	if n := testing.AllocsPerRun(100, func() { f.Decide(string(ann), need, acme, testkit.Now) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Readers see every event whole, or not at all: of two standings that change in
// one event and back, none is ever seen halfway.
func TestReadersAndTheWriterDoNotMeet(t *testing.T) {
	f := grown(grant(acme, ann, clerkRef))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 2000 {
				if x := f.Explain(string(ann), domain.PermissionsOf(domain.TenantRead), acme, testkit.Now); (x.Verdict == Allowed) != (x.Grounds[0].Against == nil) {
					t.Errorf("%+v", x)
				}
			}
		})
	}
	all.Go(func() {
		for i := range 2000 {
			e := tree[1].(hung)
			if i%2 == 0 {
				e.standing = domain.Barred
			}
			f.tell(e)
		}
	})
	all.Wait()
}

// More nodes than a page, a shelf and a bucket hold are all found again.
func TestALargeTree(t *testing.T) {
	f, tenants := nation(30)
	f.tell(user(ann, domain.PlatformID), grant(domain.PlatformID, ann, viewerRef))
	for _, n := range tenants {
		if f.Decide(string(ann), domain.PermissionsOf(domain.TenantRead), n, testkit.Now) != Allowed {
			t.Fatal(n)
		}
	}
}
