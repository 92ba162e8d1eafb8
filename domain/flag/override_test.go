package flag_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	. "github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/testkit"
)

const (
	acme    domain.NodeID = "5f0c1b52-6f0e-4b5a-8f2d-0a5d3c1f7e11"
	partner domain.NodeID = "0b8e7d1c-9a51-4c36-b7f5-2f64f2f0c801"
	ann     domain.NodeID = "8d0f1f0e-5f3b-4c8e-9a63-2f6f0e9d7a11"
)

// hung and stands are what nodes say of themselves, as far as overrides listen.
type (
	hung struct {
		node   domain.NodeID
		level  domain.Level
		parent domain.NodeID
	}
	stands struct {
		node     domain.NodeID
		standing domain.Standing
	}
)

func (e hung) Placed() (domain.NodeID, domain.Level, domain.NodeID) { return e.node, e.level, e.parent }
func (e stands) Stands() (domain.NodeID, domain.Standing)           { return e.node, e.standing }

var (
	at     = testkit.Now
	early  = at.Add(-time.Hour)
	late   = at.Add(time.Hour)
	tree   = []domain.Event{hung{partner, domain.IntegratorLevel, domain.PlatformID}, stands{partner, domain.Usable}, hung{acme, domain.TenantLevel, partner}, stands{acme, domain.Usable}}
	ground = append(append([]domain.Event{}, active...), tree...)

	on        = Setting{Value: j(`true`)}
	override  = Override{Node: acme, Flag: key, Value: j(`true`)}
	lockedErr = testkit.Fails(ErrLocked)
)

// said is the fact that a node says something about the flag.
func said(n domain.NodeID, level domain.Level, parent domain.NodeID, s Setting, before *Setting) Overridden {
	return Overridden{n, level, parent, key, s, before}
}

func tenantSays(s Setting, before *Setting) Overridden {
	return said(acme, domain.TenantLevel, partner, s, before)
}

func past(more ...domain.Event) []domain.Event {
	return append(ground[:len(ground):len(ground)], more...)
}

// The states of an override at a node, in the order of the table.
func overrideStates() []struct {
	name string
	past []domain.Event
} {
	off := Setting{Value: j(`false`)}
	scheduled := Setting{Value: j(`false`), ValidFrom: &late}
	expired := Setting{Value: j(`false`), ValidUntil: &early}
	return []struct {
		name string
		past []domain.Event
	}{
		{"absent", past()},
		{"scheduled", past(tenantSays(scheduled, nil))},
		{"in force", past(tenantSays(off, nil))},
		{"locked", past(tenantSays(off, nil), Locked{acme, key})},
		{"expired", past(tenantSays(expired, nil))},
	}
}

func overrideRow[C domain.Command[Ladder]](t *testing.T, name string, cmd C, cells ...testkit.Expectation) {
	t.Helper()
	for i, s := range overrideStates() {
		t.Run(name+" when "+s.name, func(t *testing.T) {
			testkit.When(testkit.Given(s.past...), domain.Command[Ladder](cmd)).Meets(t, cells[i])
		})
	}
}

func TestLifeOfAnOverride(t *testing.T) {
	off := Setting{Value: j(`false`)}
	lockedOff, lockedOn := off, on
	lockedOff.Locked, lockedOn.Locked = true, true
	scheduled := Setting{Value: j(`false`), ValidFrom: &late}
	expired := Setting{Value: j(`false`), ValidUntil: &early}
	first := testkit.Fails(ErrOverrideFirst)
	overrideRow(t, "override", override,
		records(tenantSays(on, nil)), records(tenantSays(on, &scheduled)), records(tenantSays(on, &off)), records(tenantSays(lockedOn, &lockedOff)), records(tenantSays(on, &expired)))
	overrideRow(t, "clear", ClearOverride{acme, key},
		nothing, records(Cleared{acme, key, scheduled}), records(Cleared{acme, key, off}), testkit.Fails(ErrUnlockFirst), records(Cleared{acme, key, expired}))
	overrideRow(t, "lock", Lock{acme, key}, first, first, records(Locked{acme, key}), nothing, first)
	overrideRow(t, "unlock", Unlock{acme, key}, nothing, nothing, nothing, records(Unlocked{acme, key}), nothing)
}

