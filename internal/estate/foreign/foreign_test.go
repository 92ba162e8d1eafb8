package foreign_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	rules "github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/estate"
	"github.com/reeve-platform/reeve/internal/estate/foreign"
)

var update = flag.Bool("update", false, "write the expected files")

// Every file of another system is always made the same documents, which can be read
// again, and the same losses are told.
func TestGolden(t *testing.T) {
	for name, c := range map[string]struct{ format, environment string }{
		"flagd": {"flagd", ""}, "launchdarkly": {"launchdarkly", ""}, "launchdarkly-api": {"launchdarkly", "production"}, "unleash": {"unleash", "production"},
	} {
		t.Run(name, func(t *testing.T) {
			r := read(t, c.format, name, c.environment)
			var got bytes.Buffer
			if err := estate.Write(&got, r.Documents); err != nil {
				t.Fatal(err)
			}
			if _, err := estate.Parse(name, bytes.NewReader(got.Bytes())); err != nil {
				t.Fatal(err)
			}
			got.WriteString("# What could not be carried over:\n")
			for _, l := range r.Losses {
				fmt.Fprintln(&got, "#", l)
			}
			path := filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func read(t *testing.T, format, name, environment string) *foreign.Result {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := foreign.Read(format, f, environment)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A shelf is what was imported, as it is evaluated.
type shelf struct {
	t        *testing.T
	flags    map[string]rules.Flag
	said     map[string]rules.Setting
	segments map[rules.SegmentKey]*rules.Audience
}

func shelve(t *testing.T, r *foreign.Result) shelf {
	t.Helper()
	s := shelf{t, map[string]rules.Flag{}, map[string]rules.Setting{}, map[rules.SegmentKey]*rules.Audience{}}
	for _, d := range r.Documents {
		switch spec := d.Spec.(type) {
		case *estate.Segment:
			m := rules.Membership{Included: spec.Included, Excluded: spec.Excluded}
			decode(t, spec.Any, &m.Any)
			s.segments[rules.SegmentKey(d.Name)] = m.Audience()
		case *estate.Flag:
			about := rules.Define{Key: rules.Key(d.Name), Type: rules.Type(spec.Type), Variants: map[string]json.RawMessage{}}
			decode(t, spec.Default, &about.Default)
			decode(t, spec.Off, &about.Off)
			for name, n := range spec.Variants {
				var v json.RawMessage
				decode(t, n, &v)
				about.Variants[name] = v
			}
			events, err := about.Decide(rules.Flag{}, domain.Meta{})
			if err != nil {
				t.Fatal(d.Name, err)
			}
			f := rules.Flag{}.Evolve(events[0])
			if spec.State == "active" {
				f = f.Evolve(rules.Activated{Flag: f.Key})
			}
			decode(t, spec.Requires, &f.Prerequisites)
			s.flags[d.Name] = f
			for i, p := range f.Prerequisites { // as the rule does; all that are needed come first in these files
				if p.Variant != "" {
					f.Prerequisites[i].Value = s.flags[string(p.Flag)].Definition.Variants[p.Variant]
				}
			}
		case *estate.FlagOverride:
			key, _, _ := strings.Cut(d.Name, "@")
			said := rules.Setting{Variant: spec.Variant}
			decode(t, spec.Value, &said.Value)
			decode(t, spec.Rules, &said.Rules)
			decode(t, spec.Split, &said.Split)
			said, err := s.flags[key].Definition.Completed(said)
			if err != nil {
				t.Fatal(d.Name, err)
			}
			s.said[key] = said
		}
	}
	return s
}

func decode(t *testing.T, n yaml.Node, dst any) {
	t.Helper()
	if n.Kind == 0 {
		return
	}
	var v any
	if err := n.Decode(&v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, dst)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// value is what a flag comes to for somebody, and why.
func (s shelf) value(key string, who *rules.Context) (rules.Evaluation, error) {
	in := rules.Input{Standing: domain.Usable, Node: domain.PlatformID, Context: who, Segments: func(k rules.SegmentKey) *rules.Audience { return s.segments[k] },
		Prerequisites: func(k rules.Key, in rules.Input) (rules.Evaluation, error) { return s.value(string(k), who) }}
	f, known := s.flags[key]
	if !known {
		return rules.Evaluation{}, rules.ErrNotFound
	}
	said := s.said[key]
	if said.Value == nil && len(said.Rules) == 0 && said.Split == nil {
		return rules.Evaluate(f, in)
	}
	return rules.Evaluate(f, in, said.Layer(domain.PlatformLevel, domain.PlatformID))
}

// Whoever has an attribute gets what the other system gave.
func TestImportedFlagsComeToWhatTheyCameTo(t *testing.T) {
	shelves := map[string]shelf{
		"flagd": shelve(t, read(t, "flagd", "flagd", "")), "launchdarkly": shelve(t, read(t, "launchdarkly", "launchdarkly", "")),
		"api": shelve(t, read(t, "launchdarkly", "launchdarkly-api", "test")), "unleash": shelve(t, read(t, "unleash", "unleash", "production")),
	}
	for _, c := range []struct{ of, key, context, want string }{
		{"flagd", "new-welcome-banner", `{}`, `false`},
		{"flagd", "new-welcome-banner", `{"email":"a@example.com"}`, `true`},
		{"flagd", "new-welcome-banner", `{"country":"no"}`, `true`},
		{"flagd", "new-welcome-banner", `{"country":"no","plan":"trial"}`, `false`},
		{"flagd", "headline", `{"age":70}`, `"Good day to you"`},
		{"flagd", "headline", `{"age":17,"version":"3.0.0"}`, `"Hi"`},
		{"flagd", "headline", `{"age":30,"version":"2.0.0"}`, `"Good day"`},
		{"flagd", "headline", `{"age":30,"version":"1.9.9"}`, `"Hi"`},
		{"flagd", "headline", `{"version":"2.0.0"}`, `"Hi"`}, // no age is less than 18 there
		{"flagd", "limit", `{"targetingKey":"vip-7"}`, `100`},
		{"flagd", "limit", `{"targetingKey":"7","tags":"silver,gold"}`, `100`},
		{"flagd", "limit", `{"targetingKey":"7"}`, `10`},
		{"flagd", "colour", `{}`, `"#f00"`}, // whoever has nothing to be told by
		{"flagd", "shape", `{"theme":"classic","targetingKey":"7"}`, `{"radius":0}`},
		{"flagd", "not-now", `{}`, `false`},
		{"flagd", "after-time", `{}`, `false`},
		{"flagd", "code-default", `{"beta":true}`, `false`},
		{"launchdarkly", "checkout", `{"targetingKey":"ann"}`, `true`},
		{"launchdarkly", "checkout", `{"targetingKey":"x","plan":"gold","country":"fi"}`, `true`},
		{"launchdarkly", "checkout", `{"targetingKey":"x","plan":"gold","country":"no"}`, `false`},
		{"launchdarkly", "checkout", `{"targetingKey":"x","plan":"gold"}`, `false`}, // nobody is outside Norway who is nowhere
		{"launchdarkly", "checkout", `{"targetingKey":"eve"}`, `true`},
		{"launchdarkly", "checkout", `{"targetingKey":"mallory","email":"m@crew.example"}`, `false`},
		{"launchdarkly", "checkout", `{"targetingKey":"x","email":"x@crew.example"}`, `true`},
		{"launchdarkly", "express", `{"targetingKey":"ann"}`, `true`},
		{"launchdarkly", "express", `{"targetingKey":"x"}`, `false`},
		{"launchdarkly", "theme", `{"targetingKey":"x","version":"2.9.0"}`, `"light"`},
		{"launchdarkly", "theme", `{"targetingKey":"x","needs":["large print","more contrast"]}`, `"high contrast, for those who need it"`},
		{"launchdarkly", "sleeping", `{}`, `3`},
		{"launchdarkly", "devices", `{}`, `false`},
		{"launchdarkly", "with-devices", `{}`, `false`},
		{"launchdarkly", "since", `{"joined":"2025-12-31T23:59:59Z"}`, `true`},
		{"launchdarkly", "since", `{"joined":"2026-01-01T00:00:00Z"}`, `false`},
		{"launchdarkly", "no-off", `{}`, `"b"`},
		{"launchdarkly", "json", `{}`, `[1,2]`},
		{"launchdarkly", "plain", `{}`, `"as it is"`},
		{"launchdarkly", "history", `{}`, ``},
		{"api", "welcome", `{"targetingKey":"ann"}`, `"hi"`},
		{"unleash", "search", `{"country":"no"}`, `true`},
		{"unleash", "search", `{"country":"no","plan":"free"}`, `false`},
		{"unleash", "search", `{"targetingKey":"bob"}`, `true`},
		{"unleash", "search", `{}`, `false`},
		{"unleash", "beta", `{"targetingKey":"t@test.example"}`, `true`},
		{"unleash", "beta", `{"targetingKey":"t@example"}`, `false`},
		{"unleash", "dates", `{"joined":"2025-06-01T00:00:00Z","seats":10,"app":"web"}`, `true`},
		{"unleash", "dates", `{"joined":"2025-06-01T00:00:00Z","seats":10,"app":"mobile-ios"}`, `false`},
		{"unleash", "dates", `{"joined":"2025-06-01T00:00:00Z","seats":9}`, `false`},
		{"unleash", "rollout", `{"remoteAddress":"10.1.2.3"}`, `true`},
		{"unleash", "rollout", `{"remoteAddress":"11.1.2.3"}`, `false`},
		{"unleash", "two-shares", `{"plan":"gold"}`, `false`},
		{"unleash", "hosts", `{}`, `false`},
		{"unleash", "child", `{"country":"fi"}`, `true`},
		{"unleash", "child", `{}`, `false`},
		{"unleash", "grandchild", `{}`, `false`}, // hosts is lost, and must not count as off
		{"unleash", "old", `{}`, ``},
	} {
		var attributes map[string]any
		if err := json.Unmarshal([]byte(c.context), &attributes); err != nil {
			t.Fatal(err)
		}
		who := &rules.Context{Attributes: attributes}
		who.Key, _ = attributes["targetingKey"].(string)
		e, err := shelves[c.of].value(c.key, who)
		if c.want == "" {
			if !errors.Is(err, rules.ErrNotFound) {
				t.Errorf("%s %s: %s, %v", c.of, c.key, e.Value, err)
			}
			continue
		}
		if err != nil || !cascade.Same(e.Value, json.RawMessage(c.want)) {
			t.Errorf("%s %s for %s: %s, %v, want %s", c.of, c.key, c.context, e.Value, err, c.want)
		}
	}
}

// The shares of an imported rollout are as large as they were.
func TestSharesAreAsLarge(t *testing.T) {
	s := shelve(t, read(t, "flagd", "flagd", ""))
	count := map[string]int{}
	for n := range 20_000 {
		e, err := s.value("colour", &rules.Context{Attributes: map[string]any{"email": fmt.Sprint(n, "@example.com")}})
		if err != nil {
			t.Fatal(err)
		}
		count[e.Variant]++
	}
	for name, want := range map[string]int{"red": 10_000, "blue": 5_000, "green": 5_000} {
		if got := count[name]; got < want-400 || got > want+400 {
			t.Errorf("%s is %d of 20,000, not about %d", name, got, want)
		}
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct{ format, text, environment, at string }{
		"another format":         {"statsig", `{}`, "", "format"},
		"no JSON":                {"flagd", `flags: {}`, "", ""},
		"no flags":               {"flagd", `{}`, "", "flags"},
		"flags that are none":    {"flagd", `{"flags":{"a":7}}`, "", "flags"},
		"no file of that system": {"launchdarkly", `{"features":[]}`, "", ""},
		"no features":            {"unleash", `{"flags":{}}`, "", "features"},
		"an unknown environment": {"unleash", `{"features":[],"featureEnvironments":[{"featureName":"a","environment":"production"}]}`, "test", "environment"},
		"which environment":      {"unleash", `{"features":[],"featureEnvironments":[{"environment":"production"},{"environment":"test"}]}`, "", "environment"},
	} {
		_, err := foreign.Read(c.format, strings.NewReader(c.text), c.environment)
		e, ok := domain.AsError(err)
		if !ok || e.Code != foreign.ErrFile.Code || c.at != "" && (len(e.Fields) == 0 || e.Fields[0].Pointer != c.at) {
			t.Errorf("%s: %v %+v", name, err, e)
		}
	}
	if _, err := foreign.Read("flagd", strings.NewReader(`{"flags":{"a":"`+strings.Repeat("x", 33<<20)+`"}}`), ""); err == nil {
		t.Error("a file of any size is read")
	}
}

// What is hostile is refused or lost, and neither takes long nor makes anything wider.
func TestHostileFiles(t *testing.T) {
	deep := strings.Repeat(`{"!":`, 3000) + "true" + strings.Repeat("}", 3000)
	wide := strings.Repeat(`{"or":[{"==":[{"var":"a"},1]},{"==":[{"var":"b"},2]}]},`, 20)
	for name, logic := range map[string]string{
		"deep": `{"if":[` + deep + `,"on"]}`, "wide": `{"if":[{"and":[` + wide + `true]},"on"]}`, "itself": `{"if":[{"$ref":"loop"},"on"]}`, "branches of itself": `{"$ref":"loop"}`,
		"nothing": `{"if":[]}`, "a text": `"none"`, "a number": `7`, "two operators": `{"if":[true,"on"],"and":[]}`, "a list": `["on"]`,
		"no weights": `{"fractional":[["on",0],["off",0]]}`, "negative": `{"fractional":[["on",-1],["off",2]]}`, "huge": `{"fractional":[["on",1e308],["off",1e308]]}`,
	} {
		text := `{"$evaluators":{"loop":{"and":[{"$ref":"loop"},{"$ref":"loop"}]}},"flags":{"f":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":` + logic + `}}}`
		r, err := foreign.Read("flagd", strings.NewReader(text), "")
		if err != nil {
			continue // which is said
		}
		e, err := shelve(t, r).value("f", &rules.Context{Key: "k", Attributes: map[string]any{}})
		if err != nil || string(e.Value) != "false" {
			t.Errorf("%s: %s %v", name, e.Value, err)
		}
		if len(r.Losses) == 0 && name != "nothing" {
			t.Errorf("%s: nothing is said to be lost", name)
		}
	}
}

func fuzz(f *testing.F, format string, files ...string) {
	for _, name := range files {
		seed, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := foreign.Read(format, bytes.NewReader(data), "")
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := estate.Write(&out, r.Documents); err != nil && len(r.Documents) > 0 {
			t.Fatal(err)
		}
		if _, err := estate.Parse("import", &out); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
	})
}

func FuzzFlagd(f *testing.F) { fuzz(f, "flagd", "flagd.json") }
func FuzzLaunchDarkly(f *testing.F) {
	fuzz(f, "launchdarkly", "launchdarkly.json", "launchdarkly-api.json")
}
func FuzzUnleash(f *testing.F) { fuzz(f, "unleash", "unleash.json") }
