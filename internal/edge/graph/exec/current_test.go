package exec

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"github.com/reeve-platform/reeve/internal/edge/graph"
)

func TestGeneratedCodeIsCurrent(t *testing.T) {
	sdl, models := graph.Describe(entries(), Relations(nil))
	for name, want := range map[string]string{"schema.graphql": sdl, "graphql-models.json": string(models)} {
		got, err := os.ReadFile("../../../../api/" + name)
		if err != nil || string(got) != want {
			t.Errorf("api/%s is not what the catalogues say (%v); run make generate", name, err)
		}
	}
	want, err := gqlparser.LoadSchema(&ast.Source{Input: sdl})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(formatted(want), formatted(schema().Schema())); diff != "" {
		t.Error("the generated code is for another schema; run make generate\n", diff)
	}
}

func formatted(s *ast.Schema) string {
	var b strings.Builder
	formatter.NewFormatter(&b).FormatSchema(s)
	return b.String()
}

// Every catalogue entry is a field: a name that GraphQL cannot spell would show.
func TestEveryEntryIsAField(t *testing.T) {
	s := schema().Schema()
	for _, e := range entries() {
		root := s.Query
		if e.Writes {
			root = s.Mutation
		}
		if root.Fields.ForName(e.Name) == nil {
			t.Error("no field", e.Name)
		}
	}
}

// The introspection query that clients of June 2018 send.
func TestIntrospection(t *testing.T) {
	got := newStand(t).post(t, `{ __schema { queryType { name } mutationType { name } subscriptionType { name }
		types { kind name description fields(includeDeprecated: true) { name args { ...v } type { ...t } isDeprecated deprecationReason }
			inputFields { ...v } interfaces { ...t } enumValues(includeDeprecated: true) { name } possibleTypes { ...t } }
		directives { name locations args { ...v } } } }
		fragment v on __InputValue { name description type { ...t } defaultValue }
		fragment t on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } }`, nil)
	if len(got.Errors) > 0 || !strings.Contains(string(got.Data), `"SuspendTenantInput"`) {
		t.Errorf("%+v", got.Errors)
	}
}

func TestTheSchemaIsServed(t *testing.T) {
	got := newStand(t).send(t, "GET", "/schema.graphql", "")
	if got.status != 200 || got.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Error(got.status, got.header)
	}
}
