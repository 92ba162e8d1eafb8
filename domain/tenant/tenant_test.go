package tenant_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/internal/testkit"
)

func TestEffective(t *testing.T) {
	byIntegrator := Causes{ByIntegrator}
	for name, c := range map[string]struct {
		own        Status
		causes     Causes
		integrator domain.Standing
		want       Status
		because    Causes
	}{
		"active under an active integrator":     {StatusActive, nil, domain.Usable, StatusActive, nil},
		"active under a stopped integrator":     {StatusActive, nil, domain.Barred, StatusSuspended, byIntegrator},
		"active under an offboarded integrator": {StatusActive, nil, domain.Ended, StatusSuspended, byIntegrator},
		"created under a stopped integrator":    {StatusCreated, nil, domain.Barred, StatusCreated, nil},
		"suspended under a stopped integrator":  {StatusSuspended, Causes{Billing}, domain.Barred, StatusSuspended, Causes{Billing}},
		"archived under a stopped integrator":   {StatusArchived, nil, domain.Barred, StatusArchived, nil},
		"pending deletion under a stopped one":  {StatusPendingDeletion, nil, domain.Barred, StatusPendingDeletion, nil},
		"deleted under a stopped integrator":    {StatusDeleted, nil, domain.Barred, StatusDeleted, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, because := Effective(c.own, c.causes, c.integrator)
			if got != c.want || !slices.Equal(because, c.because) {
				t.Fatalf("got %s %v; want %s %v", got, because, c.want, c.because)
			}
		})
	}
}

// Every event that moves a tenant tells its relatives so, and tells auditors
// what it replaced.
func TestEventsTellWhatTheyChange(t *testing.T) {
	for _, c := range []struct {
		e      domain.Event
		stands domain.Standing // Absent: the event moves nothing
		change []any
	}{
		{created, domain.Pending, []any{nil, profile}},
		{ProfileUpdated{acme, profile, Profile{Name: "B"}}, domain.Absent, []any{profile, Profile{Name: "B"}}},
		{activated, domain.Usable, []any{StatusCreated, StatusActive}},
		{suspended, domain.Barred, []any{StatusActive, StatusSuspended}},
		{SuspensionCauseAdded{acme, Policy, "", Causes{Billing}}, domain.Absent, []any{Causes{Billing}, Causes{Billing, Policy}}},
		{SuspensionCauseLifted{acme, Policy, Causes{Billing, Policy}}, domain.Absent, []any{Causes{Billing, Policy}, Causes{Billing}}},
		{Reactivated{acme, Billing}, domain.Usable, []any{StatusSuspended, StatusActive}},
		{archived, domain.Closed, []any{StatusSuspended, StatusArchived}},
		{Unarchived{acme, Causes{Manual}}, domain.Barred, []any{StatusArchived, StatusSuspended}},
		{requested, domain.Closed, []any{StatusArchived, StatusPendingDeletion}},
		{DeletionCancelled{acme}, domain.Closed, []any{StatusPendingDeletion, StatusArchived}},
		{deleted, domain.Ended, []any{StatusPendingDeletion, StatusDeleted}},
		{Reassigned{acme, home, away}, domain.Absent, []any{home, away}},
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
		if node, standing := s.Stands(); node != domain.NodeID(acme) || standing != c.stands {
			t.Errorf("%T: %s stands %s", c.e, node, standing)
		}
	}
}

func TestATenantIsPlacedUnderItsIntegrator(t *testing.T) {
	for _, c := range []struct {
		e     domain.Placed
		under domain.IntegratorID
	}{{created, home}, {Reassigned{acme, home, away}, away}} {
		node, level, parent := c.e.Placed()
		if node != domain.NodeID(acme) || level != domain.TenantLevel || parent != domain.NodeID(c.under) {
			t.Errorf("%T: %s %s %s", c.e, node, level, parent)
		}
	}
	owner := domain.Fold(Tenant{}, created, Reassigned{acme, home, away}).Owner()
	if owner != (domain.Owner{Integrator: away, Tenant: acme}) {
		t.Fatal(owner)
	}
}

