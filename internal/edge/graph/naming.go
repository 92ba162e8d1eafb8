package graph

import (
	"path"
	"reflect"
	"strings"

	"github.com/reeve-platform/reeve/internal/edge"
)

// bare looks through pointers.
func bare(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// told are the members of an answer that others see, those of embedded structs
// in place.
func told(t reflect.Type) (fields []reflect.StructField) {
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && name != "" && name != "-" {
			fields = append(fields, f)
		}
	}
	return fields
}

// name gives every struct its GraphQL name: that of its Go type if no other has
// it. A row that is embedded in a richer answer of the same name is called Row,
// and a page is called after what it lists.
func (s *shape) name(entries []edge.Served, relations []Relation) {
	seen := map[reflect.Type]bool{}
	for _, e := range entries {
		reach(e.Output, seen)
		for _, m := range edge.FormOf(e.Input).Members {
			reach(m.Type, seen)
		}
	}
	for _, r := range relations {
		reach(r.output, seen)
	}
	wishes := map[string][]reflect.Type{}
	for t := range seen {
		wishes[plainName(t)] = append(wishes[plainName(t)], t)
	}
	for name, types := range wishes {
		for _, t := range types {
			s.names[t] = apart(name, t, types)
		}
	}
}

// apart tells types of the same name from each other.
func apart(name string, t reflect.Type, others []reflect.Type) string {
	if len(others) == 1 {
		return name
	}
	for _, o := range others {
		if f, ok := o.FieldByName(t.Name()); ok && f.Anonymous && f.Type == t {
			return name + "Row"
		}
		if f, ok := t.FieldByName(o.Name()); ok && f.Anonymous && f.Type == o {
			return name
		}
	}
	return upper(path.Base(t.PkgPath())) + name
}

// plainName of List[Tenant] is TenantPage.
func plainName(t reflect.Type) string {
	if !strings.Contains(t.Name(), "[") {
		return t.Name()
	}
	items, ok := t.FieldByName("Items")
	if !ok {
		panic("graphql: no name for " + t.String())
	}
	return bare(items.Type.Elem()).Name() + "Page"
}

// reach collects the structs that t consists of.
func reach(t reflect.Type, seen map[reflect.Type]bool) {
	t = bare(t)
	switch {
	case scalarOf(t, "") != "" || seen[t]:
	case t.Kind() == reflect.Slice:
		reach(t.Elem(), seen)
	default:
		seen[t] = true
		for _, f := range told(t) {
			reach(f.Type, seen)
		}
	}
}
