package main

import (
	"reflect"
	"slices"
	"testing"

	"github.com/reeve-platform/reeve/domain"
)

// The wall before an entry looks at the members at the top of its input. One that
// names a node further down would not be guarded.
func TestNodesAreNamedAtTheTop(t *testing.T) {
	ids := []reflect.Type{reflect.TypeFor[domain.NodeID](), reflect.TypeFor[domain.IntegratorID](), reflect.TypeFor[domain.TenantID](), reflect.TypeFor[domain.UserID]()}
	var deep func(reflect.Type) bool
	deep = func(in reflect.Type) bool {
		switch in.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			return deep(in.Elem())
		case reflect.Struct:
			return slices.ContainsFunc(reflect.VisibleFields(in), func(f reflect.StructField) bool { return f.IsExported() && deep(f.Type) })
		}
		return slices.Contains(ids, in)
	}
	for _, e := range catalogues() {
		for _, f := range reflect.VisibleFields(e.Input) {
			sent := f.IsExported() && !f.Anonymous && f.Tag.Get("json") != "-" // the product fills in the others
			if sent && !slices.Contains(ids, f.Type) && deep(f.Type) {
				t.Errorf("%s: nodes named in %s are not looked at", e.Name, f.Name)
			}
		}
	}
}
