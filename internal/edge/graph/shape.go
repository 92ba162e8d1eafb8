package graph

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/reeve-platform/reeve/internal/edge"
)

// A shape is the schema before it is printed.
type shape struct {
	types   map[string]*object // by GraphQL name
	names   map[reflect.Type]string
	inputs  map[reflect.Type]string // of mutations; a preview has that of its command
	scalars map[string]bool         // beyond those of the language
}

// An object is a type or an input type.
type object struct {
	name   string
	input  bool
	goType reflect.Type // nil for Query, Mutation and the input types
	fields []field
}

// A field is a member of an object, or an argument of one.
type field struct {
	name, doc, typ string // typ as the schema language writes it
	args           []field
	goName         string
	goType         reflect.Type
	relation       bool
}

// shapeOf reads the schema off the catalogues. It panics on what GraphQL cannot
// say: a build whose schema is wrong must not start.
func shapeOf(entries []edge.Served, relations []Relation) *shape {
	s := &shape{types: map[string]*object{}, names: map[reflect.Type]string{}, inputs: map[reflect.Type]string{}, scalars: map[string]bool{}}
	s.name(entries, relations)
	query, mutation := &object{name: "Query"}, &object{name: "Mutation"}
	for _, e := range entries {
		root := query
		if e.Writes {
			root = mutation
		}
		root.fields = append(root.fields, s.root(e))
	}
	for _, root := range []*object{query, mutation} {
		slices.SortFunc(root.fields, func(a, b field) int { return cmp.Compare(a.name, b.name) })
		s.add(root)
	}
	for _, r := range relations {
		s.relate(r)
	}
	return s
}

func (s *shape) add(o *object) {
	if s.types[o.name] != nil {
		panic("graphql: two types are called " + o.name)
	}
	if len(o.fields) > 0 {
		s.types[o.name] = o
	}
}

// sorted lists the types by name.
func (s *shape) sorted() []*object {
	var all []*object
	for _, o := range s.types {
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b *object) int { return cmp.Compare(a.name, b.name) })
	return all
}

// root is the field of an entry. It may be null, so that one failure leaves the
// other fields of a document their answers.
func (s *shape) root(e edge.Served) field {
	f := field{name: e.Name, doc: e.Summary, typ: s.output(e.Output, "")}
	members := s.members(edge.FormOf(e.Input))
	if !e.Writes {
		f.args = members
		return f
	}
	if len(members) > 0 {
		if s.inputs[e.Input] == "" {
			input := &object{name: upper(e.Name) + "Input", input: true, fields: members}
			s.add(input)
			s.inputs[e.Input] = input.name
		}
		f.args = append(f.args, field{name: "input", doc: "What is asked for.", typ: s.inputs[e.Input] + "!"})
	}
	f.args = append(f.args,
		field{name: "idempotencyKey", doc: "Instead of the header Idempotency-Key.", typ: "String"},
		field{name: "ifMatch", doc: "Revision the caller decided on, instead of the header If-Match.", typ: "String"},
		field{name: "preview", doc: "Name of a preview of the mutation, instead of the header Reeve-Preview.", typ: "String"})
	return f
}

// members are what an input struct asks for.
func (s *shape) members(form *edge.Form) (fields []field) {
	for _, m := range form.Members {
		f := field{name: m.Name, doc: oneOf(m.Doc, choices(form, m)), typ: s.inputType(m.Type, m.Name)}
		if m.Required && f.typ != "JSON" { // null is a value there
			f.typ += "!"
		}
		fields = append(fields, f)
	}
	return fields
}

func (s *shape) inputType(t reflect.Type, name string) string {
	t = bare(t)
	if scalar := scalarOf(t, name); scalar != "" {
		return s.scalar(scalar)
	}
	if t.Kind() == reflect.Slice {
		return "[" + s.inputType(t.Elem(), name) + "!]"
	}
	called := s.names[t] + "Input"
	if s.types[called] == nil {
		o := &object{name: called, input: true}
		s.types[called] = o // before its fields, which may name it
		o.fields = s.members(edge.FormOf(t))
	}
	return called
}

// output is the type of an answer or of a member of one, without a mark for
// whether it may be null.
func (s *shape) output(t reflect.Type, name string) string {
	t = bare(t)
	if scalar := scalarOf(t, name); scalar != "" {
		return s.scalar(scalar)
	}
	if t.Kind() == reflect.Slice {
		return "[" + s.output(t.Elem(), name) + "!]"
	}
	called := s.names[t]
	if s.types[called] == nil {
		o := &object{name: called, goType: t}
		s.types[called] = o
		for _, f := range told(t) {
			o.fields = append(o.fields, s.outputField(f))
		}
	}
	if twin := s.types[called].goType; twin != t {
		panic(fmt.Sprintf("graphql: %v and %v would both be called %s", twin, t, called))
	}
	return called
}

func (s *shape) outputField(f reflect.StructField) field {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	out := field{name: name, goName: f.Name, goType: f.Type, typ: s.output(f.Type, name)}
	out.doc = oneOf(f.Tag.Get("doc"), strings.FieldsFunc(f.Tag.Get("enum"), func(r rune) bool { return r == ',' }))
	optional := f.Type.Kind() == reflect.Pointer || strings.Contains(options, "omit")
	if !optional && out.typ != "JSON" {
		out.typ += "!"
	}
	return out
}

func (s *shape) relate(r Relation) {
	parent := s.types[s.names[r.parent]]
	if parent == nil {
		panic(fmt.Sprintf("graphql: no answer is a %v, which %s leads from", r.parent, r.Field))
	}
	f := field{name: r.Field, doc: r.Doc, relation: true, typ: s.output(r.output, r.Field)}
	if r.output.Kind() == reflect.Slice {
		f.typ += "!"
	}
	parent.fields = append(parent.fields, f)
}

// most is how many answers each relation may lead to, by type and field.
func (s *shape) most(relations []Relation) map[string]int {
	most := map[string]int{}
	for _, r := range relations {
		most[s.names[r.parent]+"."+r.Field] = r.Most
	}
	return most
}

func (s *shape) scalar(name string) string {
	if doc[name] != "" {
		s.scalars[name] = true
	}
	return name
}

// choices are the values that a member is limited to.
func choices(form *edge.Form, m edge.Member) (values []string) {
	s := form.Resolve(m.Schema)
	if s.Items != nil {
		s = form.Resolve(s.Items)
	}
	for _, v := range s.Enum {
		values = append(values, fmt.Sprint(v))
	}
	return values
}

// oneOf adds to a sentence which values there are.
func oneOf(doc string, values []string) string {
	if len(values) == 0 {
		return doc
	}
	return strings.TrimSpace(doc + " One of: " + strings.Join(values, ", ") + ".")
}

func upper(name string) string { return strings.ToUpper(name[:1]) + name[1:] }
