package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// graphProbes asks every field of the GraphQL schema likewise, for all that it can
// be asked for.
func graphProbes(t *testing.T, at string, mine, theirs places) (all []probe) {
	t.Helper()
	res, err := http.Get(at + "/schema.graphql")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	s, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphql", Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range []*ast.Definition{s.Query, s.Mutation} {
		for _, f := range root.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			for label, p := range mixtures(s, f, mine, theirs) {
				doc := fmt.Sprintf("%s { %s%s %s }", strings.ToLower(root.Name), f.Name, arguments(s, f, p), selection(s, f.Type.Name(), 2))
				body, _ := json.Marshal(map[string]string{"query": doc})
				all = append(all, probe{name: "graphql " + f.Name + " " + label, entry: f.Name, filters: label == "with their principal", method: "POST", path: "/graphql", body: string(body), writes: root == s.Mutation, names: namesNode(s, f), graphQL: true})
			}
		}
	}
	slices.SortFunc(all, func(a, b probe) int { return strings.Compare(a.name, b.name) })
	return all
}

// mixtures are what the arguments of a field can be taken from: mine, theirs, and mine
// but for one.
func mixtures(s *ast.Schema, f *ast.FieldDefinition, mine, theirs places) map[string]places {
	all := map[string]places{"at home": mine, "elsewhere": theirs}
	see := func(name string, sent bool) {
		if mixed := maps.Clone(mine); sent && mine.leaf(theirs, name) {
			mixed[name] = theirs[name]
			all["with their "+name] = mixed
		}
	}
	for _, a := range f.Arguments {
		see(a.Name, a.Type.NonNull || nodeName(a.Name))
		if input := s.Types[a.Type.Name()]; input != nil && input.Kind == ast.InputObject {
			for _, m := range input.Fields {
				see(m.Name, m.Type.NonNull)
			}
		}
	}
	return all
}

func namesNode(s *ast.Schema, f *ast.FieldDefinition) bool {
	return slices.ContainsFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool {
		if input := s.Types[a.Type.Name()]; input != nil && input.Kind == ast.InputObject {
			return slices.ContainsFunc(input.Fields, func(f *ast.FieldDefinition) bool { return f.Type.NonNull && nodeName(f.Name) })
		}
		return a.Type.NonNull && nodeName(a.Name)
	})
}

func nodeName(name string) bool {
	return slices.Contains([]string{"tenant", "integrator", "node", "user", "home"}, name)
}

func arguments(s *ast.Schema, f *ast.FieldDefinition, p places) string {
	var out []string
	for _, a := range f.Arguments {
		if a.Type.NonNull || nodeName(a.Name) {
			out = append(out, a.Name+": "+literal(s, a.Name, a.Description, a.Type, p))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "(" + strings.Join(out, ", ") + ")"
}

func literal(s *ast.Schema, name, description string, t *ast.Type, p places) string {
	if t.Elem != nil {
		return "[" + literal(s, name, description, t.Elem, p) + "]"
	}
	d := s.Types[t.NamedType]
	switch d.Kind {
	case ast.Enum:
		return d.EnumValues[0].Name
	case ast.InputObject:
		var members []string
		for _, m := range d.Fields {
			if m.Type.NonNull || m.Name == "default" || m.Name == "input" { // JSON is never marked as required: null is a value
				members = append(members, m.Name+": "+literal(s, m.Name, m.Description, m.Type, p))
			}
		}
		return "{" + strings.Join(members, ", ") + "}"
	}
	switch t.NamedType {
	case "Int", "Long", "Float":
		return "1"
	case "Boolean", "JSON":
		return "true"
	}
	switch name {
	case "permissions", "permission":
		return `"flag:read"`
	case "login":
		return `"probe@example.com"`
	}
	if v, ok := p[name]; ok {
		return fmt.Sprintf("%q", v)
	}
	if _, list, ok := strings.Cut(description, "One of: "); ok {
		first, _, _ := strings.Cut(strings.TrimSuffix(list, "."), ",")
		return fmt.Sprintf("%q", first)
	}
	return fmt.Sprintf("%q", "probe-"+name)
}

// selection takes everything a type has, down to some depth.
func selection(s *ast.Schema, name string, depth int) string {
	d := s.Types[name]
	if d.Kind != ast.Object && d.Kind != ast.Interface {
		return ""
	}
	var fields []string
	for _, f := range d.Fields {
		if slices.ContainsFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool { return a.Type.NonNull }) {
			continue
		}
		leaf := s.Types[f.Type.Name()].IsLeafType()
		if leaf {
			fields = append(fields, f.Name)
		} else if depth > 1 {
			fields = append(fields, f.Name+" "+selection(s, f.Type.Name(), depth-1))
		}
	}
	if len(fields) == 0 {
		fields = []string{"__typename"}
	}
	return "{ " + strings.Join(fields, " ") + " }"
}

// graphCode is the code of the first error of a GraphQL answer, and whether there is
// anything beside the errors.
func graphCode(p probe, body []byte) (code string, data bool) {
	if !p.graphQL {
		return "", false
	}
	var answer struct {
		Data   map[string]any
		Errors []struct{ Extensions struct{ Code string } }
		Code   string
	}
	_ = json.Unmarshal(body, &answer)
	for _, v := range answer.Data {
		data = data || v != nil
	}
	if len(answer.Errors) > 0 {
		code = answer.Errors[0].Extensions.Code
	}
	if answer.Code != "" {
		code = answer.Code
	}
	return code, data
}
