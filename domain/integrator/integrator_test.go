package integrator_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/internal/testkit"
)

const nord domain.IntegratorID = "0b8e7d1c-9a51-4c36-b7f5-2f64f2f0c801"

var (
	ada     = domain.Contact{Name: "Ada", Email: "ada@nord.example", Role: domain.AdminContact}
	bob     = domain.Contact{Name: "Bob", Email: "bob@nord.example", Phone: "+49 30 1234", Role: domain.BillingContact}
	began   = time.Date(2025, time.June, 1, 0, 0, 0, 0, time.UTC)
	profile = Profile{Partner, "Nord", "N-17", []domain.Contact{ada}, began}

	registered = Registered{nord, profile}
	activated  = Activated{nord}
	stopped    = Stopped{nord, StatusActive, "unpaid"}
	offboarded = Offboarded{nord, StatusStopped}

	records  = testkit.Records
	nothing  = testkit.Nothing()
	notThere = testkit.Fails(domain.ErrIntegratorNotFound)
	gone     = testkit.Fails(domain.ErrIntegratorGone)
	refused  = testkit.Fails(domain.ErrTransition)
	given    = testkit.Given
)

// A life is one row of the state machine: what a command does in each state.
type life struct {
	absent, registered, active, stopped, offboarded testkit.Expectation
}

// in tries a command in every state that an integrator can be in.
func (l life) in(t *testing.T, cmd domain.Command[Integrator]) {
	t.Helper()
	var past []domain.Event
	for _, c := range []struct {
		name string
		next domain.Event
		want testkit.Expectation
	}{
		{"that never was", nil, l.absent},
		{"that is registered", registered, l.registered},
		{"that is active", activated, l.active},
		{"that is stopped", stopped, l.stopped},
		{"that was offboarded", offboarded, l.offboarded},
	} {
		if c.next != nil {
			past = append(past[:len(past):len(past)], c.next)
		}
		t.Run("an integrator "+c.name, func(t *testing.T) { testkit.When(given(past...), cmd).Meets(t, c.want) })
	}
}

func pointer[V any](v V) *V { return &v }

var register = Register{nord, Partner, "Nord", "N-17", []domain.Contact{ada}, &began}

func TestRegister(t *testing.T) {
	life{
		absent:     records(registered),
		registered: refused,
		active:     refused,
		stopped:    refused,
		offboarded: gone,
	}.in(t, register)
}

func TestRegisterWithoutDateBeginsNow(t *testing.T) {
	want := profile
	want.OnboardingDate = testkit.Now
	cmd := register
	cmd.OnboardingDate = nil
	testkit.When(given(), cmd).Then(t, Registered{nord, want})
}

func TestRegisterRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Register)
		want   error
	}{
		"a second built-in one":    {func(c *Register) { c.Kind = Direct }, ErrKind},
		"an unknown kind":          {func(c *Register) { c.Kind = "castle" }, ErrKind},
		"no business name":         {func(c *Register) { c.BusinessName = "  " }, ErrBusinessName},
		"a business name of 201":   {func(c *Register) { c.BusinessName = strings.Repeat("ü", 201) }, ErrBusinessName},
		"a partner id of 101":      {func(c *Register) { c.PartnerID = strings.Repeat("x", 101) }, ErrPartnerID},
		"a contact without a name": {func(c *Register) { c.Contacts = []domain.Contact{{Email: "a@b.example", Role: "admin"}} }, domain.ErrContact},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := register
			c.change(&cmd)
			testkit.When(given(), cmd).ThenFails(t, c.want)
		})
	}
}

func TestRegisterTakesItsName(t *testing.T) {
	id := uuid.New()
	if got := (Register{}).Named(id).Chosen(); got != id.String() {
		t.Fatal(got)
	}
	if got := register.Stream(); got != "integrator-"+domain.StreamID(nord) {
		t.Fatal(got)
	}
}

func TestUpdateProfile(t *testing.T) {
	renamed := profile
	renamed.BusinessName = "Nord AG"
	updated := records(ProfileUpdated{nord, profile, renamed})
	life{
		absent:     notThere,
		registered: updated,
		active:     updated,
		stopped:    updated,
		offboarded: gone,
	}.in(t, UpdateProfile{Integrator: nord, BusinessName: pointer("Nord AG")})
}

