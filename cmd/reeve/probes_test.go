package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// A probe is one request that somebody might try.
type probe struct {
	name    string // operation and where the nodes are from
	entry   string // name of the operation
	method  string
	path    string // with the query string
	body    string
	writes  bool
	names   bool     // it names a node
	nodes   []string // members that name nodes
	filters bool     // what is theirs only chooses among what is shown
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

// leaf reports whether a member names something that belongs to a node, and is not one
// itself, which the two have each of their own.
func (p places) leaf(theirs places, name string) bool {
	own, ok := p[name]
	return ok && own != theirs[name]
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
	return s.Format == "node-id" || s.Format == "uuid" && name != "client" && name != "key" && name != "request"
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
// theirs, and once for each member that names a node, or something that belongs to one,
// with that one of theirs.
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
				p := probe{name: op.OperationID + " " + label, entry: op.OperationID, method: strings.ToUpper(method), path: path, writes: method != "get"}
				query := url.Values{}
				for _, m := range op.Parameters {
					node := d.resolve(m.Schema).isNode(m.Name)
					switch {
					case m.In == "path":
						p.path = strings.ReplaceAll(p.path, "{"+m.Name+"}", url.PathEscape(value(m.Name)))
						if node {
							p.nodes = append(p.nodes, m.Name)
						}
					case m.In == "query" && node && theirsFor(m.Name):
						query.Set(m.Name, value(m.Name))
						p.nodes = append(p.nodes, m.Name)
					case m.In == "query" && (m.Required || theirsFor(m.Name) && mine.leaf(theirs, m.Name)):
						query.Set(m.Name, value(m.Name))
						p.filters = p.filters || label == "with their "+m.Name
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
						if d.resolve(d.resolve(content.Schema).Properties[name]).isNode(name) {
							p.nodes = append(p.nodes, name)
						}
					}
				}
				p.names = len(p.nodes) > 0
				return p
			}
			all = append(all, make("at home", func(string) bool { return false }), make("elsewhere", func(string) bool { return true }))
			names := d.nodeNames(op.Parameters, op.RequestBody.Content["application/json"].Schema)
			for _, m := range op.Parameters {
				if !slices.Contains(names, m.Name) && mine.leaf(theirs, m.Name) {
					names = append(names, m.Name)
				}
			}
			for _, name := range names {
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
	case s.Format == "date-time":
		return "2099-01-02T03:04:05Z"
	case name == "permissions":
		return "flag:read"
	}
	return "probe-" + name
}
