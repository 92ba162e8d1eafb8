package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const foreignFlags = "../../internal/estate/foreign/testdata/"

// importing runs reeve import.
func importing(t *testing.T, stdin string, args ...string) (out, chatter string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), &terminal{strings.NewReader(stdin), &o, &e, slog.New(slog.DiscardHandler)}, append([]string{"import"}, args...))
	return o.String(), e.String(), code
}

// What other systems exported goes in, and comes to what it came to there.
func TestImportsAreApplied(t *testing.T) {
	p := newPlatform(t)
	for _, c := range []struct {
		args  []string
		flag  string
		who   map[string]string // by context
		draft bool
	}{
		{[]string{"flagd", "flagd.json"}, "background", map[string]string{`{"plan":"gold","seats":12}`: `"#00FF00"`, `{"country":"NO"}`: `"#0000FF"`, `{}`: `"#FF0000"`}, false},
		{[]string{"flagd", "flagd.json"}, "guarded", map[string]string{`{"age":1}`: "false"}, true},
		{[]string{"unleash", "unleash.json"}, "inside", map[string]string{`{"remoteAddress":"10.9.8.7"}`: "true", `{"remoteAddress":"11.0.0.1"}`: "false"}, false},
		{[]string{"launchdarkly", "launchdarkly.json"}, "layout", map[string]string{`{"country":"DK","joined":1000}`: `"narrow"`}, false},
		{[]string{"launchdarkly", "launchdarkly-rest.json", "--environment", "production"}, "new-checkout", map[string]string{`{"country":"NO"}`: `{"steps":1}`, `{}`: `{"steps":3}`}, false},
	} {
		c.args[1] = foreignFlags + c.args[1]
		file, chatter, code := importing(t, "", c.args...)
		if code != 0 {
			t.Fatal(c.args, code, chatter)
		}
		p.must(file, "apply", "-f", "-")
		if n := p.counts(file, "apply", "-f", "-"); n.Create+n.Change+n.Remove > 0 {
			t.Error(c.args, "is not applied by applying it:", n)
		}
		for who, want := range c.who {
			var e struct {
				Value json.RawMessage
				Cause string
			}
			out := p.must("", "flag", "resolve", c.flag, "--node", "platform", "--context", who, "-o", "json")
			if err := json.Unmarshal([]byte(out), &e); err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := json.Compact(&got, e.Value); err != nil || got.String() != want || (e.Cause == "draft") != c.draft {
				t.Errorf("%s for %s: %s", c.flag, who, out)
			}
		}
	}
	p.keepsItsEstate()
}

// keepsItsEstate exports everything and applies that: nothing is to change.
func (p *platform) keepsItsEstate() {
	p.t.Helper()
	exported := p.must("", "export")
	if n := p.counts(exported, "apply", "-f", "-", "--prune"); n.Create+n.Change+n.Remove > 0 {
		p.t.Error("what was exported changes something:", p.must(exported, "apply", "-f", "-", "--dry-run", "--prune"))
	}
	if again := p.must("", "export"); again != exported {
		p.t.Error(cmp.Diff(exported, again))
	}
}

const faithful = `{"flags":{"f":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":{"if":[{"===":[{"var":"a"},"b"]},"on"]}}}}`

// Strictly, a loss is an error with a code, and writes nothing.
func TestImportTellsWhatIsLost(t *testing.T) {
	lossy := strings.Replace(faithful, "===", "%", 1)
	for name, c := range map[string]struct {
		stdin string
		args  string
		code  int
		out   string
		says  string
	}{
		"faithful":            {faithful, "flagd - --strict", 0, "name: f@platform", "assumed: everything"},
		"lossy":               {lossy, "flagd -", 0, "name: f\n", "lost: f targeting/if/1"},
		"lossy, strictly":     {lossy, "flagd - --strict", 65, "", "import-lossy"},
		"for machines":        {lossy, "flagd - -o json", 0, `"path": "targeting/if/1"`, "lost: f"},
		"machines, strictly":  {lossy, "flagd - -o json --strict", 65, "", "import-lossy"},
		"no export":           {"{", "unleash -", 65, "", "invalid-import"},
		"another environment": {`{"features":[{"name":"a"}]}`, "unleash - --environment x", 65, "", "unknown-environment"},
		"no file":             {"", "launchdarkly nowhere.json", 66, "", "file-not-found"},
		"no such system":      {"", "split -", 2, "", "must be one of"},
	} {
		t.Run(name, func(t *testing.T) {
			out, chatter, code := importing(t, c.stdin, strings.Fields(c.args)...)
			if code != c.code || !strings.Contains(out, c.out) || c.out == "" && out != "" || !strings.Contains(chatter, c.says) {
				t.Fatal(code, out, chatter)
			}
		})
	}
}
