package flag_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/cascade/cascadetest"
	. "github.com/reeve-platform/reeve/domain/flag"
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
			got, err := Evaluate(Flag{Status: c.status, Definition: d}, c.standing, at, c.layers...)
			if domain.KindOf(err) != domain.KindOf(c.err) && err != nil {
				t.Fatal(err)
			}
			if (err == nil) != (c.err == nil) || string(got.Value) != string(c.want.Value) || got.Variant != c.want.Variant || got.Reason != c.want.Reason || got.Cause != c.want.Cause {
				t.Fatalf("%+v, %v; want %+v, %v", got, err, c.want, c.err)
			}
		})
	}
}

// The same matrix that holds the cascade holds an active flag at a usable node.
func TestTheMatrixHoldsForFlags(t *testing.T) {
	for _, c := range cascadetest.Load(t, "../cascade/testdata") {
		f := Flag{Status: StatusActive, Definition: Definition{Type: JSON, Default: c.Fallback, Off: j(`null`), Mode: c.Mode}}
		got, err := Evaluate(f, domain.Usable, c.At, c.Layers...)
		if err != nil || !cascade.Same(got.Value, c.Want) || got.Decision.Decider.Level != c.By {
			t.Errorf("%s: %s by %q, %v", c.Name, got.Value, got.Decision.Decider.Level, err)
		}
	}
}

func TestTimelineIsEvaluateAtEveryInstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Flag{Status: rapid.SampledFrom([]Status{StatusDraft, StatusActive, StatusKilled, StatusDeprecated}).Draw(t, "status"), Definition: def}
		standing := rapid.SampledFrom([]domain.Standing{domain.Usable, domain.Barred}).Draw(t, "standing")
		until := at.Add(time.Duration(rapid.IntRange(-3, 3).Draw(t, "until")) * time.Hour)
		layers := []cascade.Layer{{Level: domain.TenantLevel, Value: j(`true`), Until: until}}
		now := at.Add(time.Duration(rapid.IntRange(-200, 200).Draw(t, "minutes")) * time.Minute)
		want, err := Evaluate(f, standing, now, layers...)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range Timeline(f, standing, layers...) {
			if !now.Before(s.From) && (s.Until.IsZero() || now.Before(s.Until)) {
				if string(s.Evaluation.Value) != string(want.Value) || s.Evaluation.Cause != want.Cause {
					t.Fatalf("%s %s, want %s %s", s.Evaluation.Value, s.Evaluation.Cause, want.Value, want.Cause)
				}
				return
			}
		}
		t.Fatal("no segment at that instant")
	})
	if got := Timeline(Flag{Status: StatusArchived}, domain.Usable); got != nil {
		t.Fatalf("an archived flag has %v", got)
	}
}

func TestGolden(t *testing.T) {
	full := Definition{Type: String, Default: j(`"a"`), Off: j(`""`), Variants: map[string]jsonRaw{"b": j(`"b"`)}, Mode: cascade.Replace,
		Description: "what for", Owner: "payments", Tags: []string{"x"}, Exposed: true, Levels: []domain.Level{domain.TenantLevel}}
	setting := Setting{Value: j(`"b"`), Variant: "b", ValidFrom: &early, ValidUntil: &late, Locked: true}
	testkit.Golden(t, Events,
		Defined{key, full}, Updated{key, def, full}, Activated{key, StatusDraft}, Deprecated{key}, Killed{key, StatusActive},
		Revived{key, StatusActive}, Archived{key, StatusDeprecated}, Restored{key},
		Overridden{ann, domain.UserLevel, acme, key, setting, &on}, Cleared{acme, key, setting}, Locked{acme, key}, Unlocked{acme, key})
}
