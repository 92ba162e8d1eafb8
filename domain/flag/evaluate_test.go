package flag_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/cascade/cascadetest"
	. "github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/flag/flagtest"
	"github.com/reeve-platform/reeve/internal/testkit"
)

type jsonRaw = json.RawMessage

func TestEvaluate(t *testing.T) {
	says := cascade.Layer{Level: domain.TenantLevel, Node: acme, Value: j(`true`)}
	holds := says
	holds.Locked = true
	d := Definition{Type: Boolean, Default: j(`false`), Off: j(`false`), Variants: map[string]jsonRaw{"on": j(`true`), "off": j(`false`)}, Mode: cascade.Replace}
	for name, c := range map[string]struct {
		status   Status
		standing domain.Standing
		layers   []cascade.Layer
		want     Evaluation
		err      error
	}{
		"absent":                      {StatusAbsent, domain.Usable, nil, Evaluation{}, ErrNotFound},
		"archived":                    {StatusArchived, domain.Usable, []cascade.Layer{says}, Evaluation{}, ErrNotFound},
		"draft is off":                {StatusDraft, domain.Usable, []cascade.Layer{says}, Evaluation{Value: j(`false`), Variant: "off", Reason: Disabled, Cause: IsDraft}, nil},
		"killed is off above a lock":  {StatusKilled, domain.Usable, []cascade.Layer{holds}, Evaluation{Value: j(`false`), Variant: "off", Reason: Disabled, Cause: IsKilled}, nil},
		"a suspended node is off":     {StatusActive, domain.Barred, []cascade.Layer{says}, Evaluation{Value: j(`false`), Variant: "off", Reason: Disabled, Cause: NotActive}, nil},
		"a node not in use is off":    {StatusActive, domain.Pending, nil, Evaluation{Value: j(`false`), Variant: "off", Reason: Disabled, Cause: NotActive}, nil},
		"nobody says otherwise":       {StatusActive, domain.Usable, nil, Evaluation{Value: j(`false`), Variant: "off", Reason: Static, Cause: ByDefault}, nil},
		"a node says otherwise":       {StatusActive, domain.Usable, []cascade.Layer{says}, Evaluation{Value: j(`true`), Variant: "on", Reason: Static, Cause: ByOverride}, nil},
		"a node says so for all":      {StatusActive, domain.Usable, []cascade.Layer{holds}, Evaluation{Value: j(`true`), Variant: "on", Reason: Static, Cause: ByLock}, nil},
		"deprecated still evaluates":  {StatusDeprecated, domain.Usable, []cascade.Layer{says}, Evaluation{Value: j(`true`), Variant: "on", Reason: Static, Cause: ByOverride}, nil},
		"the life of the flag counts": {StatusKilled, domain.Barred, nil, Evaluation{Value: j(`false`), Variant: "off", Reason: Disabled, Cause: IsKilled}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Evaluate(Flag{Status: c.status, Definition: d}, Input{Standing: c.standing, At: at}, plainly(c.layers)...)
			if domain.KindOf(err) != domain.KindOf(c.err) && err != nil {
				t.Fatal(err)
			}
			if (err == nil) != (c.err == nil) || string(got.Value) != string(c.want.Value) || got.Variant != c.want.Variant || got.Reason != c.want.Reason || got.Cause != c.want.Cause {
				t.Fatalf("%+v, %v; want %+v, %v", got, err, c.want, c.err)
			}
		})
	}
}

// plainly are layers that say the same to everybody.
func plainly(layers []cascade.Layer) (out []Layer) {
	for _, l := range layers {
		out = append(out, Layer{Layer: l})
	}
	return out
}

// The same matrix that holds the cascade holds an active flag at a usable node.
func TestTheMatrixHoldsForFlags(t *testing.T) {
	for _, c := range cascadetest.Load(t, "../cascade/testdata") {
		f := Flag{Status: StatusActive, Definition: Definition{Type: JSON, Default: c.Fallback, Off: j(`null`), Mode: c.Mode}}
		got, err := Evaluate(f, Input{Standing: domain.Usable, At: c.At}, plainly(c.Layers)...)
		if err != nil || !cascade.Same(got.Value, c.Want) || got.Decision.Decider.Level != c.By {
			t.Errorf("%s: %s by %q, %v", c.Name, got.Value, got.Decision.Decider.Level, err)
		}
	}
}

