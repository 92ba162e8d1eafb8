package flag_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/flag/flagtest"
	"github.com/reeve-platform/reeve/internal/testkit"
)

// given is what a split of text values comes to for somebody; none if nothing.
func given(t testing.TB, s Split, c Context) string {
	t.Helper()
	l := Setting{Split: &s}.Layer(domain.PlatformLevel, domain.PlatformID)
	f := Flag{Key: key, Status: StatusActive, Definition: Definition{Type: String, Default: j(`"none"`), Off: j(`""`)}}
	e, err := Evaluate(f, Input{Standing: domain.Usable, At: at, Context: &c}, l)
	if err != nil {
		t.Fatal(err)
	}
	var v string
	_ = json.Unmarshal(e.Value, &v)
	return v
}

func shares(weights ...uint32) (all []Share) {
	for i, w := range weights {
		all = append(all, Share{Serving{Value: j(fmt.Sprintf(`"%c"`, 'a'+i))}, w})
	}
	return all
}

// The vectors are published: whoever computes buckets elsewhere gets the same.
func TestPublishedBuckets(t *testing.T) {
	text, err := os.ReadFile("testdata/buckets.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Flag          Key
		Salt, Subject string
		Bucket        uint32
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) < 10 {
		t.Fatal(err, len(vectors))
	}
	for _, v := range vectors {
		if got := Bucket(v.Flag, v.Salt, v.Subject); got != v.Bucket {
			t.Errorf("%s, %q, %q: %d, want %d", v.Flag, v.Salt, v.Subject, got, v.Bucket)
		}
	}
}

// Whoever is in the first share stays there while it grows, and whoever is in
// none gets something sooner or later.
func TestAGrowingShareLosesNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		who := Context{Key: rapid.String().Filter(func(s string) bool { return s != "" }).Draw(t, "key")}
		salt := rapid.String().Draw(t, "salt")
		less := rapid.Uint32Range(0, Whole).Draw(t, "less")
		more := rapid.Uint32Range(less, Whole).Draw(t, "more")
		before := given(t0, Split{By: "key", Salt: salt, Shares: shares(less)}, who)
		after := given(t0, Split{By: "key", Salt: salt, Shares: shares(more, Whole-more)}, who)
		if before == "a" && after != "a" {
			t.Fatalf("%q was in %d and is not in %d", who.Key, less, more)
		}
	})
}

var t0 testing.TB = &testing.T{} // what given fails with cannot happen

func TestSharesAreAsLargeAsTheySay(t *testing.T) {
	const n = 100_000
	got := map[string]int{}
	for i := range n {
		got[given(t, Split{By: "key", Shares: shares(10_000, 30_000, 500)}, Context{Key: fmt.Sprintf("subject-%d", i)})]++
	}
	for value, want := range map[string]int{"a": 10_000, "b": 30_000, "c": 500, "none": 59_500} {
		if d := got[value] - want; d*d > 16*want { // four standard deviations
			t.Errorf("%s: %d of %d, want about %d", value, got[value], n, want)
		}
	}
}

// By tenant, everybody in a tenant gets the same; by key, they do not.
func TestATenantStaysWhole(t *testing.T) {
	byKey := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		tenant := domain.TenantID(rapid.StringMatching(`[0-9a-f]{8}`).Draw(t, "tenant"))
		salt := rapid.StringMatching(`[a-z]*`).Draw(t, "salt")
		half := Split{By: "tenant", Salt: salt, Shares: shares(50_000, 50_000)}
		first := given(t0, half, Context{Tenant: tenant})
		for i := range 5 {
			who := Context{Key: fmt.Sprint(rapid.Int().Draw(t, "key")), Tenant: tenant, Attributes: map[string]any{"n": i}}
			if got := given(t0, half, who); got != first {
				t.Fatalf("%s gets %s, and %s %s", tenant, first, who.Key, got)
			}
			half.By = "key"
			byKey[given(t0, half, who)] = true
			half.By = "tenant"
		}
	})
	if len(byKey) != 2 {
		t.Error("everybody gets the same by key, too")
	}
}

