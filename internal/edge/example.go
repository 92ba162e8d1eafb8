package edge

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

var (
	problemType = reflect.TypeFor[Problem]()
	revisedType = reflect.TypeFor[interface{ StreamRevision() uint64 }]()
)

// example is a value that fits a schema, with required members only. It is for
// readers; it need not make sense.
func example(f *Form, s *huma.Schema) any {
	s = f.Resolve(s)
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	switch s.Type {
	case huma.TypeObject:
		obj := map[string]any{}
		for _, name := range s.Required {
			obj[name] = example(f, s.Properties[name])
		}
		return obj
	case huma.TypeArray:
		return []any{example(f, s.Items)}
	case huma.TypeBoolean:
		return true
	case huma.TypeInteger, huma.TypeNumber:
		if s.Minimum != nil {
			return *s.Minimum
		}
		return 1
	case huma.TypeString:
		return exampleText(s)
	}
	return true
}

func exampleText(s *huma.Schema) string {
	byFormat := map[string]string{
		formatID: "6f9619ff-8b86-4011-b42d-00c04fc964ff", formatNode: "platform", "email": "desk@example.com",
		"date-time": "2026-01-02T03:04:05Z", "date": "2026-01-02", "uri": "https://example.com/",
	}
	if text, ok := byFormat[s.Format]; ok {
		return text
	}
	return "example"
}