// What the matrix of flags says, evaluation does, and so does the timeline.
func TestTheMatrixOfFlags(t *testing.T) {
	for _, c := range flagtest.Load(t, "testdata/matrix") {
		t.Run(c.Name, func(t *testing.T) {
			f, layers := c.State(c.Flag), c.Ladder()
			got, err := Evaluate(f, c.Input(), layers...)
			if err != nil || !cascade.Same(got.Value, c.Want) || got.Decision.Decider.Level != c.By || got.Reason != c.Reason || got.Cause != c.Cause || got.Rule != c.Rule || got.Blocker != c.Blocker || !cmp.Equal(got.Bucket, c.Bucket) {
				t.Errorf("%s by %q: %s, %s, %q; %v", got.Value, got.Decision.Decider.Level, got.Reason, got.Cause, got.Rule, err)
			}
			for _, s := range Timeline(f, c.Input(), layers...) {
				if !c.At.Before(s.From) && (s.Until.IsZero() || c.At.Before(s.Until)) && !cascade.Same(s.Evaluation.Value, c.Want) {
					t.Errorf("the timeline says %s", s.Evaluation.Value)
				}
			}
		})
	}
}

func TestTimelineIsEvaluateAtEveryInstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Flag{Status: rapid.SampledFrom([]Status{StatusDraft, StatusActive, StatusKilled, StatusDeprecated}).Draw(t, "status"), Definition: def}
		standing := rapid.SampledFrom([]domain.Standing{domain.Usable, domain.Barred}).Draw(t, "standing")
		until := at.Add(time.Duration(rapid.IntRange(-3, 3).Draw(t, "until")) * time.Hour)
		layers := plainly([]cascade.Layer{{Level: domain.TenantLevel, Value: j(`true`), Until: until}})
		now := at.Add(time.Duration(rapid.IntRange(-200, 200).Draw(t, "minutes")) * time.Minute)
		want, err := Evaluate(f, Input{Standing: standing, At: now}, layers...)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range Timeline(f, Input{Standing: standing}, layers...) {
			if !now.Before(s.From) && (s.Until.IsZero() || now.Before(s.Until)) {
				if string(s.Evaluation.Value) != string(want.Value) || s.Evaluation.Cause != want.Cause {
					t.Fatalf("%s %s, want %s %s", s.Evaluation.Value, s.Evaluation.Cause, want.Value, want.Cause)
				}
				return
			}
		}
		t.Fatal("no segment at that instant")
	})
	if got := Timeline(Flag{Status: StatusArchived}, Input{Standing: domain.Usable}); got != nil {
		t.Fatalf("an archived flag has %v", got)
	}
}

func TestGolden(t *testing.T) {
	full := Definition{Type: String, Default: j(`"a"`), Off: j(`""`), Variants: map[string]jsonRaw{"b": j(`"b"`)}, Mode: cascade.Replace,
		Description: "what for", Owner: "payments", Tags: []string{"x"}, Exposed: true, Levels: []domain.Level{domain.TenantLevel}, Expires: "2027-03-31"}
	when := []Condition{{Attribute: "plan", Op: In, Values: []jsonRaw{j(`"gold"`)}, Not: true}}
	split := &Split{By: "tenant", Salt: "s", Shares: []Share{{Serving{Value: j(`"b"`)}, 1}}, Steps: []Step{{at, []uint32{2}}}, Paused: &late}
	setting := Setting{Value: j(`"b"`), Variant: "b", Rules: []Rule{{Name: "r", When: when, Serving: Serving{Value: j(`"b"`), Variant: "b"}}}, Split: split, ValidFrom: &early, ValidUntil: &late, Locked: true}
	rolling := Saying{acme, domain.TenantLevel, partner, key, Setting{Split: split}, nil}
	testkit.Golden(t, Events,
		Defined{key, full}, Updated{key, def, full}, Activated{key, StatusDraft}, Deprecated{key}, Killed{key, StatusActive},
		Revived{key, StatusActive}, Archived{key, StatusDeprecated}, Restored{key},
		Overridden{ann, domain.UserLevel, acme, key, setting, &on}, Cleared{acme, key, setting}, Locked{acme, key}, Unlocked{acme, key},
		segment, SegmentUpdated{"gold", gold, Membership{Excluded: []string{"bob"}}}, SegmentRetired{"gold"},
		RolloutSet{rolling}, RolloutAdvanced{rolling}, RolloutPaused{rolling}, RolloutResumed{rolling},
		OptedIn{Saying{acme, domain.TenantLevel, partner, key, Setting{Value: j(`true`), Opted: Taken}, nil}}, OptedOut{Saying{acme, domain.TenantLevel, partner, key, Setting{Value: j(`false`), Opted: Declined}, &on}},
		FeatureSetDefined{large, "what for", []Feature{{key, Serving{Variant: "on"}}}}, FeatureSetUpdated{large, 2, []Feature{feature(key, "true")}, []Feature{feature(second, "true")}}, FeatureSetRetired{large},
		FeatureSetAssigned{acme, domain.TenantLevel, large, 2, 1, []Key{key}}, FeatureSetUnassigned{acme, domain.TenantLevel, large, 2},
		MarkedStale{key}, UnmarkedStale{key}, Evaluated{acme, key, 3, early, late},
		PrerequisitesSet{key, []Prerequisite{{Flag: "base", Variant: "on", Value: j(`true`)}}, nil})
}