// What a timeline says of a split, evaluation says at every instant.
func TestTimelineOfASplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Split{By: "tenant", Shares: shares(rapid.Uint32Range(0, 50_000).Draw(t, "weight"), 50_000)}
		for i := range rapid.IntRange(0, 4).Draw(t, "steps") {
			w := rapid.Uint32Range(0, Whole).Draw(t, "weight")
			s.Steps = append(s.Steps, Step{at.Add(time.Duration(i) * time.Hour), []uint32{w, (Whole - w) / 2}})
		}
		if rapid.Bool().Draw(t, "paused") {
			paused := at.Add(time.Duration(rapid.IntRange(-1, 5).Draw(t, "hours")) * time.Hour)
			s.Paused = &paused
		}
		f := Flag{Key: key, Status: StatusActive, Definition: Definition{Type: String, Default: j(`"none"`), Off: j(`""`)}}
		l := Setting{Split: &s}.Layer(domain.PlatformLevel, domain.PlatformID)
		in := Input{Standing: domain.Usable, Context: &Context{Tenant: flagtest.Tenant}}
		in.At = at.Add(time.Duration(rapid.IntRange(-1, 300).Draw(t, "minutes")) * time.Minute).Add(-time.Duration(rapid.IntRange(0, 1).Draw(t, "ms")) * time.Millisecond)
		want, err := Evaluate(f, in, l)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, span := range Timeline(f, in, l) {
			if !in.At.Before(span.From) && (span.Until.IsZero() || in.At.Before(span.Until)) {
				found++
				if string(span.Evaluation.Value) != string(want.Value) || span.Evaluation.Reason != want.Reason {
					t.Fatalf("%s, want %s", span.Evaluation.Value, want.Value)
				}
			}
		}
		if found != 1 {
			t.Fatalf("%d spans at that instant", found)
		}
	})
}

func TestOverrideWithASplit(t *testing.T) {
	text := Definition{Type: String, Default: j(`"a"`), Off: j(`""`), Variants: map[string]jsonRaw{"b": j(`"b"`)}}
	known := append([]domain.Event{Defined{key, text}}, tree...)
	b := Share{Serving{Variant: "b"}, 60_000}
	told := Share{Serving{Value: j(`"b"`), Variant: "b"}, 60_000}
	testkit.When(testkit.Given(known...), domain.Command[Ladder](Override{Node: acme, Flag: key, Split: &Split{Shares: []Share{b}}})).
		Then(t, tenantSays(Setting{Split: &Split{By: "key", Shares: []Share{told}}}, nil))
	within := Rule{Split: &Split{By: "tenant", Shares: []Share{b}}}
	testkit.When(testkit.Given(known...), domain.Command[Ladder](Override{Node: acme, Flag: key, Rules: []Rule{within}})).
		Then(t, tenantSays(Setting{Rules: []Rule{{Split: &Split{By: "tenant", Shares: []Share{told}}}}}, nil))
	both := within
	both.Variant = "b"
	testkit.When(testkit.Given(known...), domain.Command[Ladder](Override{Node: acme, Flag: key, Rules: []Rule{both}})).ThenFails(t, ErrOneValue)
	for pointer, s := range map[string]Split{
		"/split/shares":          {},
		"/split/shares/1/value":  {Shares: []Share{b, {Serving{Value: j(`1`)}, 1}}},
		"/split/shares/0":        {Shares: []Share{{Weight: 1}}},
		"/split/steps/0/weights": {Shares: []Share{b}, Steps: []Step{{at, []uint32{1, 2}}}},
		"/split/steps/1/at":      {Shares: []Share{b}, Steps: []Step{{at, []uint32{1}}, {at, []uint32{2}}}},
	} {
		_, err := Override{Node: acme, Flag: key, Split: &s}.Decide(domain.Fold(Ladder{}, known...), domain.Meta{At: at})
		if e, ok := domain.AsError(err); !ok || e.Fields[0].Pointer != pointer {
			t.Errorf("%s: %v", pointer, err)
		}
	}
	for _, s := range []Split{{Shares: []Share{b, b}}, {Shares: []Share{b}, Steps: []Step{{at, []uint32{Whole + 1}}}}} {
		if _, err := (Override{Node: acme, Flag: key, Split: &s}).Decide(domain.Fold(Ladder{}, known...), domain.Meta{At: at}); !errors.Is(err, ErrSplit) {
			t.Error(err)
		}
	}
}
