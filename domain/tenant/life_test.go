package tenant_test

import (
	"strings"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/internal/testkit"
)

const (
	acme domain.TenantID     = "5f0c1b52-6f0e-4b5a-8f2d-0a5d3c1f7e11"
	home domain.IntegratorID = "0b8e7d1c-9a51-4c36-b7f5-2f64f2f0c801"
	away domain.IntegratorID = "c4e0a9b3-1d2e-4f6a-9b8c-7d6e5f4a3b22"
)

// stands and limits are what relatives of a tenant say, as far as it listens.
type (
	stands struct {
		node     domain.IntegratorID
		standing domain.Standing
	}
	limits struct{ tenant domain.TenantID }
)

func (e stands) Stands() (domain.NodeID, domain.Standing) { return domain.NodeID(e.node), e.standing }
func (e limits) Limits() domain.TenantID                  { return e.tenant }

var (
	ada     = domain.Contact{Name: "Ada", Email: "ada@acme.example", Role: domain.AdminContact}
	bob     = domain.Contact{Name: "Bob", Email: "bob@acme.example", Phone: "+49 30 1234", Role: domain.BillingContact}
	profile = Profile{Slug: "acme", Name: "Acme", Kind: Organisation, Contacts: []domain.Contact{ada}}

	created   = Created{acme, home, profile}
	activated = Activated{acme}
	suspended = Suspended{acme, Billing, "unpaid"}
	archived  = Archived{acme, StatusSuspended}
	requested = DeletionRequested{acme, StatusArchived, testkit.Now}
	deleted   = Deleted{acme}

	// relatives: both integrators are active and a quota is set.
	relatives = []domain.Event{stands{home, domain.Usable}, stands{away, domain.Usable}, limits{acme}}
)

// A life is one row of the state machine: what a command does in each state.
type life struct {
	absent, created, active, suspended, archived, pending, deleted testkit.Expectation
}

// in tries a command in every state that a tenant can be in.
func (l life) in(t *testing.T, cmd domain.Command[Tenant]) {
	t.Helper()
	past := relatives
	for _, c := range []struct {
		name string
		next domain.Event
		want testkit.Expectation
	}{
		{"that never was", nil, l.absent},
		{"that was only created", created, l.created},
		{"that is active", activated, l.active},
		{"that is suspended for billing", suspended, l.suspended},
		{"that is archived", archived, l.archived},
		{"that is pending deletion", requested, l.pending},
		{"that was deleted", deleted, l.deleted},
	} {
		if c.next != nil {
			past = append(past[:len(past):len(past)], c.next)
		}
		t.Run("a tenant "+c.name, func(t *testing.T) {
			testkit.When(testkit.Given(past...), cmd).Meets(t, c.want)
		})
	}
}

var (
	records  = testkit.Records
	nothing  = testkit.Nothing()
	notThere = testkit.Fails(domain.ErrTenantNotFound)
	gone     = testkit.Fails(domain.ErrTenantGone)
	refused  = testkit.Fails(domain.ErrTransition)
)

// after is the past of a tenant whose integrators are active and whose quota is set.
func after(past ...domain.Event) testkit.Past {
	return testkit.Given(append(relatives[:len(relatives):len(relatives)], past...)...)
}

func pointer[V any](v V) *V { return &v }

func TestActivate(t *testing.T) {
	life{
		absent:    notThere,
		created:   records(activated),
		active:    nothing,
		suspended: refused,
		archived:  refused,
		pending:   refused,
		deleted:   gone,
	}.in(t, Activate{acme})
}

func TestActivateNeeds(t *testing.T) {
	for name, c := range map[string]struct {
		past []domain.Event
		want error
	}{
		"a quota":                 {[]domain.Event{stands{home, domain.Usable}, created}, ErrQuotaRequired},
		"a known integrator":      {[]domain.Event{limits{acme}, created}, domain.ErrIntegratorNotActive},
		"more than registration":  {[]domain.Event{limits{acme}, stands{home, domain.Pending}, created}, domain.ErrIntegratorNotActive},
		"a running integrator":    {[]domain.Event{limits{acme}, stands{home, domain.Barred}, created}, domain.ErrIntegratorNotActive},
		"an integrator at all":    {[]domain.Event{limits{acme}, stands{home, domain.Ended}, created}, domain.ErrIntegratorNotActive},
		"its own integrator":      {[]domain.Event{limits{acme}, stands{away, domain.Usable}, created}, domain.ErrIntegratorNotActive},
		"a contact":               {without(nil), domain.ErrContactRequired},
		"somebody to answer for":  {without([]domain.Contact{bob}), domain.ErrAdministratorRequired},
		"the present integrator":  {append(relatives[:3:3], created, Reassigned{acme, home, away}, stands{away, domain.Barred}), domain.ErrIntegratorNotActive},
		"the present contacts":    {append(relatives[:3:3], created, ProfileUpdated{acme, profile, Profile{}}), domain.ErrContactRequired},
		"nothing else, then goes": {append(relatives[:3:3], created), nil},
	} {
		t.Run(name, func(t *testing.T) {
			o := testkit.When(testkit.Given(c.past...), Activate{acme})
			if c.want == nil {
				o.Then(t, activated)
				return
			}
			o.ThenFails(t, c.want)
		})
	}
}