func TestUnderALockFromAbove(t *testing.T) {
	above := said(partner, domain.IntegratorLevel, domain.PlatformID, Setting{Value: j(`false`)}, nil)
	locked := past(tenantSays(Setting{Value: j(`false`)}, nil), above, Locked{partner, key})
	testkit.When(testkit.Given(locked...), override).Meets(t, lockedErr)
	testkit.When(testkit.Given(locked...), Lock{acme, key}).Meets(t, lockedErr)
	testkit.When(testkit.Given(locked...), ClearOverride{acme, key}).Then(t, Cleared{acme, key, Setting{Value: j(`false`)}})
	free := append(locked[:len(locked):len(locked)], Unlocked{partner, key})
	testkit.When(testkit.Given(free...), override).Then(t, tenantSays(on, &Setting{Value: j(`false`)}))

	until := above
	until.ValidUntil = &late
	ending := past(until, Locked{partner, key})
	testkit.When(testkit.Given(ending...), override).Meets(t, lockedErr)
	testkit.When(testkit.Given(ending...).At(late), override).Then(t, tenantSays(on, nil))

	platform := past(said(domain.PlatformID, domain.PlatformLevel, "", on, nil), Locked{domain.PlatformID, key})
	testkit.When(testkit.Given(platform...), override).Meets(t, lockedErr)
}

func TestTheFlagsLifeAndItsOverrides(t *testing.T) {
	for _, c := range []struct {
		name string
		flag []domain.Event
		want testkit.Expectation
	}{
		{"absent", nil, notFound},
		{"draft: stored", draft, records(tenantSays(on, nil))},
		{"active: stored", active, records(tenantSays(on, nil))},
		{"killed: stored, shadowed by the kill", killed, records(tenantSays(on, nil))},
		{"deprecated: stored", deprecated, records(tenantSays(on, nil))},
		{"archived", archived, refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			testkit.When(testkit.Given(append(c.flag[:len(c.flag):len(c.flag)], tree...)...), override).Meets(t, c.want)
		})
	}
}

