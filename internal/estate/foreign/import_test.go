package foreign_test

import (
	"bytes"
	"encoding/json"
	switches "flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/estate"
	. "github.com/reeve-platform/reeve/internal/estate/foreign"
)

var update = switches.Bool("update", false, "write the golden files")

// exports are those in testdata, and the environments that they are read for.
var exports = map[string]struct {
	source      Source
	environment string
}{
	"flagd":             {Flagd, ""},
	"unleash":           {Unleash, ""},
	"unleash-export":    {Unleash, ""},
	"launchdarkly":      {LaunchDarkly, ""},
	"launchdarkly-rest": {LaunchDarkly, "production"},
}

func imported(t *testing.T, name string) *Import {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	im, err := Read(exports[name].source, exports[name].environment, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return im
}

// What an export comes to is a file that can be applied, and every finding.
func TestExportsBecomeEstates(t *testing.T) {
	for name := range exports {
		t.Run(name, func(t *testing.T) {
			im := imported(t, name)
			var out bytes.Buffer
			if err := estate.Write(&out, im.Documents()); err != nil {
				t.Fatal(err)
			}
			docs, err := estate.Parse(name, bytes.NewReader(out.Bytes()))
			if err != nil || len(docs) != len(im.Documents()) {
				t.Fatal(len(docs), err)
			}
			for _, f := range im.Findings {
				fmt.Fprintln(&out, "#", f)
			}
			golden(t, filepath.Join("testdata", name+".yaml"), out.Bytes())
		})
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Fatal(diff)
	}
}

// A world answers for an import as Reeve would after it was applied.
type world struct {
	t *testing.T
	*Import
}

func (w world) find(k flag.Key) (f flag.Flag, layers []flag.Layer) {
	for _, one := range w.Flags {
		if one.Key != k {
			continue
		}
		defined := flag.Defined{Flag: k, Definition: one.Definition}
		f = f.Evolve(defined)
		if !one.Draft {
			f = f.Evolve(flag.Activated{Flag: k})
		}
		f.Prerequisites = one.Prerequisites
		for i, p := range f.Prerequisites {
			if other, _ := w.find(p.Flag); p.Variant != "" {
				f.Prerequisites[i].Value = other.Definition.Variants[p.Variant]
			}
		}
		if one.Override != nil {
			ladder := flag.Ladder{}.Evolve(defined)
			for _, s := range w.Segments {
				ladder = ladder.Evolve(flag.SegmentDefined{Segment: s.Key})
			}
			events, err := one.Override.Decide(ladder, domain.Meta{})
			if err != nil {
				w.t.Fatal(err)
			}
			layers = append(layers, events[0].(flag.Overridden).Layer(domain.PlatformLevel, domain.PlatformID))
		}
	}
	return f, layers
}

func (w world) value(k flag.Key, who string) string {
	w.t.Helper()
	c := &flag.Context{}
	if err := json.Unmarshal([]byte(who), &c.Attributes); err != nil {
		w.t.Fatal(who, err)
	}
	c.Key, _ = c.Attributes["key"].(string)
	in := flag.Input{Standing: domain.Usable, At: time.Unix(0, 0), Context: c, Segments: func(s flag.SegmentKey) *flag.Audience {
		for _, one := range w.Segments {
			if one.Key == s {
				return one.Audience()
			}
		}
		return nil
	}}
	in.Prerequisites = func(k flag.Key, in flag.Input) (flag.Evaluation, error) {
		f, layers := w.find(k)
		return flag.Evaluate(f, in, layers...)
	}
	f, layers := w.find(k)
	e, err := flag.Evaluate(f, in, layers...)
	if err != nil {
		return err.Error()
	}
	return string(e.Value)
}

// Everybody gets what the other system gives them; where that cannot be said here,
// no more.
func TestFlagsComeToWhatTheyWere(t *testing.T) {
	for name, cases := range map[string][][3]string{
		"flagd": {
			{"new-welcome-banner", `{"email":"a@faas.com"}`, "true"}, {"new-welcome-banner", `{"email":"a@b.com"}`, "false"}, {"new-welcome-banner", `{}`, "false"},
			{"background", `{"plan":"gold","seats":10}`, `"#00FF00"`}, {"background", `{"plan":"gold","seats":9}`, `"#FF0000"`},
			{"background", `{"country":"SE"}`, `"#0000FF"`}, {"background", `{"version":"2.9.1"}`, `"#0000FF"`}, {"background", `{"version":"3.0.0-rc.1"}`, `"#FF0000"`}, {"background", `{"version":"1.9.9"}`, `"#FF0000"`},
			{"headline-color", `{"route":"/admin/x","email":"a"}`, `"x"`},
			{"is-big", `{"seats":100}`, "true"}, {"is-big", `{"seats":99}`, "false"},
			{"limits", `{}`, `{"max":5}`}, {"retired", `{}`, "false"},
			{"grows", `{"key":"ann"}`, "true"}, {"grows", `{"groups":["beta"]}`, "false"},
			{"guarded", `{"age":2}`, "false"}, {"guarded", `{"age":1}`, "false"},
			{"no default", `{}`, flag.ErrNotFound.Error()}, {"from-code", `{"a":"b"}`, "false"},
		},
		"launchdarkly": {
			{"engine", `{"key":"carl"}`, "true"}, {"engine", `{"key":"dora"}`, "false"},
			{"layout", `{"key":"dora","country":"DK","joined":1000}`, `"narrow"`}, // the prerequisite
			{"layout", `{"key":"carl","country":"DK","joined":1000}`, `"wide"`}, {"layout", `{"key":"carl","country":"DK","joined":"2025-12-31T23:59:59Z"}`, `"wide"`},
			{"layout", `{"key":"carl","country":"NO","joined":1000}`, `"narrow"`}, {"layout", `{"key":"carl","joined":1000}`, `"narrow"`}, // missing and negated is false
			{"layout", `{"key":"carl","country":"DK","joined":1767225600000}`, `"narrow"`},
			{"layout", `{"key":"ann"}`, `"both"`}, {"layout", `{"key":"carl","plan":"gold"}`, `"both"`},
			{"rollout", `{"appVersion":"1.9.9","key":"a"}`, "false"},
			{"kept-off", `{"plan":"free"}`, "false"}, {"kept-off", `{"key":"a"}`, "false"},
			{"narrower", `{"email":"a@acme.com"}`, "true"}, {"narrower", `{"email":"a@acme.com.de"}`, "false"},
			{"switched-off", `{}`, "0"},
		},
		"launchdarkly-rest": {
			{"new-checkout", `{"key":"ann"}`, `{"steps":1}`}, {"new-checkout", `{"country":"NOR"}`, `{"steps":1}`}, {"new-checkout", `{"country":"DK"}`, `{"steps":3}`},
		},
		"unleash": {
			{"checkout", `{"key":"ann"}`, "true"}, {"checkout", `{"key":"carl"}`, "false"}, {"checkout", `{"key":"ann","country":"NO","plan":"gold"}`, "true"},
			{"always", `{}`, "true"}, {"off", `{}`, "false"},
			{"inside", `{"remoteAddress":"10.1.2.3"}`, "true"}, {"inside", `{"remoteAddress":"192.168.1.8"}`, "false"},
			{"inside", `{"email":"ann@ACME.COM","seats":10,"version":"1.2.4","joined":"2025-06-01T00:00:00Z"}`, "true"},
			{"inside", `{"email":"ann@ACME.COM","seats":10,"version":"1.2.4","joined":"2025-06-01T00:00:00Z","plan":"free"}`, "false"},
			{"inside", `{"email":"ann@ACME.COM","seats":9,"version":"1.2.4","joined":"2025-06-01T00:00:00Z"}`, "false"},
			{"inside", `{"email":"ann@ACME.COM","seats":10,"version":"1.2.3","joined":"2025-06-01T00:00:00Z"}`, "false"},
			{"inside", `{"email":"ann@ACME.COM","seats":10,"version":"1.2.4","joined":"2026-06-01T00:00:00Z"}`, "false"},
			{"custom", `{}`, "false"}, {"colour", `{"key":"ann"}`, `"#f00"`},
			{"child", `{"key":"bob"}`, "true"}, {"child", `{"key":"carl"}`, "false"},
		},
		"unleash-export": {{"checkout", `{"key":"ann","country":"DK"}`, "false"}, {"old", `{}`, flag.ErrNotFound.Error()}},
	} {
		w := world{t, imported(t, name)}
		for _, c := range cases {
			if got := w.value(flag.Key(c[0]), c[1]); got != c[2] {
				t.Errorf("%s: %s for %s: %s, not %s", name, c[0], c[1], got, c[2])
			}
		}
	}
}

// Shares are as large as they were.
func TestSharesKeepTheirSize(t *testing.T) {
	for _, c := range []struct {
		name, flag, who, value string
		want                   float64
	}{
		{"flagd", "headline-color", `{"email":"%d"}`, `"r"`, 0.25},
		{"flagd", "headline-color", `{"email":"%d"}`, `"b"`, 0.75},
		{"launchdarkly", "rollout", `{"key":"%d"}`, "true", 0.3},
		{"unleash", "checkout", `{"key":"%d","country":"NO"}`, "true", 0.2},
		{"unleash", "checkout", `{"key":"%d","country":"NO","plan":"free"}`, "true", 0},
		{"unleash", "colour", `{"key":"%d"}`, `"#f00"`, 0.25},
		{"unleash-export", "checkout", `{"sessionId":"%d","country":"NO"}`, "true", 0.1},
	} {
		w, n := world{t, imported(t, c.name)}, 0
		for i := range 4000 {
			if w.value(flag.Key(c.flag), fmt.Sprintf(c.who, i)) == c.value {
				n++
			}
		}
		if got := float64(n) / 4000; got < c.want-0.03 || got > c.want+0.03 {
			t.Errorf("%s %s: %s for %v of all, not %v", c.name, c.flag, c.value, got, c.want)
		}
	}
}
