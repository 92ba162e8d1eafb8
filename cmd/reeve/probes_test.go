package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// A probe is one request that somebody might try.
type probe struct {
	name    string // operation and where the nodes are from
	method  string
	path    string // with the query string
	body    string
	writes  bool
	names   bool // it names a node
	graphQL bool
}

// places are the ids that a probe names nodes and other things by.
type places map[string]string

// of is the value for a member of a request.
func (p places) of(name string) string {
	if v, ok := p[name]; ok {
		return v
	}
	return p["tenant"]
}

// A schema is as much of a JSON schema as is needed to satisfy it.
type schema struct {
	Ref        string            `json:"$ref"`
	Type       any               `json:"type"`
	Format     string            `json:"format"`
	Enum       []any             `json:"enum"`
	Items      *schema           `json:"items"`
	Required   []string          `json:"required"`
	Properties map[string]schema `json:"properties"`
}

// A document is as much of the OpenAPI document as tells what can be asked.
type document struct {
	Paths map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Parameters  []struct {
			Ref      string `json:"$ref"`
			Name, In string
			Required bool
			Schema   schema
		}
		RequestBody struct {
			Content map[string]struct{ Schema schema }
		} `json:"requestBody"`
	}
	Components struct{ Schemas map[string]schema }
}

func (d *document) resolve(s schema) schema {
	for s.Ref != "" {
		s = d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	return s
}

func (s schema) isNode(name string) bool {
	return s.Format == "node-id" || s.Format == "uuid" && name != "client" && name != "key"
}

// served reads the document as anybody can.
func served(t *testing.T, at string) *document {
	t.Helper()
	res, err := http.Get(at + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var d document
	if err := json.NewDecoder(res.Body).Decode(&d); err != nil {
		t.Fatal(err)
	}
	return &d
}

// probes asks every operation: once with the nodes of mine, once with those of
// theirs, and once for each member that names a node with that one of theirs.
func (d *document) probes(mine, theirs places) (all []probe) {
	for path, methods := range d.Paths {
		for method, op := range methods {
			if !slices.Contains([]string{"get", "post", "put", "patch", "delete"}, method) {
				continue
			}
			make := func(label string, theirsFor func(string) bool) probe {
				value := func(name string) string {
					if theirsFor(name) {
						return theirs.of(name)
					}
					return mine.of(name)
				}
				p := probe{name: op.OperationID + " " + label, method: strings.ToUpper(method), path: path, writes: method != "get"}
				query := url.Values{}
				for _, m := range op.Parameters {
					node := d.resolve(m.Schema).isNode(m.Name)
					switch {
					case m.In == "path":
						p.path = strings.ReplaceAll(p.path, "{"+m.Name+"}", url.PathEscape(value(m.Name)))
						p.names = p.names || node
					case m.In == "query" && node && theirsFor(m.Name):
						query.Set(m.Name, value(m.Name))
						p.names = true
					case m.In == "query" && m.Required:
						query.Set(m.Name, value(m.Name))
					}
				}
				if len(query) > 0 {
					p.path += "?" + query.Encode()
				}
				if content, ok := op.RequestBody.Content["application/json"]; ok {
					body := d.object(d.resolve(content.Schema), value, theirsFor)
					b, _ := json.Marshal(body)
					p.body = string(b)
					for name := range body {
						p.names = p.names || d.resolve(d.resolve(content.Schema).Properties[name]).isNode(name)
					}
				}
				return p
			}
			all = append(all, make("at home", func(string) bool { return false }), make("elsewhere", func(string) bool { return true }))
			for _, name := range d.nodeNames(op.Parameters, op.RequestBody.Content["application/json"].Schema) {
				all = append(all, make("with their "+name, func(n string) bool { return n == name }))
			}
		}
	}
	slices.SortFunc(all, func(a, b probe) int { return strings.Compare(a.name+a.path, b.name+b.path) })
	return all
}

func (d *document) nodeNames(parameters []struct {
	Ref      string `json:"$ref"`
	Name, In string
	Required bool
	Schema   schema
}, body schema) (names []string) {
	for _, m := range parameters {
		if d.resolve(m.Schema).isNode(m.Name) {
			names = append(names, m.Name)
		}
	}
	for name, s := range d.resolve(body).Properties {
		if d.resolve(s).isNode(name) {
			names = append(names, name)
		}
	}
	return names
}

// object is the smallest that the schema takes, with whatever names a node and is
// to be theirs.
func (d *document) object(s schema, value func(string) string, theirsFor func(string) bool) map[string]any {
	out := map[string]any{}
	for name, member := range s.Properties {
		member = d.resolve(member)
		if slices.Contains(s.Required, name) || member.isNode(name) && theirsFor(name) {
			out[name] = d.value(name, member, value, theirsFor)
		}
	}
	return out
}

func (d *document) value(name string, s schema, value func(string) string, theirsFor func(string) bool) any {
	kind, _ := s.Type.(string)
	switch {
	case s.isNode(name):
		return value(name)
	case len(s.Enum) > 0:
		return s.Enum[0]
	case kind == "array":
		return []any{d.value(name, d.resolve(*s.Items), value, theirsFor)}
	case kind == "object":
		return d.object(s, value, theirsFor)
	case kind == "integer", kind == "number":
		return 1
	case kind == "boolean", s.Type == nil:
		return true
	case s.Format == "email":
		return "probe@example.com"
	case name == "permissions":
		return "flag:read"
	}
	return "probe-" + name
}

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
			for label, p := range map[string]places{"at home": mine, "elsewhere": theirs} {
				doc := fmt.Sprintf("%s { %s%s %s }", strings.ToLower(root.Name), f.Name, arguments(s, f, p), selection(s, f.Type.Name(), 2))
				body, _ := json.Marshal(map[string]string{"query": doc})
				all = append(all, probe{name: "graphql " + f.Name + " " + label, method: "POST", path: "/graphql", body: string(body), writes: root == s.Mutation, names: namesNode(s, f), graphQL: true})
			}
		}
	}
	slices.SortFunc(all, func(a, b probe) int { return strings.Compare(a.name, b.name) })
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
			if m.Type.NonNull || m.Name == "default" { // JSON is never marked as required: null is a value
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
