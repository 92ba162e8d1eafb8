package edge_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "write the golden files")

func TestOpenAPIListsEveryOperation(t *testing.T) {
	s := open(t)
	var doc struct {
		OpenAPI    string
		Info       struct{ Version string }
		Paths      map[string]map[string]struct{ OperationID string }
		Components map[string]map[string]any
	}
	r := s.ask(t, "GET /openapi.json", "")
	if err := json.Unmarshal([]byte(r.text), &doc); err != nil || r.StatusCode != 200 || doc.OpenAPI != "3.1.0" || doc.Info.Version != "1.2.3" {
		t.Fatal(err, r.StatusCode, doc.OpenAPI, doc.Info)
	}
	for _, e := range s.catalog() {
		method, path, _ := strings.Cut(e.Route, " ")
		if got := doc.Paths[path][strings.ToLower(method)].OperationID; got != e.Name {
			t.Errorf("%s: %q", e.Route, got)
		}
	}
	for _, ref := range references(r.text) {
		kind, name, _ := strings.Cut(strings.TrimPrefix(ref, "#/components/"), "/")
		if doc.Components[kind][name] == nil {
			t.Errorf("%s leads nowhere", ref)
		}
	}
	var same any
	if err := yaml.Unmarshal([]byte(s.ask(t, "GET /openapi.yaml", "").text), &same); err != nil {
		t.Fatal(err)
	}
}

func references(text string) (all []string) {
	for _, rest := range strings.Split(text, `"$ref":"`)[1:] {
		ref, _, _ := strings.Cut(rest, `"`)
		all = append(all, ref)
	}
	return all
}

func TestOpenAPIOfOneOperation(t *testing.T) {
	var doc struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct {
			Schemas map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(open(t).ask(t, "GET /openapi.json", "").text), &doc); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal([]json.RawMessage{doc.Paths["/v1/tenants/{tenant}/walls/{wall}"]["put"], doc.Components.Schemas["PaintWallBody"]})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	_ = json.Indent(&got, raw, "", "  ")
	const golden = "testdata/paintwall.json"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if diff := cmp.Diff(string(want), got.String()); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
}
