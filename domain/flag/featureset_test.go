package flag_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/testkit"
)

const (
	large  FeatureSetKey = "large"
	small  FeatureSetKey = "small"
	second Key           = "second"
)

func feature(k Key, value string) Feature { return Feature{k, Serving{Value: j(value)}} }

// gives is what a feature set makes a tenant say.
func gives(set FeatureSetKey, value string) Setting { return Setting{Value: j(value), Set: set} }

func tenantSaysOf(k Key, s Setting, before *Setting) Overridden {
	return Overridden{acme, domain.TenantLevel, partner, k, s, before}
}

// sold is a world with two flags and two feature sets.
func sold(more ...domain.Event) []domain.Event {
	sets := []domain.Event{
		Defined{second, def}, Activated{Flag: second},
		FeatureSetDefined{large, "", []Feature{feature(key, "true"), feature(second, "true")}},
		FeatureSetDefined{small, "", []Feature{feature(key, "true")}},
	}
	return past(append(sets, more...)...)
}

func TestFeatureSets(t *testing.T) {
	true1 := []Feature{feature(key, "true")}
	assigned := FeatureSetAssigned{acme, domain.TenantLevel, large, 1, 0, nil}
	first, other := tenantSays(gives(large, "true"), nil), tenantSaysOf(second, gives(large, "true"), nil)
	has := []domain.Event{assigned, first, other}
	mine := Setting{Value: j("false")}
	own, mineNow := tenantSays(mine, nil), gives(large, "true")
	text := Definition{Type: String, Default: j(`"a"`), Off: j(`""`), Mode: "replace", Variants: map[string]jsonRaw{"b": j(`"b"`)}}
	updated := FeatureSetUpdated{large, 2, []Feature{feature(key, "true"), feature(second, "true")}, []Feature{feature(second, "false")}}
	for name, c := range map[string]struct {
		past []domain.Event
		cmd  domain.Command[Ladder]
		want testkit.Expectation
	}{
		"define":                     {past(), DefineFeatureSet{large, "", true1}, records(FeatureSetDefined{large, "", true1})},
		"define in any order":        {sold(), DefineFeatureSet{"new", "", []Feature{feature(second, "true"), feature(key, "false")}}, records(FeatureSetDefined{"new", "", []Feature{feature(key, "false"), feature(second, "true")}})},
		"define twice":               {sold(), DefineFeatureSet{large, "", true1}, testkit.Fails(domain.ErrTransition)},
		"a name that is none":        {past(), DefineFeatureSet{"a b", "", true1}, testkit.Fails(ErrFeatureSetKey)},
		"nothing":                    {past(), DefineFeatureSet{large, "", nil}, testkit.Fails(ErrFeatures)},
		"a flag that is none":        {past(), DefineFeatureSet{large, "", []Feature{feature("no", "true")}}, testkit.Fails(ErrFeatures)},
		"one flag twice":             {past(), DefineFeatureSet{large, "", append(true1, true1...)}, testkit.Fails(ErrFeatures)},
		"another type":               {past(), DefineFeatureSet{large, "", []Feature{feature(key, `"x"`)}}, testkit.Fails(ErrValueType)},
		"no such variant":            {past(), DefineFeatureSet{large, "", []Feature{{key, Serving{Variant: "no"}}}}, testkit.Fails(ErrVariant)},
		"update":                     {sold(), UpdateFeatureSet{large, []Feature{feature(second, "false")}}, records(updated)},
		"update to the same":         {sold(), UpdateFeatureSet{small, true1}, nothing},
		"update what is not there":   {past(), UpdateFeatureSet{large, true1}, testkit.Fails(ErrFeatureSetNotFound)},
		"retire":                     {sold(), RetireFeatureSet{large}, records(FeatureSetRetired{large})},
		"retire twice":               {sold(FeatureSetRetired{large}), RetireFeatureSet{large}, nothing},
		"update what is retired":     {sold(FeatureSetRetired{large}), UpdateFeatureSet{large, true1}, testkit.Fails(ErrFeatureSetNotFound)},
		"define what is retired":     {sold(FeatureSetRetired{large}), DefineFeatureSet{large, "", true1}, testkit.Fails(domain.ErrTransition)},
		"assign":                     {sold(), AssignFeatureSet{Node: acme, Set: large}, records(has...)},
		"assign twice":               {sold(has...), AssignFeatureSet{Node: acme, Set: large}, nothing},
		"assign what is not there":   {sold(), AssignFeatureSet{Node: acme, Set: "no"}, testkit.Fails(ErrFeatureSetNotFound)},
		"assign what is retired":     {sold(FeatureSetRetired{large}), AssignFeatureSet{Node: acme, Set: large}, testkit.Fails(ErrFeatureSetNotFound)},
		"to nobody":                  {sold(), AssignFeatureSet{Node: ann, Set: large}, testkit.Fails(ErrNodeNotFound)},
		"to the platform":            {sold(), AssignFeatureSet{Node: domain.PlatformID, Set: large}, testkit.Fails(ErrLevel)},
		"to a user":                  {sold(hung{ann, domain.UserLevel, acme}), AssignFeatureSet{Node: ann, Set: large}, testkit.Fails(ErrLevel)},
		"to a tenant that has ended": {sold(stands{acme, domain.Ended}), AssignFeatureSet{Node: acme, Set: large}, testkit.Fails(ErrNodeGone)},
		"under a lock":               {sold(partnerSays(on), Locked{partner, key}), AssignFeatureSet{Node: acme, Set: large}, lockedErr},
		"of an archived flag":        {sold(Archived{Flag: second}), AssignFeatureSet{Node: acme, Set: large}, testkit.Fails(domain.ErrTransition)},
		"where it says so itself":    {sold(own), AssignFeatureSet{Node: acme, Set: large}, testkit.Fails(ErrOwnOverrides)},
		"keeping that":               {sold(own), AssignFeatureSet{Node: acme, Set: large, Own: Keep}, records(FeatureSetAssigned{acme, domain.TenantLevel, large, 1, 0, []Key{key}}, other)},
		"replacing that":             {sold(own), AssignFeatureSet{Node: acme, Set: large, Own: Replace}, records(assigned, tenantSays(mineNow, &mine), other)},
		"where it did once":          {sold(tenantSays(Setting{Value: j("false"), ValidUntil: &early}, nil)), AssignFeatureSet{Node: acme, Set: small}, records(FeatureSetAssigned{acme, domain.TenantLevel, small, 1, 0, nil}, tenantSays(gives(small, "true"), &Setting{Value: j("false"), ValidUntil: &early}))},
		"over another set":           {sold(has...), AssignFeatureSet{Node: acme, Set: small}, testkit.Fails(ErrSetsOverlap)},
		"in place of another set":    {sold(has...), AssignFeatureSet{Node: acme, Set: small, Replaces: large}, records(FeatureSetUnassigned{acme, domain.TenantLevel, large, 1}, FeatureSetAssigned{acme, domain.TenantLevel, small, 1, 0, nil}, tenantSays(gives(small, "true"), &first.Setting), Cleared{acme, second, other.Setting})},
		"in place of none":           {sold(), AssignFeatureSet{Node: acme, Set: large, Replaces: small}, testkit.Fails(ErrNotAssigned)},
		"a new edition":              {sold(append(has, updated)...), AssignFeatureSet{Node: acme, Set: large}, records(FeatureSetAssigned{acme, domain.TenantLevel, large, 2, 1, nil}, Cleared{acme, key, first.Setting}, tenantSaysOf(second, gives(large, "false"), &other.Setting))},
		"unassign":                   {sold(has...), UnassignFeatureSet{acme, large}, records(FeatureSetUnassigned{acme, domain.TenantLevel, large, 1}, Cleared{acme, key, first.Setting}, Cleared{acme, second, other.Setting})},
		"unassign what is retired":   {sold(append(has, FeatureSetRetired{large})...), UnassignFeatureSet{acme, large}, records(FeatureSetUnassigned{acme, domain.TenantLevel, large, 1}, Cleared{acme, key, first.Setting}, Cleared{acme, second, other.Setting})},
		"unassign what it has not":   {sold(), UnassignFeatureSet{acme, large}, nothing},
		"unassign what is not there": {past(), UnassignFeatureSet{acme, large}, testkit.Fails(ErrFeatureSetNotFound)},
		"but not what it said since": {sold(append(has, tenantSays(mine, &first.Setting))...), UnassignFeatureSet{acme, large}, records(FeatureSetUnassigned{acme, domain.TenantLevel, large, 1}, Cleared{acme, second, other.Setting})},
		"and what gave way is back":  {sold(own, assigned, tenantSays(mineNow, &mine), other), UnassignFeatureSet{acme, large}, records(FeatureSetUnassigned{acme, domain.TenantLevel, large, 1}, tenantSays(mine, &mineNow), Cleared{acme, second, other.Setting})},
		"what it gave is locked":     {sold(append(has, Locked{acme, key})...), UnassignFeatureSet{acme, large}, testkit.Fails(ErrUnlockFirst)},
		"overriding what it gave":    {sold(has...), override, records(tenantSays(on, &first.Setting))},
		"a variant":                  {past(Defined{"text", text}, FeatureSetDefined{"t", "", []Feature{{"text", Serving{Variant: "b"}}}}), AssignFeatureSet{Node: acme, Set: "t"}, records(FeatureSetAssigned{acme, domain.TenantLevel, "t", 1, 0, nil}, tenantSaysOf("text", Setting{Value: j(`"b"`), Variant: "b", Set: "t"}, nil))},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(testkit.Given(c.past...), c.cmd).Meets(t, c.want) })
	}
}