// without is a tenant that was created with other contacts.
func without(contacts []domain.Contact) []domain.Event {
	p := profile
	p.Contacts = contacts
	return append(relatives[:3:3], Created{acme, home, p})
}

func TestActivateReadsIntegratorAndQuotas(t *testing.T) {
	if got := (Activate{acme}).Reads(Tenant{}); len(got) != 0 {
		t.Fatalf("a tenant that never was: %v", got)
	}
	got := Activate{acme}.Reads(domain.Fold(Tenant{}, created))
	if len(got) != 2 || got[0] != domain.IntegratorStream(home) || got[1] != domain.QuotaStream(acme) {
		t.Fatal(got)
	}
}

func TestSuspend(t *testing.T) {
	life{
		absent:    notThere,
		created:   refused,
		active:    records(Suspended{acme, Policy, "spam"}),
		suspended: records(SuspensionCauseAdded{acme, Policy, "spam", Causes{Billing}}),
		archived:  refused,
		pending:   refused,
		deleted:   gone,
	}.in(t, Suspend{acme, Policy, "spam"})
}

func TestSuspendForTheSameCause(t *testing.T) {
	both := SuspensionCauseAdded{acme, Policy, "", Causes{Billing}}
	for name, c := range map[string]struct {
		past []domain.Event
		cmd  Suspend
		want testkit.Expectation
	}{
		"twice is once":                        {[]domain.Event{created, activated, suspended}, Suspend{acme, Billing, "still unpaid"}, nothing},
		"one of two is there already":          {[]domain.Event{created, activated, suspended, both}, Suspend{acme, Policy, ""}, nothing},
		"again after it was lifted":            {[]domain.Event{created, activated, suspended, Reactivated{acme, Billing}}, Suspend{acme, Billing, ""}, records(Suspended{acme, Billing, ""})},
		"no such cause":                        {[]domain.Event{created, activated}, Suspend{acme, "mood", ""}, testkit.Fails(ErrCause)},
		"the integrator's is derived":          {[]domain.Event{created, activated}, Suspend{acme, ByIntegrator, ""}, testkit.Fails(ErrCause)},
		"a note as long as a novel":            {[]domain.Event{created, activated}, Suspend{acme, Billing, long(501)}, testkit.Fails(ErrNote)},
		"no such cause on top of one":          {[]domain.Event{created, activated, suspended}, Suspend{acme, "mood", ""}, testkit.Fails(ErrCause)},
		"a stopped integrator does not matter": {[]domain.Event{created, activated, stands{home, domain.Barred}}, Suspend{acme, Billing, ""}, records(Suspended{acme, Billing, ""})},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(after(c.past...), c.cmd).Meets(t, c.want) })
	}
}

func long(n int) string { return strings.Repeat("x", n) }

func TestResume(t *testing.T) {
	life{
		absent:    notThere,
		created:   refused,
		active:    nothing,
		suspended: records(Reactivated{acme, Billing}),
		archived:  refused,
		pending:   refused,
		deleted:   gone,
	}.in(t, Resume{acme, Billing})
}

func TestResumeCauseByCause(t *testing.T) {
	both := []domain.Event{created, activated, suspended, SuspensionCauseAdded{acme, Policy, "", Causes{Billing}}}
	lifted := SuspensionCauseLifted{acme, Billing, Causes{Billing, Policy}}
	for name, c := range map[string]struct {
		past []domain.Event
		cmd  Resume
		want testkit.Expectation
	}{
		"the first of two leaves it suspended":  {both, Resume{acme, Billing}, records(lifted)},
		"the last of two reactivates it":        {append(both[:4:4], lifted), Resume{acme, Policy}, records(Reactivated{acme, Policy})},
		"a cause it is not suspended for":       {both, Resume{acme, Security}, testkit.Fails(ErrCause)},
		"a cause that was lifted already":       {append(both[:4:4], lifted), Resume{acme, Billing}, testkit.Fails(ErrCause)},
		"what was lifted long ago is forgotten": {append(both[:4:4], lifted, Reactivated{acme, Policy}, Suspended{acme, Security, ""}), Resume{acme, Security}, records(Reactivated{acme, Security})},
		"no such cause":                         {both, Resume{acme, "mood"}, testkit.Fails(ErrCause)},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(after(c.past...), c.cmd).Meets(t, c.want) })
	}
}