func TestOverride(t *testing.T) {
	withVariants := def
	withVariants.Type, withVariants.Default, withVariants.Off = String, j(`"a"`), j(`""`)
	withVariants.Variants = map[string]jsonRaw{"b": j(`"b"`)}
	text := append([]domain.Event{Defined{key, withVariants}}, tree...)
	platformOnly := def
	platformOnly.Levels = []domain.Level{domain.PlatformLevel}
	for name, c := range map[string]struct {
		past []domain.Event
		cmd  Override
		want testkit.Expectation
	}{
		"at the platform":               {past(), Override{Node: domain.PlatformID, Flag: key, Value: j(`true`)}, records(said(domain.PlatformID, domain.PlatformLevel, "", on, nil))},
		"at an integrator":              {past(), Override{Node: partner, Flag: key, Value: j(`true`)}, records(said(partner, domain.IntegratorLevel, domain.PlatformID, on, nil))},
		"at a user":                     {past(), Override{Node: ann, Flag: key, Value: j(`true`), Home: domain.TenantID(acme)}, records(said(ann, domain.UserLevel, acme, on, nil))},
		"at a user who is known":        {past(said(ann, domain.UserLevel, acme, Setting{Value: j(`false`)}, nil)), Override{Node: ann, Flag: key, Value: j(`true`)}, records(said(ann, domain.UserLevel, acme, on, &Setting{Value: j(`false`)}))},
		"a home for a tenant":           {past(), Override{Node: acme, Flag: key, Value: j(`true`), Home: domain.TenantID(partner)}, testkit.Fails(ErrHome)},
		"a home that is not there":      {active, Override{Node: ann, Flag: key, Value: j(`true`), Home: domain.TenantID(acme)}, testkit.Fails(domain.ErrTenantNotFound)},
		"a node that is not there":      {past(), Override{Node: ann, Flag: key, Value: j(`true`)}, testkit.Fails(ErrNodeNotFound)},
		"a node that has ended":         {past(stands{acme, domain.Ended}), override, testkit.Fails(ErrNodeGone)},
		"a node kept for the record":    {past(stands{acme, domain.Closed}), override, refused},
		"a suspended node is set up":    {past(stands{acme, domain.Barred}), override, records(tenantSays(on, nil))},
		"twice is once":                 {past(tenantSays(on, nil)), override, nothing},
		"another type":                  {past(), Override{Node: acme, Flag: key, Value: j(`"true"`)}, testkit.Fails(ErrValueType)},
		"neither value nor variant":     {past(), Override{Node: acme, Flag: key}, testkit.Fails(ErrOneValue)},
		"both value and variant":        {text, Override{Node: acme, Flag: key, Value: j(`"b"`), Variant: "b"}, testkit.Fails(ErrOneValue)},
		"a variant":                     {text, Override{Node: acme, Flag: key, Variant: "b"}, records(tenantSays(Setting{Value: j(`"b"`), Variant: "b"}, nil))},
		"no such variant":               {text, Override{Node: acme, Flag: key, Variant: "c"}, testkit.Fails(ErrVariant)},
		"it ends before it begins":      {past(), Override{Node: acme, Flag: key, Value: j(`true`), ValidFrom: &late, ValidUntil: &late}, testkit.Fails(ErrValidity)},
		"it has ended":                  {past(), Override{Node: acme, Flag: key, Value: j(`true`), ValidUntil: &early}, testkit.Fails(ErrValidity)},
		"a level that is not allowed":   {append([]domain.Event{Defined{key, platformOnly}}, tree...), override, testkit.Fails(ErrLevel)},
		"a level that is allowed alone": {append([]domain.Event{Defined{key, platformOnly}}, tree...), Override{Node: domain.PlatformID, Flag: key, Value: j(`true`)}, records(said(domain.PlatformID, domain.PlatformLevel, "", on, nil))},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(testkit.Given(c.past...), c.cmd).Meets(t, c.want) })
	}
}

func TestARestrictingFlagOnlyTightens(t *testing.T) {
	minutes := Definition{Type: Number, Default: j(`60`), Off: j(`0`), Mode: cascade.Restrict}
	given := append([]domain.Event{Defined{key, minutes}}, tree...)
	given = append(given, said(partner, domain.IntegratorLevel, domain.PlatformID, Setting{Value: j(`30`)}, nil))
	testkit.When(testkit.Given(given...), Override{Node: acme, Flag: key, Value: j(`15`)}).Then(t, tenantSays(Setting{Value: j(`15`)}, nil))
	testkit.When(testkit.Given(given...), Override{Node: acme, Flag: key, Value: j(`45`)}).ThenFails(t, ErrLoosens)
	testkit.When(testkit.Given(given...), Override{Node: partner, Flag: key, Value: j(`61`)}).ThenFails(t, ErrLoosens)
}

func TestACombiningFlagTakesWhatCombines(t *testing.T) {
	for _, c := range []struct {
		mode        cascade.Mode
		fallback, v string
		want        error
	}{
		{cascade.Merge, `{"a":1}`, `{"b":2}`, nil},
		{cascade.Merge, `{"a":1}`, `[1]`, ErrValueType},
		{cascade.Merge, `{"a":1}`, `null`, ErrValueType},
		{cascade.Append, `[1]`, `[2]`, nil},
		{cascade.Append, `[1]`, `{"a":1}`, ErrValueType},
		{cascade.Restrict, `true`, `false`, nil},
		{cascade.Restrict, `true`, `5`, ErrValueType},
		{cascade.Restrict, `["a"]`, `"a"`, ErrValueType},
	} {
		d := Definition{Type: JSON, Default: j(c.fallback), Off: j(`null`), Mode: c.mode}
		given := testkit.Given(append([]domain.Event{Defined{key, d}}, tree...)...)
		outcome := testkit.When(given, Override{Node: acme, Flag: key, Value: j(c.v)})
		if c.want != nil {
			outcome.ThenFails(t, c.want)
			continue
		}
		outcome.Then(t, tenantSays(Setting{Value: j(c.v)}, nil))
	}
}

