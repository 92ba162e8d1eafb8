package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/edge"
)

// A preview is the same on every surface, and on every surface a command can be held
// to it.
func TestAPreviewHoldsOnEverySurface(t *testing.T) {
	w := newWorld(t)
	entries := map[string]edge.Served{}
	for _, e := range edge.With[*commands.Ledger](nil, commands.Catalog) {
		entries[e.Name] = e
	}
	give := func(name string, in map[string]any, key string) {
		t.Helper()
		if v := w.askREST(t, wanted{entries[name], in, key}); v.Code != "" {
			t.Fatalf("%s: %+v", name, v)
		}
	}
	give("defineFlag", map[string]any{"key": "layout", "type": "boolean", "default": true}, "define")
	give("activateFlag", map[string]any{"flag": "layout"}, "activate")
	kill := wanted{entries["killFlagPreview"], map[string]any{"flag": "layout"}, "look"}
	var shown struct {
		Preview  string
		Changes  []map[string]any
		Affected flag.Affected
	}
	look := func() {
		t.Helper()
		v := w.same(t, 0, kill)
		if decode(t, []byte(v.Shown), &shown); v.Code != "" || len(shown.Changes) == 0 || shown.Affected.Flags != 1 {
			t.Fatalf("%+v", v)
		}
	}
	look()
	give("overrideFlag", map[string]any{"node": "platform", "flag": "layout", "value": false}, "slip in")
	for surface, code := range map[string]string{
		"REST":         w.held(t, shown.Preview, "layout"),
		"GraphQL":      w.heldGraph(t, shown.Preview, "layout"),
		"command line": w.heldVerb(t, shown.Preview, "layout"),
	} {
		if code != "preview-stale" {
			t.Errorf("%s: %q", surface, code)
		}
	}
	if code := w.held(t, "nonsense", "layout"); code != "invalid-preview" {
		t.Error(code)
	}
	give("clearFlagOverride", map[string]any{"node": "platform", "flag": "layout"}, "slip out")
	look()
	if code := w.heldVerb(t, shown.Preview, "layout"); code != "" {
		t.Error(code)
	}
	w.source.Settle()
	_, answer, _ := w.command([]string{"data-access", "list", "--statement", "killFlagPreview", "-o", "json"})
	var looks struct{ Items []struct{ Rows int } }
	if decode(t, []byte(answer), &looks); len(looks.Items) != 6 || looks.Items[0].Rows != len(shown.Changes) {
		t.Errorf("two looks on three surfaces are recorded as %s", answer)
	}
	both := `mutation { a: killFlag(input: {flag: "layout"}) { revision } b: reviveFlag(input: {flag: "layout"}) { revision } }`
	if code := w.graph(t, both, shown.Preview); code != "shared-preview" {
		t.Error(code)
	}
}

// held kills a flag if that changes what was shown, and gives the code of a refusal.
func (w *world) held(t *testing.T, preview, key string) string {
	t.Helper()
	return w.posted(t, "/v1/flags/"+key+"/kill", "{}", preview)
}

func (w *world) heldGraph(t *testing.T, preview, key string) string {
	t.Helper()
	return w.graph(t, `mutation { killFlag(input: {flag: "`+key+`"}, preview: "`+preview+`") { revision } }`, "")
}

func (w *world) heldVerb(t *testing.T, preview, key string) string {
	t.Helper()
	exit, _, other := w.command([]string{"flag", "kill", key, "--preview", preview})
	if exit == 0 {
		return ""
	}
	_, rest, _ := strings.Cut(other, "reeve: ")
	code, _, _ := strings.Cut(rest, ":")
	return code
}

func (w *world) graph(t *testing.T, document, preview string) string {
	t.Helper()
	b, err := json.Marshal(map[string]string{"query": document})
	if err != nil {
		t.Fatal(err)
	}
	return w.posted(t, "/graphql", string(b), preview)
}

// posted gives the code of the first refusal in an answer.
func (w *world) posted(t *testing.T, path, body, preview string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+w.token)
	if preview != "" {
		r.Header.Set("Reeve-Preview", preview)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		domain.Receipt
		Code   string
		Errors []struct{ Extensions struct{ Code string } }
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if answer.Code == "" && len(answer.Errors) > 0 {
		return answer.Errors[0].Extensions.Code
	}
	return answer.Code
}
