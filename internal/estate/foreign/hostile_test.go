package foreign_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/internal/estate/foreign"
)

// What is no export is refused, with what is wrong.
func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		source            Source
		environment, text string
		want              *domain.Error
		says              string
	}{
		"nothing":               {Flagd, "", ``, ErrImport, "cannot be read"},
		"no JSON":               {Unleash, "", `features: []`, ErrImport, "cannot be read"},
		"not UTF-8":             {Flagd, "", "{\"flags\":{\"\xff\":{}}}", ErrImport, "UTF-8"},
		"no flags":              {LaunchDarkly, "", `{}`, ErrImport, "no flags"},
		"two values":            {Flagd, "", `{"flags":{"a":{}}} {}`, ErrImport, "more than one"},
		"another system":        {Flagd, "", `{"features":[{"name":"a"}]}`, ErrImport, "no flags"},
		"too deep":              {Flagd, "", strings.Repeat("[", 101), ErrImport, "deep"},
		"too large":             {Flagd, "", strings.Repeat(" ", 16<<20+1), ErrImport, "larger"},
		"too many":              {Unleash, "", `{"features":[` + strings.Repeat("{},", 10_000) + `{}]}`, ErrImport, "more than"},
		"an unknown source":     {"other", "", `{}`, ErrImport, "no system"},
		"an environment of two": {LaunchDarkly, "", `{"items":[{"key":"a","environments":{"a":{},"b":{}}}]}`, ErrEnvironment, "a, b"},
		"no such environment":   {LaunchDarkly, "c", `{"items":[{"key":"a","environments":{"a":{},"b":{}}}]}`, ErrEnvironment, "a, b"},
		"no environments":       {Unleash, "c", `{"features":[{"name":"a"}]}`, ErrEnvironment, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(c.source, c.environment, strings.NewReader(c.text))
			e, ok := domain.AsError(err)
			if !ok || e.Code != c.want.Code || !strings.Contains(e.Error(), c.says) {
				t.Fatal(err)
			}
		})
	}
}

// What refers to itself, or grows without end, is lost and harms nobody.
func TestHostileTargeting(t *testing.T) {
	wide := `{"and":[` + strings.TrimSuffix(strings.Repeat(`{"or":[{"==":[{"var":"a"},"1"]},{"==":[{"var":"b"},"1"]}]},`, 40), ",") + `]}`
	for name, targeting := range map[string]string{
		"a circle": `{"if":[{"$ref":"self"},"on"]}`, "a bomb": `{"if":[{"$ref":"bomb9"},"on"]}`, "too many rules": `{"if":[` + wide + `,"on"]}`,
		"no such evaluator": `{"if":[{"$ref":"none"},"on"]}`, "no such variant": `{"if":[true,"blue"]}`, "an object": `{"if":[{"a":1,"b":2},"on"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			evaluators := `"self":{"or":[{"$ref":"self"},{"$ref":"self"}]},"bomb0":true`
			for i := range 9 {
				evaluators += fmt.Sprintf(`,"bomb%d":{"and":[%s{"$ref":"bomb%d"}]}`, i+1, strings.Repeat(fmt.Sprintf(`{"$ref":"bomb%d"},`, i), 20), i)
			}
			text := `{"flags":{"f":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":` + targeting + `}},"$evaluators":{` + evaluators + `}}`
			im, err := Read(Flagd, "", strings.NewReader(text))
			if err != nil || im.Losses() == 0 || (world{t, im}).value("f", `{"a":"1"}`) != "false" {
				t.Fatal(err, im)
			}
		})
	}
}

