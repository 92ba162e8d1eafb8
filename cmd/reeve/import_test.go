package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// imported runs an import and returns what it wrote, what it said and how it ended.
func imported(t *testing.T, stdin string, args ...string) (out, said string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), &terminal{strings.NewReader(stdin), &o, &e, slog.New(slog.DiscardHandler)}, append([]string{"import"}, args...))
	return o.String(), e.String(), code
}

// What another system kept is applied as it was imported, applying it again changes
// nothing, and it is evaluated as it was there.
func TestImportedFlagsAreApplied(t *testing.T) {
	p := newPlatform(t)
	for format, c := range map[string]struct {
		file, environment string
		asks              map[string]string // value, by flag and context
	}{
		"flagd":        {"flagd.json", "", map[string]string{`limit {"targetingKey":"vip-7"}`: `100`, `limit {"targetingKey":"7"}`: `10`, `headline {"age":70}`: `"Good day to you"`}},
		"launchdarkly": {"launchdarkly.json", "", map[string]string{`checkout {"targetingKey":"eve"}`: `true`, `express {"targetingKey":"eve"}`: `true`, `express {"targetingKey":"x"}`: `false`, `sleeping {}`: `3`, `devices {}`: `false`}},
		"unleash":      {"unleash.json", "production", map[string]string{`search {"country":"no"}`: `true`, `child {"country":"no"}`: `true`, `child {}`: `false`, `hosts {}`: `false`}},
	} {
		path := filepath.Join("..", "..", "internal", "estate", "foreign", "testdata", c.file)
		docs, said, code := imported(t, "", format, path, "--environment", c.environment)
		if code != 0 || !strings.Contains(said, "could not be carried over") {
			t.Fatalf("%s: exit %d\n%s", format, code, said)
		}
		n := strings.Count(docs, "kind: ")
		if got := p.counts(docs, "apply", "-f", "-"); got.Create != n || n < 5 {
			t.Fatalf("%s: %+v of %d", format, got, n)
		}
		if got := p.counts(docs, "apply", "-f", "-"); got.Unchanged != n {
			t.Errorf("%s, again: %+v of %d\n%s", format, got, n, p.must(docs, "apply", "-f", "-", "--dry-run"))
		}
		for ask, want := range c.asks {
			key, who, _ := strings.Cut(ask, " ")
			var context map[string]any
			decode(t, []byte(who), &context)
			subject, _ := context["targetingKey"].(string)
			var got struct{ Value json.RawMessage }
			decode(t, []byte(p.must("", "flag", "resolve", key, "--node", "platform", "--key", subject, "--context", who, "-o", "json", "--min-position", fmt.Sprint(p.head()))), &got)
			if string(got.Value) != want {
				t.Errorf("%s %s: %s, want %s", format, ask, got.Value, want)
			}
		}
	}
}

func TestImportsThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	report := filepath.Join(dir, "losses.json")
	lossy := `{"flags":{"a":{"state":"DISABLED","variants":{"on":true},"defaultVariant":"on"}}}`
	whole := strings.Replace(lossy, "DISABLED", "ENABLED", 1)
	for name, c := range map[string]struct {
		stdin string
		args  []string
		code  int
		says  string
		wrote bool
	}{
		"no such file":       {"", []string{"flagd", filepath.Join(dir, "none")}, 66, "file-not-found", false},
		"no such format":     {"", []string{"statsig", "-"}, 2, "flagd", false},
		"no file of that":    {"{}", []string{"flagd", "-"}, 65, "invalid-import", false},
		"strict with a loss": {lossy, []string{"flagd", "-", "--strict", "--report", report}, 65, "lossy-import", false},
		"strict without one": {whole, []string{"flagd", "-", "--strict"}, 0, "1 documents, 0 things", true},
		"a loss":             {lossy, []string{"flagd", "-"}, 0, "Flag/a state:", true},
	} {
		out, said, code := imported(t, c.stdin, c.args...)
		if code != c.code || !strings.Contains(said, c.says) || (out != "") != c.wrote {
			t.Errorf("%s: exit %d, %q\n%s", name, code, out, said)
		}
	}
	b, err := os.ReadFile(report)
	var losses []struct{ Name, At, What, Instead string }
	if err != nil || json.Unmarshal(b, &losses) != nil || len(losses) != 1 || losses[0].Name != "Flag/a" {
		t.Errorf("%s %v", b, err)
	}
}