func TestArchive(t *testing.T) {
	life{
		absent:    notThere,
		created:   records(Archived{acme, StatusCreated}),
		active:    records(Archived{acme, StatusActive}),
		suspended: records(Archived{acme, StatusSuspended}),
		archived:  nothing,
		pending:   refused,
		deleted:   gone,
	}.in(t, Archive{acme})
}

func TestUnarchive(t *testing.T) {
	life{
		absent:    notThere,
		created:   refused,
		active:    refused,
		suspended: refused,
		archived:  records(Unarchived{acme, Causes{Billing, Manual}}),
		pending:   refused,
		deleted:   gone,
	}.in(t, Unarchive{acme})

	t.Run("a tenant that was active comes back suspended by hand", func(t *testing.T) {
		testkit.When(after(created, activated, Archived{acme, StatusActive}), Unarchive{acme}).
			Then(t, Unarchived{acme, Causes{Manual}})
	})
	t.Run("and is active once somebody has looked at it", func(t *testing.T) {
		testkit.When(after(created, activated, Archived{acme, StatusActive}, Unarchived{acme, Causes{Manual}}), Resume{acme, Manual}).
			Then(t, Reactivated{acme, Manual})
	})
}

func TestRequestDeletion(t *testing.T) {
	due := testkit.Now.Add(45 * 24 * time.Hour)
	life{
		absent:    notThere,
		created:   records(DeletionRequested{acme, StatusCreated, due}),
		active:    refused,
		suspended: refused,
		archived:  records(DeletionRequested{acme, StatusArchived, due}),
		pending:   nothing,
		deleted:   gone,
	}.in(t, RequestDeletion{acme, pointer(45)})
}

func TestRequestDeletionWithGrace(t *testing.T) {
	due := func(days int) time.Time { return testkit.Now.Add(time.Duration(days) * 24 * time.Hour) }
	fresh, kept := []domain.Event{created}, []domain.Event{created, Archived{acme, StatusCreated}}
	for name, c := range map[string]struct {
		past  []domain.Event
		grace *int
		want  testkit.Expectation
	}{
		"one that was only created may go at once":  {fresh, pointer(0), records(DeletionRequested{acme, StatusCreated, due(0)})},
		"and goes at once if nothing is said":       {fresh, nil, records(DeletionRequested{acme, StatusCreated, due(0)})},
		"an archived one has 30 days":               {kept, pointer(30), records(DeletionRequested{acme, StatusArchived, due(30)})},
		"and has them if nothing is said":           {kept, nil, records(DeletionRequested{acme, StatusArchived, due(30)})},
		"but no fewer":                              {kept, pointer(29), testkit.Fails(ErrGraceTooShort)},
		"a negative grace is none":                  {fresh, pointer(-1), testkit.Fails(ErrGrace)},
		"nor is one beyond ten years":               {kept, pointer(MaximumGrace + 1), testkit.Fails(ErrGrace)},
		"a second request does not move the day":    {append(kept, requested), pointer(90), nothing},
		"what was kept from deletion may go anyway": {append(kept, requested, DeletionCancelled{acme}), nil, records(DeletionRequested{acme, StatusArchived, due(30)})},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.When(after(c.past...), RequestDeletion{acme, c.grace}).Meets(t, c.want)
		})
	}
}

func TestCancelDeletion(t *testing.T) {
	life{
		absent:    notThere,
		created:   refused,
		active:    refused,
		suspended: refused,
		archived:  nothing,
		pending:   records(DeletionCancelled{acme}),
		deleted:   gone,
	}.in(t, CancelDeletion{acme})
}

func TestCompleteDeletion(t *testing.T) {
	life{
		absent:    notThere,
		created:   refused,
		active:    refused,
		suspended: refused,
		archived:  refused,
		pending:   records(deleted),
		deleted:   nothing,
	}.in(t, CompleteDeletion{acme})

	t.Run("a day too early is locked", func(t *testing.T) {
		early := after(created, DeletionRequested{acme, StatusCreated, testkit.Now}).At(testkit.Now.Add(-time.Millisecond))
		testkit.When(early, CompleteDeletion{acme}).ThenFails(t, ErrDeletionNotDue)
	})
}
