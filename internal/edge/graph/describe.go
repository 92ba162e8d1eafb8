package graph

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/reeve-platform/reeve/internal/edge"
)

// Models tells the generator which Go types stand behind the schema, in JSON.
type Models struct {
	Answers map[string]Model    `json:"answers"`
	Inputs  []string            `json:"inputs"`
	Strings map[string][]string `json:"strings"` // named string types bound to String and ID
}

// A Model is the Go struct behind a type of the schema.
type Model struct {
	Type   GoType             `json:"type"`
	Fields map[string]Binding `json:"fields"`
}

// A GoType is a named type; Of is its type argument, if it has one.
type GoType struct {
	Package string  `json:"package"`
	Name    string  `json:"name"`
	Of      *GoType `json:"of,omitempty"`
}

// A Binding is the Go field behind a field of the schema, and how its value is
// turned into one of the schema: "" if the generator knows by itself, otherwise
// "value", "int", "float", "text" or "texts". Relations have no Go field.
type Binding struct {
	Go  string `json:"go,omitempty"`
	How string `json:"how,omitempty"`
}

// Describe gives what is generated from: the schema and, as JSON,
// the [Models] behind it.
func Describe(entries []edge.Served, relations []Relation) (sdl string, models []byte) {
	s := shapeOf(entries, relations)
	return s.print(), s.models()
}

func (s *shape) models() []byte {
	m := Models{Answers: map[string]Model{}, Inputs: []string{}}
	named := map[string]map[string]bool{"ID": {}, "String": {}}
	for _, o := range s.sorted() {
		switch {
		case o.input:
			m.Inputs = append(m.Inputs, o.name)
		case o.goType != nil:
			m.Answers[o.name] = o.model(named)
		}
	}
	m.Strings = map[string][]string{}
	for scalar, types := range named {
		m.Strings[scalar] = slices.Sorted(maps.Keys(types))
	}
	return indented(m)
}

func indented(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		panic(err) // there is nothing in it that could fail
	}
	return b.Bytes()
}

func (o *object) model(named map[string]map[string]bool) Model {
	m := Model{goTypeOf(o.goType), map[string]Binding{}}
	for _, f := range o.fields {
		if f.relation {
			m.Fields[f.name] = Binding{}
			continue
		}
		scalar := strings.Trim(f.typ, "[]!")
		m.Fields[f.name] = Binding{f.goName, how(bare(f.goType), scalar)}
		leaf := bare(f.goType)
		if leaf.Kind() == reflect.Slice && leaf.Name() == "" {
			leaf = bare(leaf.Elem())
		}
		if leaf.Kind() == reflect.String && leaf.PkgPath() != "" && named[scalar] != nil {
			named[scalar][leaf.PkgPath()+"."+leaf.Name()] = true
		}
	}
	return m
}

func goTypeOf(t reflect.Type) GoType {
	name, _, generic := strings.Cut(t.Name(), "[")
	g := GoType{Package: t.PkgPath(), Name: name}
	if items, ok := t.FieldByName("Items"); ok && generic {
		of := goTypeOf(bare(items.Type.Elem()))
		g.Of = &of
	}
	return g
}

// how a Go value becomes one of the scalar; see [Binding].
func how(t reflect.Type, scalar string) string {
	if t.Kind() != reflect.Slice || t == bytesType || scalar == "JSON" {
		return howOne(t, scalar)
	}
	if t.Name() != "" && t.Elem().Kind() == reflect.String {
		return "texts"
	}
	if one := howOne(bare(t.Elem()), scalar); t.Name() == "" && one == "value" {
		return one // see List
	}
	if t.Name() != "" || howOne(bare(t.Elem()), scalar) != "" {
		panic("graphql: a list cannot be a " + t.String())
	}
	return ""
}

// generated is what the generator knows: these, structs, and strings of any name.
var generated = map[string][]reflect.Type{
	"JSON":     {reflect.TypeFor[json.RawMessage]()},
	"DateTime": {timeType},
	"Long":     {reflect.TypeFor[int64](), reflect.TypeFor[uint64]()},
	"Int":      {reflect.TypeFor[int](), reflect.TypeFor[int32]()},
	"Float":    {reflect.TypeFor[float64]()},
	"Boolean":  {reflect.TypeFor[bool]()},
}

var otherwise = map[string]string{"JSON": "value", "Long": "value", "Int": "int", "Float": "float", "ID": "text", "String": "text"}

func howOne(t reflect.Type, scalar string) string {
	if t.Kind() == reflect.String || slices.Contains(generated[scalar], t) {
		return ""
	}
	return otherwise[scalar]
}
