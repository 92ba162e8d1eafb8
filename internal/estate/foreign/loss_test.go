package foreign_test

import (
	"strings"
	"testing"

	. "github.com/reeve-platform/reeve/internal/estate/foreign"
)

// Each thing that cannot be said is told, and nobody gets more for it.
func TestWhatCannotBeSaidIsTold(t *testing.T) {
	flagd := func(targeting string) string {
		return `{"flags":{"f":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":{"if":[` + targeting + `,"on"]}}}}`
	}
	unleash := func(strategy string) string {
		return `{"features":[{"name":"f","enabled":true,"strategies":[` + strategy + `]}]}`
	}
	launch := func(rest string) string {
		return `{"flags":{"f":{"on":true,"variations":[true,false],"offVariation":1,"fallthrough":{"variation":1},` + rest + `}}}`
	}
	clause := func(c string) string {
		return launch(`"rules":[{"clauses":[` + c + `],"variation":0}]`)
	}
	for name, c := range map[string]struct {
		source           Source
		text, who, where string
		what             string
	}{
		"a variable's part":      {Flagd, flagd(`{"==":[{"var":"a.b"},"c"]}`), `{"a":{"b":"c"}}`, "targeting/if/1", "a.b"},
		"the time":               {Flagd, flagd(`{">":[{"var":"$flagd.timestamp"},1]}`), `{}`, "targeting/if/1", "$flagd.timestamp"},
		"another's name":         {Flagd, flagd(`{"==":[{"var":"tenant"},"acme"]}`), `{"tenant":"acme"}`, "targeting/if/1", "tenant"},
		"two attributes":         {Flagd, flagd(`{"==":[{"var":"a"},{"var":"b"}]}`), `{"a":1,"b":1}`, "targeting/if/1", "one side"},
		"an order of texts":      {Flagd, flagd(`{"<":[{"var":"a"},"b"]}`), `{"a":"a"}`, "targeting/if/1", "numbers"},
		"an odd version":         {Flagd, flagd(`{"sem_ver":[{"var":"v"},"=","x"]}`), `{"v":"x"}`, "targeting/if/1", "version"},
		"metadata":               {Flagd, strings.Replace(flagd("false"), `"state"`, `"metadata":{"a":1},"state"`, 1), `{}`, "metadata", "metadata"},
		"a custom strategy":      {Unleash, unleash(`{"name":"moon"}`), `{}`, "strategies/0", "moon"},
		"a segment elsewhere":    {Unleash, unleash(`{"name":"default","segments":[3]}`), `{}`, "strategies/0", "segment"},
		"an unknown operator":    {Unleash, unleash(`{"name":"default","constraints":[{"contextName":"a","operator":"LIKE","values":["x"]}]}`), `{"a":"x"}`, "strategies/0", "LIKE"},
		"turned round":           {Unleash, unleash(`{"name":"default","constraints":[{"contextName":"a","operator":"LIKE","values":["x"],"inverted":true}]}`), `{"a":"y"}`, "strategies/0", "LIKE"},
		"no percentage":          {Unleash, unleash(`{"name":"flexibleRollout","parameters":{"rollout":"many"}}`), `{"key":"ann"}`, "strategies/0", "percentage"},
		"an odd network":         {Unleash, unleash(`{"name":"remoteAddress","parameters":{"IPs":"home"}}`), `{"remoteAddress":"home"}`, "strategies/0", "network"},
		"a host":                 {Unleash, unleash(`{"name":"applicationHostname","parameters":{"hostNames":"a"}}`), `{}`, "strategies/0", "host"},
		"another kind":           {LaunchDarkly, clause(`{"contextKind":"device","attribute":"os","op":"in","values":["ios"]}`), `{"os":"ios"}`, "rules/0", "device"},
		"another kind, not":      {LaunchDarkly, clause(`{"contextKind":"device","attribute":"os","op":"in","values":["ios"],"negate":true}`), `{"os":"x"}`, "rules/0", "device"},
		"a kind's target":        {LaunchDarkly, launch(`"contextTargets":[{"contextKind":"device","values":["d"],"variation":0}]`), `{"key":"d"}`, "contextTargets/0", "device"},
		"a part of an attribute": {LaunchDarkly, clause(`{"contextKind":"user","attribute":"/a/b","op":"in","values":[1]}`), `{"a":{"b":1}}`, "rules/0", "a/b"},
		"a look ahead":           {LaunchDarkly, clause(`{"attribute":"a","op":"matches","values":["(?=x)"]}`), `{"a":"x"}`, "rules/0", "matches"},
		"no such segment":        {LaunchDarkly, clause(`{"op":"segmentMatch","values":["s"]}`), `{"key":"ann"}`, "rules/0", "segment"},
		"not in one":             {LaunchDarkly, clause(`{"op":"segmentMatch","values":["s"],"negate":true}`), `{"key":"ann"}`, "rules/0", "segment"},
		"no such flag":           {LaunchDarkly, launch(`"targets":[{"values":["ann"],"variation":0}],"prerequisites":[{"key":"g","variation":0}]`), `{"key":"ann"}`, "prerequisites/0", "not in the file"},
		"no such variation":      {LaunchDarkly, launch(`"targets":[{"values":["ann"],"variation":7}]`), `{"key":"ann"}`, "targets/0", "variation 7"},
	} {
		t.Run(name, func(t *testing.T) {
			im, err := Read(c.source, "", strings.NewReader(c.text))
			if err != nil {
				t.Fatal(err)
			}
			told := false
			for _, f := range im.Findings {
				told = told || f.Flag == "f" && f.Path == c.where && strings.Contains(f.What, c.what)
			}
			if !told {
				t.Error("not told:", im.Findings)
			}
			if got := (world{t, im}).value("f", c.who); got != "false" {
				t.Error("it comes to", got)
			}
		})
	}
}
