package cascade_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/cascade/cascadetest"
)

func TestMatrix(t *testing.T) {
	for _, c := range cascadetest.Load(t, "testdata") {
		t.Run(c.Name, func(t *testing.T) {
			d := cascade.Resolve(c.Mode, c.Fallback, c.At, c.Layers...)
			if !cascade.Same(d.Value, c.Want) || d.Decider.Level != c.By || d.Defaulted != (c.By == "") {
				t.Errorf("%s by %q, want %s by %q", d.Value, d.Decider.Level, c.Want, c.By)
			}
			for _, v := range d.Story {
				if want, told := c.Story[v.Level]; told && v.Ruling != want {
					t.Errorf("the %s's part is %s, want %s", v.Level, v.Ruling, want)
				}
			}
			if len(d.Story) != len(c.Layers) {
				t.Errorf("the story has %d of %d layers", len(d.Story), len(c.Layers))
			}
		})
	}
}

// layers draws what some of the four levels say, with validities around noon.
func layers(t *rapid.T) (out []cascade.Layer) {
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		return cascadetest.Noon.Add(time.Duration(rapid.IntRange(-5, 5).Draw(t, "hours")) * time.Hour)
	})
	for _, level := range cascadetest.Levels {
		if rapid.Bool().Draw(t, "there") {
			l := cascade.Layer{Level: level, Node: domain.NodeID(level), Locked: rapid.IntRange(0, 3).Draw(t, "locked") == 0}
			l.Value, _ = json.Marshal(rapid.IntRange(0, 9).Draw(t, "value"))
			if rapid.Bool().Draw(t, "begins") {
				l.From = moment.Draw(t, "from")
			}
			if rapid.Bool().Draw(t, "ends") {
				l.Until = moment.Draw(t, "until")
			}
			out = append(out, l)
		}
	}
	return out
}

// naive is the rule in the words of the language page: among the layers in
// force the highest locked one, otherwise the deepest.
func naive(at time.Time, all []cascade.Layer) *cascade.Layer {
	var in []cascade.Layer
	for _, l := range all {
		if !at.Before(l.From) && (l.Until.IsZero() || at.Before(l.Until)) {
			in = append(in, l)
		}
	}
	if i := slices.IndexFunc(in, func(l cascade.Layer) bool { return l.Locked }); i >= 0 {
		return &in[i]
	}
	if len(in) == 0 {
		return nil
	}
	return &in[len(in)-1]
}

func TestResolveIsTheRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := layers(t)
		at := cascadetest.Noon.Add(time.Duration(rapid.IntRange(-6, 6).Draw(t, "at")) * time.Hour)
		d := cascade.Resolve(cascade.Replace, json.RawMessage("-1"), at, all...)
		switch want := naive(at, all); {
		case want == nil && (!d.Defaulted || string(d.Value) != "-1"):
			t.Fatalf("nobody has a say, and it is %s", d.Value)
		case want != nil && (string(d.Value) != string(want.Value) || d.Decider.Level != want.Level):
			t.Fatalf("%s by %s, want %s by %s", d.Value, d.Decider.Level, want.Value, want.Level)
		}
	})
}

func TestTimelineIsResolveAtEveryInstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := layers(t)
		mode := rapid.SampledFrom([]cascade.Mode{cascade.Replace, cascade.Restrict}).Draw(t, "mode")
		segments := cascade.Timeline(mode, json.RawMessage("5"), all...)
		if !segments[0].From.IsZero() || !segments[len(segments)-1].Until.IsZero() {
			t.Fatal("the timeline does not cover all time")
		}
		at := cascadetest.Noon.Add(time.Duration(rapid.IntRange(-400, 400).Draw(t, "minutes")) * time.Minute)
		want := cascade.Resolve(mode, json.RawMessage("5"), at, all...)
		for i, s := range segments {
			if i > 0 && !s.From.Equal(segments[i-1].Until) {
				t.Fatal("the timeline has a gap")
			}
			if !at.Before(s.From) && (s.Until.IsZero() || at.Before(s.Until)) {
				if string(s.Decision.Value) != string(want.Value) || s.Decision.Decider.Level != want.Decider.Level {
					t.Fatalf("at %v the timeline says %s, resolve says %s", at, s.Decision.Value, want.Value)
				}
				return
			}
		}
		t.Fatal("no segment at that instant")
	})
}

// Below a restricting key nothing ever loosens, and the order of two layers that
// both tighten does not matter.
func TestRestrictOnlyTightens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := layers(t)
		d := cascade.Resolve(cascade.Restrict, json.RawMessage("5"), cascadetest.Noon, all...)
		if !cascade.Tightens(json.RawMessage("5"), d.Value) {
			t.Fatalf("5 was loosened to %s", d.Value)
		}
		slices.Reverse(all)
		for i := range all {
			all[i].Locked = false
		}
		a := cascade.Resolve(cascade.Restrict, json.RawMessage("5"), cascadetest.Noon, all...)
		slices.Reverse(all)
		if b := cascade.Resolve(cascade.Restrict, json.RawMessage("5"), cascadetest.Noon, all...); string(a.Value) != string(b.Value) {
			t.Fatalf("%s one way, %s the other", a.Value, b.Value)
		}
	})
}