// A lock that waits for its override to come into force is a lock: it is neither
// lost by another value, nor kept when it is taken off.
func TestALockWaitsWithItsOverride(t *testing.T) {
	waiting := Setting{Value: j(`false`), ValidFrom: &late, Locked: true}
	given := past(tenantSays(Setting{Value: j(`false`)}, nil), Locked{acme, key}, tenantSays(waiting, nil))
	sooner := at.Add(time.Minute)
	testkit.When(testkit.Given(given...), Override{Node: acme, Flag: key, Value: j(`false`), ValidFrom: &sooner}).
		Then(t, tenantSays(Setting{Value: j(`false`), ValidFrom: &sooner, Locked: true}, &waiting))
	testkit.When(testkit.Given(given...), Unlock{acme, key}).Then(t, Unlocked{acme, key})
	testkit.When(testkit.Given(given...), Lock{acme, key}).ThenFails(t, ErrOverrideFirst)
}

// Every event tells auditors what it replaced.
func TestEventsTellWhatTheyChange(t *testing.T) {
	off := Setting{Value: j(`false`)}
	for _, c := range []struct {
		e    domain.Change
		want []any
	}{
		{defined, []any{nil, def}},
		{Updated{key, def, Definition{}}, []any{def, Definition{}}},
		{Activated{key, StatusDraft}, []any{StatusDraft, StatusActive}},
		{Deprecated{key}, []any{StatusActive, StatusDeprecated}},
		{Killed{key, StatusDeprecated}, []any{StatusDeprecated, StatusKilled}},
		{Revived{key, StatusDeprecated}, []any{StatusKilled, StatusDeprecated}},
		{Archived{key, StatusDraft}, []any{StatusDraft, StatusArchived}},
		{Restored{key}, []any{StatusArchived, StatusDeprecated}},
		{tenantSays(on, nil), []any{nil, on}},
		{tenantSays(on, &off), []any{off, on}},
		{Cleared{acme, key, on}, []any{on, nil}},
		{Locked{acme, key}, []any{false, true}},
		{Unlocked{acme, key}, []any{true, false}},
	} {
		before, after := c.e.Change()
		if diff := cmp.Diff(c.want, []any{before, after}); diff != "" {
			t.Errorf("%T: %s", c.e, diff)
		}
	}
}

func TestWhateverHappenedTwiceIsOnce(t *testing.T) {
	waiting, over := Setting{Value: j(`true`), Locked: true, ValidFrom: &late}, Setting{Value: j(`true`), Locked: true, ValidUntil: &early}
	happened := append(append(past(killed...), deprecated...), Updated{key, def, def}, Archived{key, StatusDraft}, Restored{key}, Revived{key, StatusActive},
		tenantSays(on, nil), tenantSays(waiting, nil), tenantSays(over, nil), Locked{acme, key}, Unlocked{acme, key}, Cleared{acme, key, on},
		said(partner, domain.IntegratorLevel, domain.PlatformID, on, nil), Locked{partner, key}, said(ann, domain.UserLevel, acme, on, nil),
		stands{acme, domain.Closed}, stands{acme, domain.Ended}, "not an event of ours")
	owner := "payments"
	testkit.Steady(t, happened, []domain.Command[Flag]{define, Update{Flag: key, Owner: &owner}, Update{Flag: key, Tags: []string{}},
		Activate{key}, Deprecate{key}, Kill{key}, Revive{key}, Archive{key}})
	testkit.Steady(t, happened, []domain.Command[Ladder]{override, Override{Node: ann, Flag: key, Value: j(`true`), Home: domain.TenantID(acme)},
		Override{Node: acme, Flag: key, Value: j(`true`), ValidFrom: &late}, Override{Node: acme, Flag: key, Value: j(`true`), ValidUntil: &late},
		ClearOverride{acme, key}, ClearOverride{ann, key}, Lock{acme, key}, Lock{partner, key}, Unlock{acme, key}})
}