// Whatever a node said of its own before it was assigned feature sets, and said or
// took back meanwhile, it says when it has none any more.
func TestFeatureSetsLeaveNothingBehind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := sold()
		own := map[Key]string{} // what the node says of its own
		say := func(cmd domain.Command[Ladder]) {
			facts, err := cmd.Decide(domain.Fold(Ladder{}, events...), domain.Meta{At: at})
			if err == nil {
				events = append(events, facts...)
			}
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			k := rapid.SampledFrom([]Key{key, second}).Draw(t, "flag")
			set := rapid.SampledFrom([]FeatureSetKey{large, small}).Draw(t, "set")
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				own[k] = rapid.SampledFrom([]string{"true", "false"}).Draw(t, "value")
				say(Override{Node: acme, Flag: k, Value: j(own[k])})
			case 1:
				if spoken, _ := domain.Fold(Sayings{}, events...)[k]; spoken.Set == "" {
					delete(own, k)
				} else if own[k] != "" {
					continue // clearing what a set gave leaves open what comes back
				}
				say(ClearOverride{acme, k})
			case 2, 3:
				say(AssignFeatureSet{Node: acme, Set: set, Own: rapid.SampledFrom([]Own{"", Keep, Replace}).Draw(t, "own")})
			case 4:
				say(AssignFeatureSet{Node: acme, Set: set, Own: Replace, Replaces: rapid.SampledFrom([]FeatureSetKey{large, small}).Draw(t, "replaces")})
			case 5:
				say(UnassignFeatureSet{acme, set})
			}
		}
		say(UnassignFeatureSet{acme, large})
		say(UnassignFeatureSet{acme, small})
		got := map[Key]string{}
		for k, s := range domain.Fold(Sayings{}, events...) {
			if got[k] = string(s.Value); s.Set != "" {
				t.Errorf("%s is still given by %s", k, s.Set)
			}
		}
		if diff := cmp.Diff(own, got); diff != "" {
			text, _ := json.MarshalIndent(events, "", " ")
			t.Errorf("the node says something else than of its own (-own +says):\n%s\n%s", diff, text)
		}
	})
}

// Sayings is what a node says about flags, as the events tell.
type Sayings map[Key]Setting

// Evolve folds one event.
func (s Sayings) Evolve(e domain.Event) Sayings {
	next := Sayings{}
	for k, v := range s {
		next[k] = v
	}
	switch e := e.(type) {
	case Overridden:
		next[e.Flag] = e.Setting
	case Cleared:
		delete(next, e.Flag)
	}
	return next
}
