package foreign_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/reeve-platform/reeve/domain/flag"
	. "github.com/reeve-platform/reeve/internal/estate/foreign"
)

// Nobody gets more than before.
func TestNobodyGetsMore(t *testing.T) {
	flagd := func(targeting string) string {
		return `{"flags":{"f":{"state":"ENABLED","variants":{"true":true,"false":false},"defaultVariant":"false","targeting":` + targeting + `}}}`
	}
	leash := func(strategy string) string {
		return `{"features":[{"name":"f","enabled":true,"strategies":[` + strategy + `]}]}`
	}
	for name, c := range map[string]struct{ source, text, who string }{
		"a variable is the name of a variant":       {"flagd", flagd(`{"var":"group"}`), `{"group":"beta"}`},
		"an or gives its first true operand":        {"flagd", flagd(`{"or":[{"var":"group"},{"var":"other"}]}`), `{"group":"beta"}`},
		"an and gives its last operand":             {"flagd", flagd(`{"and":[{"==":[{"var":"a"},"b"]},{"var":"group"}]}`), `{"a":"b","group":"beta"}`},
		"an or of nothing gives nothing":            {"flagd", flagd(`{"and":[]}`), `{}`},
		"all of those who have a company":           {"unleash", leash(`{"name":"flexibleRollout","parameters":{"rollout":"100","stickiness":"companyId","groupId":"f"}}`), `{"key":"ann"}`},
		"all of those who are known":                {"unleash", leash(`{"name":"gradualRolloutUserId","parameters":{"percentage":"100","groupId":"f"}}`), `{}`},
		"all of those whose session somebody knows": {"unleash", leash(`{"name":"gradualRolloutSessionId","parameters":{"percentage":"100","groupId":"f"}}`), `{"key":"ann"}`},
	} {
		im, err := Read(Source(c.source), "", strings.NewReader(c.text))
		if err != nil {
			t.Fatal(err)
		}
		if got := (world{t, im}).value("f", c.who); got != "false" {
			t.Errorf("%s: %s gets %s; findings: %v", name, c.who, got, im.Findings)
		}
	}
	w, err := Read(Flagd, "", strings.NewReader(flagd(`{"or":[{"==":[{"var":"a"},"b"]},{"if":[{"var":"c"},true,false]}]}`)))
	if err != nil || w.Losses() != 0 || (world{t, w}).value("f", `{"c":1}`) != "true" {
		t.Error("what comes to a truth is carried over", err, w)
	}
}

// What clients of Unleash add to contexts by themselves is told.
func TestWhatClientsOfUnleashAddIsTold(t *testing.T) {
	for _, name := range []string{"appName", "environment"} {
		im, err := Read(Unleash, "", strings.NewReader(fmt.Sprintf(`{"features":[{"name":"f","enabled":true,"strategies":[{"name":"default","constraints":[{"contextName":%q,"operator":"NOT_IN","values":["batch"]}]}]}]}`, name)))
		if err != nil || !slices.ContainsFunc(im.Findings, func(f Finding) bool { return f.Flag == "f" && strings.Contains(f.What, name) }) {
			t.Error(err, im.Findings)
		}
	}
}

// Variations keep their values, whatever they are called.
func TestVariationsKeepTheirValues(t *testing.T) {
	im, err := Read(LaunchDarkly, "production", strings.NewReader(`{"items":[{"key":"f",
		"variations":[{"name":"Variation 1","value":"first"},{"name":"二","value":"second"}],
		"environments":{"production":{"on":true,"offVariation":0,"fallthrough":{"variation":0}}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := (world{t, im}).value("f", `{"key":"ann"}`); got != `"first"` {
		t.Errorf("it gives %s; variants %v, findings %v", got, im.Flags[0].Variants, im.Findings)
	}
}

// Of strategies with variants the first counts, in the order that Unleash keeps.
func TestStrategiesInOrder(t *testing.T) {
	im, err := Read(Unleash, "", strings.NewReader(`{"features":[{"name":"f"}],
		"featureEnvironments":[{"featureName":"f","environment":"production","enabled":true}],
		"featureStrategies":[
			{"id":"2","name":"flexibleRollout","featureName":"f","environment":"production","sortOrder":1,"parameters":{"rollout":"100","stickiness":"default","groupId":"f"},"constraints":[],"variants":[{"name":"all","weight":1000,"stickiness":"default"}]},
			{"id":"1","name":"userWithId","featureName":"f","environment":"production","sortOrder":0,"parameters":{"userIds":"ann"},"constraints":[],"variants":[{"name":"ann","weight":1000,"stickiness":"default"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := (world{t, im}).value("f", `{"key":"ann"}`); got != `"ann"` {
		t.Errorf("ann gets %s: %v", got, im.Findings)
	}
}

// What grows as it is read, or concerns very many, is read all the same.
func TestLargeThingsAreRead(t *testing.T) {
	choice := `{"==":[{"var":"a"},"1"]}`
	for range 45 {
		choice = `{"if":[` + choice + `,true,false]}`
	}
	var chain, others strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&chain, `{"name":"f%05d","enabled":true,"dependencies":[{"feature":"f%05d","enabled":false}]},`, i, i+1)
		fmt.Fprintf(&others, `,"f%d":{"on":true,"variations":[true,false],"offVariation":1,"fallthrough":{"variation":0},"prerequisites":[%s]}`, i, strings.Repeat(`{"key":"big","variation":0},`, 19)+`{"key":"big","variation":0}`)
	}
	big := `"big":{"on":true,"offVariation":1,"fallthrough":{"variation":0},"variations":[` + strings.Repeat(`1234567,`, 10_000) + `0]}`
	for name, c := range map[string]struct {
		source Source
		flag   flag.Key
		text   string
	}{
		"choices of choices":            {Flagd, "f", `{"flags":{"f":{"state":"ENABLED","variants":{"true":true,"false":false},"defaultVariant":"false","targeting":{"if":[` + choice + `,"true","false"]}}}}`},
		"each off because another is":   {Unleash, "f00000", `{"features":[` + chain.String() + `{"name":"f02000","enabled":true,"dependencies":[{"feature":"gone"}]}]}`},
		"all depend on one that is big": {LaunchDarkly, "f0", `{"flags":{` + big + others.String() + `}}`},
	} {
		t.Run(name, func(t *testing.T) {
			im, err := Read(c.source, "", strings.NewReader(c.text))
			if err != nil || im.Losses() == 0 {
				t.Fatal(err)
			}
			if got := (world{t, im}).value(c.flag, `{"a":"1"}`); got != "false" {
				t.Fatal(got)
			}
		})
	}
}

// What is said to a terminal is text.
func TestFindingsArePlain(t *testing.T) {
	im, err := Read(LaunchDarkly, "", strings.NewReader(`{"flags":{"\u001b[2Jf\nlost: nothing":{"archived":true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range im.Findings {
		if strings.ContainsAny(f.String(), "\x1b\n") {
			t.Errorf("%q", f.String())
		}
	}
}

// Two flags of one key are not two flags.
func TestOneKeyOneFlag(t *testing.T) {
	im, err := Read(LaunchDarkly, "", strings.NewReader(`{"flags":{"f":{"on":true,"variations":[true,false],"offVariation":1,"fallthrough":{"variation":0}}},"flagValues":{"f":"x"}}`))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range im.Flags {
		if f.Key == "f" {
			n++
		}
	}
	if n != 1 || im.Losses() != 1 {
		t.Errorf("%d flags f; %v", n, im.Findings)
	}
}