// A flag that is off only because it could not be carried over turns on nothing that
// depends on its being off.
func TestDoubtSpreads(t *testing.T) {
	im, err := Read(Unleash, "", strings.NewReader(`{"features":[
		{"name":"a","enabled":true,"dependencies":[{"feature":"gone"}]},
		{"name":"b","enabled":true,"dependencies":[{"feature":"a","enabled":false}]},
		{"name":"c","enabled":true,"dependencies":[{"feature":"b","enabled":false}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	w := world{t, im}
	got := []string{w.value("a", `{}`), w.value("b", `{}`), w.value("c", `{}`)}
	if diff := cmp.Diff([]string{"false", "false", "false"}, got); diff != "" {
		t.Fatal(diff, im.Findings)
	}
}

// Nor does a flag that only some no longer get, because a rule was left out.
func TestDoubtSpreadsFromRules(t *testing.T) {
	im, err := Read(Unleash, "", strings.NewReader(`{"features":[
		{"name":"a","enabled":true,"strategies":[{"name":"byMoonPhase"},{"name":"userWithId","parameters":{"userIds":"ann"}}]},
		{"name":"b","enabled":true,"dependencies":[{"feature":"a","enabled":false}]},
		{"name":"c","enabled":true,"dependencies":[{"feature":"a"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	w := world{t, im}
	got := []string{w.value("a", `{"key":"ann"}`), w.value("b", `{"key":"bob"}`), w.value("c", `{"key":"ann"}`), w.value("c", `{"key":"bob"}`)}
	if diff := cmp.Diff([]string{"true", "false", "true", "false"}, got); diff != "" {
		t.Fatal(diff, im.Findings)
	}
}

// A flag that is off there is not on for everybody once it is activated here.
func TestFlagsThatAreOffKeepWhatTheySay(t *testing.T) {
	for source, text := range map[Source]string{
		Unleash: `{"features":[{"name":"a","enabled":true},{"name":"f","enabled":false,"dependencies":[{"feature":"a"}],"strategies":[{"name":"userWithId","parameters":{"userIds":"ann"}}]}]}`,
		LaunchDarkly: `{"flags":{"a":{"on":true,"variations":[true,false],"offVariation":1,"fallthrough":{"variation":0}},
			"f":{"on":false,"variations":[true,false],"offVariation":1,"fallthrough":{"variation":1},"targets":[{"values":["ann"],"variation":0}],"prerequisites":[{"key":"a","variation":0}]}}}`,
	} {
		im, err := Read(source, "", strings.NewReader(text))
		if err != nil || im.Losses() > 0 {
			t.Fatal(err, im.Findings)
		}
		f := &im.Flags[1]
		if !f.Draft || len(f.Prerequisites) != 1 {
			t.Fatal(source, f)
		}
		f.Draft = false
		w := world{t, im}
		if ann, bob := w.value("f", `{"key":"ann"}`), w.value("f", `{"key":"bob"}`); ann != "true" || bob != "false" {
			t.Error(source, ann, bob)
		}
	}
}

// More than could be kept is not worked on, whatever it is.
func TestExcessIsLeftOff(t *testing.T) {
	many := func(s string) string { return strings.TrimSuffix(strings.Repeat(s+",", 100_000), ",") }
	for name, c := range map[string]struct {
		source Source
		text   string
	}{
		"strategies":    {Unleash, `{"features":[{"name":"f","enabled":true,"strategies":[` + many(`{"name":"flexibleRollout","parameters":{"rollout":"5"}}`) + `]}]}`},
		"parents":       {Unleash, `{"features":[{"name":"f","enabled":true,"dependencies":[` + many(`{"feature":"f"}`) + `]}]}`},
		"rules":         {LaunchDarkly, `{"flags":{"f":{"on":true,"variations":[false],"offVariation":0,"fallthrough":{"variation":0},"rules":[` + many(`{"clauses":[{"op":"no"}],"variation":0}`) + `]}}}`},
		"prerequisites": {LaunchDarkly, `{"flags":{"f":{"on":true,"variations":[false],"offVariation":0,"prerequisites":[` + many(`{"key":"f"}`) + `]}}}`},
		"values":        {Flagd, `{"flags":{"f":{"state":"ENABLED","defaultVariant":"a","variants":{"a":false,"b":[` + many("0") + `]}}}}`},
		"operations":    {Flagd, `{"flags":{"f":{"state":"ENABLED","defaultVariant":"off","variants":{"on":true,"off":false},"targeting":{"if":[` + many(`{"%":[]},"on"`) + `]}}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			im, err := Read(c.source, "", strings.NewReader(c.text))
			if err != nil || im.Losses() == 0 || im.Losses() > 500 {
				t.Fatal(err, im.Losses())
			}
			if len(im.Flags) > 0 && !im.Flags[0].Draft {
				t.Fatal(im.Flags[0])
			}
		})
	}
}