// The state of one moment must not change when another is made from it.
func TestEvolveLeavesThePastAlone(t *testing.T) {
	before := domain.Fold(Ladder{}, past(tenantSays(on, nil))...)
	domain.Fold(before, Locked{acme, key}, Cleared{acme, key, on}, stands{acme, domain.Ended}, Archived{key, StatusDraft})
	if facts, err := (ClearOverride{acme, key}).Decide(before, domain.Meta{At: at}); err != nil || len(facts) != 1 {
		t.Fatal(facts, err)
	}
}

func TestReads(t *testing.T) {
	l := domain.Fold(Ladder{}, ground...)
	for name, c := range map[string]struct {
		got  []domain.StreamID
		want []domain.StreamID
	}{
		"the platform": {Override{Node: domain.PlatformID, Flag: key}.Reads(Ladder{}), []domain.StreamID{"flag-new-checkout"}},
		"what it is, is not known yet": {Override{Node: acme, Flag: key}.Reads(Ladder{}),
			[]domain.StreamID{"flag-new-checkout", domain.StreamID("user-" + acme), domain.StreamID("client-" + acme), domain.StreamID("apikey-" + acme), domain.StreamID("integrator-" + acme), domain.StreamID("tenant-" + acme)}},
		"all above a tenant": {Override{Node: acme, Flag: key}.Reads(l),
			[]domain.StreamID{"flag-new-checkout", domain.StreamID("integrator-" + acme), domain.StreamID("tenant-" + acme), "nodeflags-platform", domain.StreamID("nodeflags-" + partner), domain.StreamID("integrator-" + partner)}},
		"all above a user": {Override{Node: ann, Flag: key, Home: domain.TenantID(acme)}.Reads(l),
			[]domain.StreamID{"flag-new-checkout", domain.StreamID("user-" + ann), domain.StreamID("client-" + ann), domain.StreamID("apikey-" + ann), domain.StreamID("integrator-" + ann), domain.StreamID("tenant-" + ann), domain.StreamID("tenant-" + acme), "nodeflags-platform", domain.StreamID("nodeflags-" + partner), domain.StreamID("integrator-" + partner), domain.StreamID("nodeflags-" + acme)}},
		"all above a user who is known": {ClearOverride{Node: ann, Flag: key}.Reads(l.Evolve(said(ann, domain.UserLevel, acme, on, nil))),
			[]domain.StreamID{"flag-new-checkout", domain.StreamID("user-" + ann), domain.StreamID("client-" + ann), domain.StreamID("apikey-" + ann), domain.StreamID("tenant-" + acme), "nodeflags-platform", domain.StreamID("nodeflags-" + partner), domain.StreamID("integrator-" + partner), domain.StreamID("nodeflags-" + acme)}},
	} {
		same := len(c.got) == len(c.want)
		for i := 0; same && i < len(c.got); i++ {
			same = c.got[i] == c.want[i]
		}
		if !same {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}

func TestOwnerIsTheNodesOwn(t *testing.T) {
	for _, c := range []struct {
		fact domain.Event
		want domain.Owner
	}{
		{said(domain.PlatformID, domain.PlatformLevel, "", on, nil), domain.Owner{}},
		{said(partner, domain.IntegratorLevel, domain.PlatformID, on, nil), domain.Owner{Integrator: domain.IntegratorID(partner)}},
		{tenantSays(on, nil), domain.Owner{Integrator: domain.IntegratorID(partner), Tenant: domain.TenantID(acme)}},
		{said(ann, domain.UserLevel, acme, on, nil), domain.Owner{Integrator: domain.IntegratorID(partner), Tenant: domain.TenantID(acme)}},
	} {
		if got := domain.Fold(Ladder{}, past(c.fact)...).Owner(); got != c.want {
			t.Errorf("%+v: %+v, want %+v", c.fact, got, c.want)
		}
	}
}