func TestUpdateProfileChanges(t *testing.T) {
	later := began.Add(1500 * time.Microsecond)
	everything := Profile{Partner, "Süd", "", []domain.Contact{bob, ada}, began.Add(time.Millisecond)}
	for name, c := range map[string]struct {
		cmd  UpdateProfile
		want testkit.Expectation
	}{
		"nothing when nothing is said":       {UpdateProfile{Integrator: nord}, nothing},
		"nothing when all is as it was":      {UpdateProfile{nord, pointer("Nord"), pointer("N-17"), []domain.Contact{ada}, pointer(began.In(time.FixedZone("", 3600)))}, nothing},
		"everything at once":                 {UpdateProfile{nord, pointer("Süd"), pointer(""), []domain.Contact{bob, ada}, &later}, records(ProfileUpdated{nord, profile, everything})},
		"not to no name":                     {UpdateProfile{Integrator: nord, BusinessName: pointer("")}, testkit.Fails(ErrBusinessName)},
		"not to a contact without an e-mail": {UpdateProfile{Integrator: nord, Contacts: []domain.Contact{{Name: "Ada", Role: "admin"}}}, testkit.Fails(domain.ErrContact)},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(given(registered), c.cmd).Meets(t, c.want) })
	}
}

func TestActivate(t *testing.T) {
	life{
		absent:     notThere,
		registered: records(activated),
		active:     nothing,
		stopped:    refused,
		offboarded: gone,
	}.in(t, Activate{nord})
}

func TestActivateNeeds(t *testing.T) {
	for name, c := range map[string]struct {
		contacts []domain.Contact
		want     testkit.Expectation
	}{
		"a contact":              {nil, testkit.Fails(domain.ErrContactRequired)},
		"one who administers":    {[]domain.Contact{bob}, testkit.Fails(domain.ErrAdministratorRequired)},
		"no more than one of it": {[]domain.Contact{bob, ada}, records(activated)},
	} {
		t.Run(name, func(t *testing.T) {
			p := profile
			p.Contacts = c.contacts
			testkit.When(given(Registered{nord, p}), Activate{nord}).Meets(t, c.want)
		})
	}
}

func TestStop(t *testing.T) {
	life{
		absent:     notThere,
		registered: records(Stopped{nord, StatusRegistered, "unpaid"}),
		active:     records(stopped),
		stopped:    nothing,
		offboarded: gone,
	}.in(t, Stop{nord, "unpaid"})

	t.Run("a stop has a reason", func(t *testing.T) {
		testkit.When(given(registered), Stop{nord, " "}).ThenFails(t, domain.ErrText)
	})
}

func TestRestart(t *testing.T) {
	life{
		absent:     notThere,
		registered: refused,
		active:     nothing,
		stopped:    records(Restarted{nord, StatusActive}),
		offboarded: gone,
	}.in(t, Restart{nord})

	t.Run("one that was never active is registered again", func(t *testing.T) {
		testkit.When(given(registered, Stopped{nord, StatusRegistered, "x"}), Restart{nord}).Then(t, Restarted{nord, StatusRegistered})
	})
}

func TestOffboard(t *testing.T) {
	life{
		absent:     notThere,
		registered: records(Offboarded{nord, StatusRegistered}),
		active:     refused,
		stopped:    records(offboarded),
		offboarded: nothing,
	}.in(t, Offboard{Integrator: nord})
}

func TestOffboardWithTenants(t *testing.T) {
	remain := testkit.Fails(ErrTenantsRemain)
	life{
		absent:     notThere,
		registered: remain,
		active:     refused,
		stopped:    remain,
		offboarded: nothing,
	}.in(t, Offboard{Integrator: nord}.Surveyed([]domain.TenantID{"a"}))
}

