package quota_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/quota"
	"github.com/reeve-platform/reeve/internal/testkit"
)

const (
	acme domain.TenantID     = "5f0c1b52-6f0e-4b5a-8f2d-0a5d3c1f7e11"
	home domain.IntegratorID = "0b8e7d1c-9a51-4c36-b7f5-2f64f2f0c801"
)

// stands and placed are what a tenant says of itself, as far as its quotas listen.
type (
	stands struct{ standing domain.Standing }
	placed struct{ under domain.IntegratorID }
)

func (e stands) Stands() (domain.NodeID, domain.Standing) { return domain.NodeID(acme), e.standing }
func (e placed) Placed() (domain.NodeID, domain.Level, domain.NodeID) {
	return domain.NodeID(acme), domain.TenantLevel, domain.NodeID(e.under)
}

var (
	calls   = Change{acme, APICalls, 1000, Month, Soft, []int{80, 100}}
	quota   = Quota{1000, Month, Soft, []int{80, 100}}
	changed = Changed{acme, APICalls, nil, quota}
	active  = stands{domain.Usable}
	records = testkit.Records
	nothing = testkit.Nothing()
)

func TestChangeFollowsTheTenantsStanding(t *testing.T) {
	refused := testkit.Fails(domain.ErrTransition)
	for name, c := range map[string]struct {
		standing domain.Standing
		want     testkit.Expectation
	}{
		"of a tenant that never was":                        {domain.Absent, testkit.Fails(domain.ErrTenantNotFound)},
		"of a tenant that was only created":                 {domain.Pending, records(changed)},
		"of a tenant that is active":                        {domain.Usable, records(changed)},
		"of a tenant that is suspended":                     {domain.Barred, records(changed)},
		"of a tenant that is archived, or pending deletion": {domain.Closed, refused},
		"of a tenant that was deleted":                      {domain.Ended, testkit.Fails(domain.ErrTenantGone)},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.When(testkit.Given(stands{c.standing}), calls).Meets(t, c.want)
		})
	}
}

func TestChange(t *testing.T) {
	more := calls
	more.Limit = 2000
	unwarned := calls
	unwarned.Warn = nil
	users := Changed{acme, Users, nil, Quota{10, None, Hard, nil}}
	for name, c := range map[string]struct {
		past []domain.Event
		cmd  Change
		want testkit.Expectation
	}{
		"what is left out is filled in":    {nil, Change{Tenant: acme, Meter: Users, Limit: 10}, records(users)},
		"twice is once":                    {[]domain.Event{changed}, calls, nothing},
		"filled in and said is the same":   {[]domain.Event{users}, Change{acme, Users, 10, None, Hard, []int{}}, nothing},
		"another limit keeps the old one":  {[]domain.Event{changed}, more, records(Changed{acme, APICalls, &quota, Quota{2000, Month, Soft, []int{80, 100}}})},
		"warnings can be taken back":       {[]domain.Event{changed}, unwarned, records(Changed{acme, APICalls, &quota, Quota{1000, Month, Soft, nil}})},
		"one meter does not touch another": {[]domain.Event{users}, calls, records(changed)},
		"nothing at all may be allowed":    {nil, Change{Tenant: acme, Meter: "feature:export", Period: Day}, records(Changed{acme, "feature:export", nil, Quota{0, Day, Hard, nil}})},
		"a meter of one's own":             {nil, Change{Tenant: acme, Meter: "x.y:z-1_2", Limit: 1, Period: Hour}, records(Changed{acme, "x.y:z-1_2", nil, Quota{1, Hour, Hard, nil}})},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.When(testkit.Given(append([]domain.Event{active}, c.past...)...), c.cmd).Meets(t, c.want)
		})
	}
}

func TestChangeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Change)
		want   error
	}{
		"no meter":                     {func(c *Change) { c.Meter = "" }, ErrMeter},
		"a meter in upper case":        {func(c *Change) { c.Meter = "Users" }, ErrMeter},
		"a meter with a slash":         {func(c *Change) { c.Meter = "feature:a/b" }, ErrMeter},
		"a meter of 65":                {func(c *Change) { c.Meter = Meter(strings.Repeat("m", 65)) }, ErrMeter},
		"a limit below nothing":        {func(c *Change) { c.Limit = -1 }, ErrLimit},
		"an unknown period":            {func(c *Change) { c.Period = "week" }, ErrPeriod},
		"a period on storage":          {func(c *Change) { c.Meter = StorageBytes }, ErrPeriod},
		"a period on users":            {func(c *Change) { c.Meter = Users }, ErrPeriod},
		"a period on sessions":         {func(c *Change) { c.Meter = Sessions }, ErrPeriod},
		"a period on a rate":           {func(c *Change) { c.Meter = Rate }, ErrPeriod},
		"an unknown enforcement":       {func(c *Change) { c.Enforcement = "firm" }, ErrEnforcement},
		"a warning at nothing":         {func(c *Change) { c.Warn = []int{0, 50} }, ErrWarn},
		"a warning beyond the limit":   {func(c *Change) { c.Warn = []int{101} }, ErrWarn},
		"warnings that descend":        {func(c *Change) { c.Warn = []int{80, 50} }, ErrWarn},
		"the same warning twice":       {func(c *Change) { c.Warn = []int{80, 80} }, ErrWarn},
		"more warnings than anybody's": {func(c *Change) { c.Warn = []int{1, 2, 3, 4, 5, 6} }, ErrWarn},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := calls
			c.change(&cmd)
			testkit.When(testkit.Given(active), cmd).ThenFails(t, c.want)
		})
	}
}

func TestChangeReadsTheTenant(t *testing.T) {
	if got := calls.Reads(Quotas{}); len(got) != 1 || got[0] != domain.TenantStream(acme) {
		t.Fatal(got)
	}
	if got := calls.Stream(); got != domain.QuotaStream(acme) {
		t.Fatal(got)
	}
}

func TestQuotasBelongToTheTenant(t *testing.T) {
	owner := domain.Fold(Quotas{}, placed{home}, active, changed).Owner()
	if owner != (domain.Owner{Integrator: home, Tenant: acme}) {
		t.Fatal(owner)
	}
}

func TestChangedTellsWhatItChanges(t *testing.T) {
	for _, e := range []Changed{changed, {acme, APICalls, &Quota{Limit: 1}, quota}} {
		before, after := e.Change()
		var want any
		if e.Before != nil {
			want = *e.Before
		}
		if diff := cmp.Diff([]any{want, quota}, []any{before, after}); diff != "" {
			t.Error(diff)
		}
		if e.Limits() != acme {
			t.Error(e.Limits())
		}
	}
}

// The state of one moment must not change when another is made from it.
func TestEvolveLeavesThePastAlone(t *testing.T) {
	before := domain.Fold(Quotas{}, changed)
	before.Evolve(Changed{acme, Users, nil, Quota{}})
	if len(before.Of) != 1 {
		t.Fatal(before.Of)
	}
}

func TestWhateverHappenedTwiceIsOnce(t *testing.T) {
	bad := calls
	bad.Limit = -1
	happened := append(slices.Clone(samples), active, placed{home}, stands{domain.Closed}, stands{domain.Ended}, "not an event of ours")
	testkit.Steady(t, happened, []domain.Command[Quotas]{calls, bad, Change{Tenant: acme, Meter: Users, Limit: 10}})
}

// samples is one of each event, with every member filled.
var samples = []domain.Event{Changed{acme, APICalls, &Quota{500, Month, Hard, []int{90}}, quota}}

func TestStoredEventsStayReadable(t *testing.T) { testkit.Golden(t, Events, samples...) }
