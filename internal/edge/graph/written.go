package graph

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/reeve-platform/reeve/internal/edge"
)

// written is a value of a document as the values of encoding/json; false for a
// variable that was not given. A lone item stands for a list of one where a list
// is expected (June 2018, section 3.11).
func written(v *ast.Value, vars map[string]any) (any, bool) {
	switch v.Kind {
	case ast.Variable:
		given, ok := vars[v.Raw]
		return given, ok
	case ast.ListValue:
		return writtenList(v, vars), true
	case ast.NullValue:
		return nil, true
	}
	one := writtenOne(v, vars)
	if v.ExpectedType != nil && v.ExpectedType.Elem != nil {
		return []any{one}, true
	}
	return one, true
}

func writtenOne(v *ast.Value, vars map[string]any) any {
	switch v.Kind {
	case ast.IntValue, ast.FloatValue:
		return json.Number(v.Raw)
	case ast.BooleanValue:
		return v.Raw == "true"
	case ast.ObjectValue:
		return writtenObject(v, vars)
	}
	return v.Raw
}

func writtenList(v *ast.Value, vars map[string]any) []any {
	list := make([]any, 0, len(v.Children))
	for _, child := range v.Children {
		item, _ := written(child.Value, vars)
		list = append(list, item)
	}
	return list
}

func writtenObject(v *ast.Value, vars map[string]any) map[string]any {
	obj := make(map[string]any, len(v.Children))
	for _, child := range v.Children {
		if value, ok := written(child.Value, vars); ok {
			obj[child.Name] = value
		}
	}
	return obj
}

// withoutNulls takes out the members that are null and must not be. Clients that
// are generated from a schema send null for whatever was left out; REST refuses
// it, because there a null was written by somebody.
func withoutNulls(f *edge.Form, s *huma.Schema, obj map[string]any) map[string]any {
	clean := make(map[string]any, len(obj))
	for name, v := range obj {
		member := f.Resolve(s).Properties[name]
		if member == nil {
			clean[name] = v
			continue
		}
		member = f.Resolve(member)
		if v == nil && member.Type != "" && !member.Nullable {
			continue
		}
		clean[name] = nullsOut(f, member, v)
	}
	return clean
}

func nullsOut(f *edge.Form, s *huma.Schema, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if s.Type == huma.TypeObject {
			return withoutNulls(f, s, v)
		}
	case []any:
		if s.Items == nil {
			return v
		}
		list := make([]any, len(v))
		for i := range v {
			list[i] = nullsOut(f, f.Resolve(s.Items), v[i])
		}
		return list
	}
	return v
}