func TestOffboardTellsWhichTenantsRemain(t *testing.T) {
	many := slices.Repeat([]domain.TenantID{"a"}, 12)
	_, err := Offboard{nord, many}.Decide(domain.Fold(Integrator{}, registered), domain.Meta{})
	refusal, _ := domain.AsError(err)
	if detail := refusal.Detail; !strings.HasPrefix(detail, "12 tenants") || strings.Count(detail, "a, ") != 10 || !strings.HasSuffix(detail, ", …") {
		t.Fatal(detail)
	}
	if got := (Offboard{Integrator: nord}).Surveys(); got != nord {
		t.Fatal(got)
	}
}

func TestTheBuiltInIntegrator(t *testing.T) {
	direct := domain.DirectIntegrator
	born := []domain.Event{Registered{direct, Profile{Kind: Direct, BusinessName: "Direct", OnboardingDate: testkit.Now}}, Activated{direct}}
	t.Run("is established once", func(t *testing.T) {
		testkit.When(given(), Establish{}).Then(t, born...)
		testkit.When(given(born...), Establish{}).Then(t)
	})
	t.Run("cannot be stopped", func(t *testing.T) {
		testkit.When(given(born...), Stop{direct, "x"}).ThenFails(t, ErrBuiltIn)
	})
	t.Run("cannot be offboarded", func(t *testing.T) {
		testkit.When(given(born...), Offboard{Integrator: direct}).ThenFails(t, ErrBuiltIn)
	})
	t.Run("can be renamed", func(t *testing.T) {
		facts, err := UpdateProfile{Integrator: direct, BusinessName: pointer("House")}.Decide(domain.Fold(Integrator{}, born...), domain.Meta{})
		if err != nil || len(facts) != 1 {
			t.Fatal(facts, err)
		}
	})
}

