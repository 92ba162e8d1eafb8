package graph

import (
	"encoding"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// doc says what the scalars are that the language does not know itself.
var doc = map[string]string{
	"DateTime": "An instant in UTC as RFC 3339 writes it, such as 2026-01-02T03:04:05Z.",
	"JSON":     "Any JSON value.",
	"Long":     "An integer of up to 64 bits.",
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	textual      = reflect.TypeFor[encoding.TextMarshaler]()
	jsonMarshals = reflect.TypeFor[json.Marshaler]()
	bytesType    = reflect.TypeFor[[]byte]()
)

// scalarOf is the scalar that values of t are written as, empty if they are
// lists or objects. A string is an ID if its type or its name says so.
func scalarOf(t reflect.Type, name string) string {
	switch {
	case t == timeType:
		return "DateTime"
	case t.Implements(jsonMarshals):
		return "JSON"
	case t.Implements(textual), t.Kind() == reflect.String, t == bytesType:
		if strings.HasSuffix(t.Name(), "ID") || name == "id" || strings.HasSuffix(name, "Id") {
			return "ID"
		}
		return "String"
	}
	return scalarKinds[t.Kind()]
}

var scalarKinds = map[reflect.Kind]string{
	reflect.Bool:    "Boolean",
	reflect.Float32: "Float", reflect.Float64: "Float",
	reflect.Int: "Int", reflect.Int8: "Int", reflect.Int16: "Int", reflect.Int32: "Int", reflect.Uint8: "Int", reflect.Uint16: "Int",
	reflect.Int64: "Long", reflect.Uint: "Long", reflect.Uint32: "Long", reflect.Uint64: "Long",
	reflect.Map: "JSON", reflect.Interface: "JSON",
}

// MarshalValue writes any value as JSON.
func MarshalValue(v any) graphql.Marshaler {
	b, err := json.Marshal(v)
	if err != nil || v == nil {
		return graphql.Null
	}
	return graphql.WriterFunc(func(w io.Writer) { _, _ = w.Write(b) })
}

// UnmarshalValue takes whatever was sent. Package edge looks at it later, as it
// looks at the bodies of REST.
func UnmarshalValue(v any) (any, error) { return v, nil }

// MarshalTime writes an instant in UTC.
func MarshalTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = io.WriteString(w, `"`+t.UTC().Format(time.RFC3339Nano)+`"`)
	})
}

// MarshalDocument writes a stored document as it is.
func MarshalDocument(b json.RawMessage) graphql.Marshaler { return MarshalValue(b) }

var errOutputOnly = errors.New("input is never bound to this type")

// UnmarshalTime is never called: input stays as it was sent.
func UnmarshalTime(any) (time.Time, error) { return time.Time{}, errOutputOnly }

// UnmarshalDocument is never called: input stays as it was sent.
func UnmarshalDocument(any) (json.RawMessage, error) { return nil, errOutputOnly }

// List is a list of values of any shape.
func List[T any](values []T) []any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	return list
}

// Text is how a value writes itself, such as a UUID.
func Text(v encoding.TextMarshaler) (string, error) {
	b, err := v.MarshalText()
	return string(b), err
}

// Texts turns a list of named strings into one of strings.
func Texts[S ~[]E, E ~string](list S) []string {
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = string(e)
	}
	return texts
}

// OptionalText is [Text], or null for the zero value.
func OptionalText[T interface {
	comparable
	encoding.TextMarshaler
}](v T) (*string, error) {
	var zero T
	if v == zero {
		return nil, nil
	}
	text, err := Text(v)
	return &text, err
}