// The state of one moment must not change when another is made from it.
func TestEvolveLeavesThePastAlone(t *testing.T) {
	before := domain.Fold(Tenant{}, append(relatives[:3:3], created, activated, suspended)...)
	domain.Fold(before, stands{home, domain.Barred}, stands{away, domain.Ended}, SuspensionCauseLifted{acme, Billing, nil})
	if facts, err := (Reassign{acme, away}).Decide(before, domain.Meta{}); err != nil || len(facts) != 1 {
		t.Fatal(facts, err)
	}
	if !before.Causes.Has(Billing) {
		t.Fatal(before.Causes)
	}
}

// asked is every command, in forms that meet and that miss their conditions.
var asked = []domain.Command[Tenant]{
	create, Activate{acme}, Archive{acme}, Unarchive{acme}, CancelDeletion{acme}, CompleteDeletion{acme},
	UpdateProfile{Tenant: acme, Name: pointer("Acme AG")}, UpdateProfile{Tenant: acme, Slug: pointer("-")},
	Suspend{acme, Billing, ""}, Suspend{acme, Policy, ""}, Suspend{acme, "mood", ""},
	Resume{acme, Billing}, Resume{acme, Policy}, Resume{acme, Manual},
	RequestDeletion{acme, nil}, RequestDeletion{acme, pointer(0)},
	Reassign{acme, home}, Reassign{acme, away}, Reassign{acme, "nobody"},
}

func TestWhateverHappenedTwiceIsOnce(t *testing.T) {
	happened := append(slices.Clone(samples),
		stands{home, domain.Usable}, stands{home, domain.Barred}, stands{away, domain.Ended}, limits{acme}, "not an event of ours")
	testkit.Steady(t, happened, asked)
}

func TestSuspendedMeansThatThereIsACause(t *testing.T) {
	testkit.Walk(t, relatives, asked, func(s Tenant) bool {
		return (s.Status != StatusSuspended || len(s.Causes) > 0) && (s.Status != StatusActive || len(s.Causes) == 0)
	})
}

// A refusal names the state and what is allowed in it; that must be the truth.
func TestARefusalTellsWhatIsAllowed(t *testing.T) {
	steps := map[string]domain.Command[Tenant]{
		"update profile": UpdateProfile{Tenant: acme, Name: pointer("Acme AG")}, "activate": Activate{acme},
		"suspend": Suspend{acme, Security, ""}, "resume": Resume{acme, Billing}, "archive": Archive{acme},
		"unarchive": Unarchive{acme}, "request deletion": RequestDeletion{Tenant: acme},
		"cancel deletion": CancelDeletion{acme}, "complete deletion": CompleteDeletion{acme}, "reassign": Reassign{acme, away},
	}
	past := []domain.Event{}
	for _, next := range []domain.Event{created, activated, suspended, archived, requested} {
		past = append(past, next)
		state := domain.Fold(Tenant{}, append(relatives[:3:3], past...)...)
		_, err := create.Decide(state, domain.Meta{})
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
	Created{acme, home, full}, ProfileUpdated{acme, full, profile}, activated, suspended,
	SuspensionCauseAdded{acme, Policy, "spam", Causes{Billing}},
	SuspensionCauseLifted{acme, Billing, Causes{Billing, Policy}},
	Reactivated{acme, Policy}, archived, Unarchived{acme, Causes{Billing, Manual}},
	requested, DeletionCancelled{acme}, deleted, Reassigned{acme, home, away},
}

var full = Profile{"acme", "Acme", Merchant, []domain.Contact{ada, bob}}

func TestStoredEventsStayReadable(t *testing.T) { testkit.Golden(t, Events, samples...) }

func TestPersonalDataIsMarked(t *testing.T) {
	r := domain.NewRegistry(Events)
	for _, c := range []struct {
		e    domain.Event
		want []string
	}{
		{Created{}, []string{"profile.slug", "profile.name", "profile.contacts.name", "profile.contacts.email", "profile.contacts.phone"}},
		{Suspended{}, []string{"note"}},
		{SuspensionCauseAdded{}, []string{"note"}},
	} {
		if d, _ := r.Definition(c.e); !slices.Equal(d.PII, c.want) {
			t.Errorf("%T: %v", c.e, d.PII)
		}
	}
}