func TestBusinessNamesAreClaimed(t *testing.T) {
	name := func(s string) []domain.Claim { return []domain.Claim{{Kind: NameClaim, Value: s}} }
	renamed := profile
	renamed.BusinessName = "Süd"
	for title, c := range map[string]struct {
		cmd           domain.Claimant[Integrator]
		past          []domain.Event
		facts         []domain.Event
		take, release []domain.Claim
	}{
		"a new integrator takes its name":  {register, nil, []domain.Event{registered}, name("Nord"), nil},
		"the built-in one takes its name":  {Establish{}, nil, []domain.Event{registered, activated}, name("Nord"), nil},
		"a new name replaces the old":      {UpdateProfile{}, []domain.Event{registered}, []domain.Event{ProfileUpdated{nord, profile, renamed}}, name("Süd"), name("Nord")},
		"other changes leave the name":     {UpdateProfile{}, []domain.Event{registered}, []domain.Event{ProfileUpdated{nord, profile, profile}}, nil, nil},
		"an offboarded one gives it back":  {Offboard{}, []domain.Event{registered}, []domain.Event{offboarded}, nil, name("Nord")},
		"the latest name is what is given": {Offboard{}, []domain.Event{registered, ProfileUpdated{nord, profile, renamed}}, []domain.Event{offboarded}, nil, name("Süd")},
	} {
		t.Run(title, func(t *testing.T) {
			take, release := c.cmd.Claims(domain.Fold(Integrator{}, c.past...), c.facts)
			if diff := cmp.Diff([][]domain.Claim{c.take, c.release}, [][]domain.Claim{take, release}); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestEventsTellWhatTheyChange(t *testing.T) {
	for _, c := range []struct {
		e      domain.Event
		stands domain.Standing // Absent: the event moves nothing
		change []any
	}{
		{registered, domain.Pending, []any{nil, profile}},
		{ProfileUpdated{nord, profile, Profile{}}, domain.Absent, []any{profile, Profile{}}},
		{activated, domain.Usable, []any{StatusRegistered, StatusActive}},
		{stopped, domain.Barred, []any{StatusActive, StatusStopped}},
		{Restarted{nord, StatusActive}, domain.Usable, []any{StatusStopped, StatusActive}},
		{Restarted{nord, StatusRegistered}, domain.Pending, []any{StatusStopped, StatusRegistered}},
		{offboarded, domain.Ended, []any{StatusStopped, StatusOffboarded}},
	} {
		before, after := c.e.(domain.Change).Change()
		if diff := cmp.Diff(c.change, []any{before, after}); diff != "" {
			t.Errorf("%T: %s", c.e, diff)
		}
		s, tells := c.e.(domain.Stands)
		if tells != (c.stands != domain.Absent) {
			t.Fatalf("%T tells relatives: %v", c.e, tells)
		}
		if !tells {
			continue
		}
		if node, standing := s.Stands(); node != domain.NodeID(nord) || standing != c.stands {
			t.Errorf("%T: %s stands %s", c.e, node, standing)
		}
	}
}

func TestAnIntegratorIsPlacedUnderThePlatform(t *testing.T) {
	node, level, parent := registered.Placed()
	if node != domain.NodeID(nord) || level != domain.IntegratorLevel || parent != domain.PlatformID {
		t.Fatal(node, level, parent)
	}
	if owner := domain.Fold(Integrator{}, registered).Owner(); owner != (domain.Owner{Integrator: nord}) {
		t.Fatal(owner)
	}
}

// asked is every command, in forms that meet and that miss their conditions.
var asked = []domain.Command[Integrator]{
	register, Establish{}, Activate{nord}, Stop{nord, "unpaid"}, Stop{nord, ""}, Restart{nord},
	Offboard{Integrator: nord}, Offboard{nord, []domain.TenantID{"a"}},
	UpdateProfile{Integrator: nord, BusinessName: pointer("Nord AG")}, UpdateProfile{Integrator: nord, Contacts: []domain.Contact{}},
}

func TestWhateverHappenedTwiceIsOnce(t *testing.T) {
	testkit.Steady(t, append(slices.Clone(samples), "not an event of ours"), asked)
}

func TestOnlyWhatWasActiveIsActiveAgain(t *testing.T) {
	testkit.Walk(t, nil, asked, func(i Integrator) bool { return i.Status != StatusActive || i.Started })
}

// A refusal names the state and what is allowed in it; that must be the truth.
func TestARefusalTellsWhatIsAllowed(t *testing.T) {
	steps := map[string]domain.Command[Integrator]{
		"update profile": UpdateProfile{Integrator: nord, BusinessName: pointer("Nord AG")}, "activate": Activate{nord},
		"stop": Stop{nord, "unpaid"}, "restart": Restart{nord}, "offboard": Offboard{Integrator: nord},
	}
	var past []domain.Event
	for _, next := range []domain.Event{registered, activated, stopped} {
		past = append(past, next)
		state := domain.Fold(Integrator{}, past...)
		_, err := register.Decide(state, domain.Meta{})
		refusal, _ := domain.AsError(err)
		_, list, _ := strings.Cut(refusal.Detail, "allowed: ")
		allowed := strings.Split(list, ", ")
		for name, cmd := range steps {
			facts, err := cmd.Decide(state, domain.Meta{At: testkit.Now})
			if said, is := slices.Contains(allowed, name), err == nil && len(facts) > 0; said != is {
				t.Errorf("%s: %s is said to be allowed: %v; it is: %v", state.Status, name, said, is)
			}
		}
	}
}

// samples is one of each event, with every member filled.
var samples = []domain.Event{
	Registered{nord, Profile{Holding, "Nord", "N-17", []domain.Contact{ada, bob}, began}},
	ProfileUpdated{nord, profile, Profile{Partner, "Süd", "S-1", []domain.Contact{bob}, began}},
	activated, stopped, Restarted{nord, StatusActive}, offboarded,
}

func TestStoredEventsStayReadable(t *testing.T) { testkit.Golden(t, Events, samples...) }

func TestPersonalDataIsMarked(t *testing.T) {
	r := domain.NewRegistry(Events)
	for _, c := range []struct {
		e    domain.Event
		want []string
	}{
		{Registered{}, []string{"profile.businessName", "profile.contacts.name", "profile.contacts.email", "profile.contacts.phone"}},
		{Stopped{}, []string{"reason"}},
	} {
		if d, _ := r.Definition(c.e); !slices.Equal(d.PII, c.want) {
			t.Errorf("%T: %v", c.e, d.PII)
		}
	}
}