// Under a lock in force nothing below it changes the decision, in any mode.
func TestALockHoldsAgainstAllBelow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := layers(t)
		mode := rapid.SampledFrom([]cascade.Mode{cascade.Replace, cascade.Merge, cascade.Append, cascade.Restrict}).Draw(t, "mode")
		n := slices.IndexFunc(all, func(l cascade.Layer) bool { return l.Locked && naive(cascadetest.Noon, []cascade.Layer{l}) != nil })
		if n < 0 {
			return
		}
		with := cascade.Resolve(mode, json.RawMessage("5"), cascadetest.Noon, all...)
		without := cascade.Resolve(mode, json.RawMessage("5"), cascadetest.Noon, all[:n+1]...)
		if string(with.Value) != string(without.Value) || with.Decider.Level != without.Decider.Level {
			t.Fatalf("%s by %s, and without those below the lock %s by %s", with.Value, with.Decider.Level, without.Value, without.Decider.Level)
		}
	})
}

// What restricts is a set, so that neither its order nor that of the layers matters.
func TestRestrictedListsHaveNoOrder(t *testing.T) {
	list := rapid.Custom(func(t *rapid.T) json.RawMessage {
		b, _ := json.Marshal(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 1, 5).Draw(t, "list"))
		return b
	})
	rapid.Check(t, func(t *rapid.T) {
		fallback := list.Draw(t, "fallback")
		a, b := cascade.Layer{Value: list.Draw(t, "a")}, cascade.Layer{Value: list.Draw(t, "b")}
		one := cascade.Resolve(cascade.Restrict, fallback, cascadetest.Noon, a, b)
		other := cascade.Resolve(cascade.Restrict, fallback, cascadetest.Noon, b, a)
		if string(one.Value) != string(other.Value) || !cascade.Tightens(fallback, one.Value) {
			t.Fatalf("of %s, %s and %s: %s one way, %s the other", fallback, a.Value, b.Value, one.Value, other.Value)
		}
	})
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		mode        cascade.Mode
		fallback, v string
		want        bool
	}{
		{cascade.Replace, `1`, `"a"`, true},
		{cascade.Merge, `{"a":1}`, `{}`, true},
		{cascade.Merge, `{"a":1}`, `[1]`, false},
		{cascade.Merge, `{"a":1}`, `null`, false},
		{cascade.Append, `[]`, `[1]`, true},
		{cascade.Append, `[]`, `{"a":1}`, false},
		{cascade.Restrict, `60`, `-5`, true},
		{cascade.Restrict, `true`, `false`, true},
		{cascade.Restrict, `true`, `5`, false},
		{cascade.Restrict, `[1]`, `5`, false},
		{cascade.Restrict, `true`, `"x"`, false},
		{cascade.Restrict, `1`, ``, false},
	} {
		if got := c.mode.Fits(json.RawMessage(c.fallback), json.RawMessage(c.v)); got != c.want {
			t.Errorf("%s of %s on %s: %v", c.mode, c.v, c.fallback, got)
		}
	}
}

func TestInputsStayAsTheyAre(t *testing.T) {
	for _, c := range cascadetest.Load(t, "testdata") {
		before, _ := json.Marshal(c.Layers)
		cascade.Resolve(c.Mode, c.Fallback, c.At, c.Layers...)
		if after, _ := json.Marshal(c.Layers); string(before) != string(after) {
			t.Errorf("%s: the layers were changed", c.Name)
		}
	}
}

func FuzzCombine(f *testing.F) {
	for _, s := range []string{`1`, `1e999999999`, `[1,"a"]`, `{"a":{"b":1}}`, `true`, `null`, `"x"`, ``, `{`} {
		f.Add([]byte(s), []byte(s))
	}
	f.Fuzz(func(t *testing.T, upper, lower []byte) {
		for _, mode := range []cascade.Mode{cascade.Replace, cascade.Merge, cascade.Append, cascade.Restrict} {
			l := cascade.Layer{Level: domain.TenantLevel, Value: lower}
			d := cascade.Resolve(mode, upper, cascadetest.Noon, l)
			if json.Valid(upper) && json.Valid(lower) && !json.Valid(d.Value) {
				t.Fatalf("%s of %s and %s is %s", mode, upper, lower, d.Value)
			}
		}
	})
}

func BenchmarkResolve(b *testing.B) {
	all := []cascade.Layer{}
	for _, level := range cascadetest.Levels {
		all = append(all, cascade.Layer{Level: level, Value: json.RawMessage(`true`)})
	}
	b.ReportAllocs()
	for b.Loop() {
		cascade.Resolve(cascade.Replace, json.RawMessage("false"), cascadetest.Noon, all...)
	}
}
