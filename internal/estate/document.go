// Package estate keeps what a platform shall look like in files: documents of
// {kind, name, spec} that are compared with what is there and brought about with
// ordinary commands over the public API. Applying twice changes nothing.
package estate

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/reeve-platform/reeve/domain"
)

// A Document is one wish of a file.
type Document struct {
	Kind string
	Name string
	Spec any // pointer to the spec struct of the kind

	file string
	line int
}

// ErrFile: the file cannot be applied; every place that is wrong is named with
// file, line and field, and nothing has been changed.
var ErrFile = &domain.Error{Kind: domain.Invalid, Code: "invalid-estate", Detail: "the file cannot be applied"}

// at adds one wrong place to the error.
func at(err *domain.Error, file string, line int, field, why string) *domain.Error {
	return err.At(fmt.Sprintf("%s:%d: %s", file, line, field), why)
}

// Parse reads the documents of one file. The whole file is read before it is
// judged, so that all wrong places are told at once.
func Parse(file string, r io.Reader) ([]Document, error) {
	var docs []Document
	var wrong *domain.Error
	d := yaml.NewDecoder(r)
	for {
		var n yaml.Node
		err := d.Decode(&n)
		switch {
		case errors.Is(err, io.EOF):
			if wrong != nil {
				return nil, wrong
			}
			return docs, nil
		case err != nil:
			return nil, ErrFile.At(file, strings.TrimPrefix(err.Error(), "yaml: "))
		}
		doc, bad := parse(file, &n)
		if bad != nil {
			wrong = join(wrong, bad)
			continue
		}
		if doc != nil {
			docs = append(docs, *doc)
		}
	}
}

func join(a, b *domain.Error) *domain.Error {
	if a == nil {
		return b
	}
	for _, f := range b.Fields {
		a = a.At(f.Pointer, f.Detail)
	}
	return a
}

// parse turns one YAML document into a Document; an empty one is none.
func parse(file string, n *yaml.Node) (*Document, *domain.Error) {
	if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
	if n.Tag == "!!null" || n.Kind == 0 {
		return nil, nil
	}
	var envelope struct {
		Kind string    `yaml:"kind"`
		Name string    `yaml:"name"`
		Spec yaml.Node `yaml:"spec"`
	}
	if bad := decode(file, n, "", &envelope); bad != nil {
		return nil, bad
	}
	make, known := specs[envelope.Kind]
	switch {
	case !known:
		return nil, at(ErrFile, file, n.Line, "kind", fmt.Sprintf("%q is no kind; there are %s", envelope.Kind, kindNames))
	case envelope.Name == "":
		return nil, at(ErrFile, file, n.Line, "name", "is missing")
	}
	doc := &Document{envelope.Kind, envelope.Name, make(), file, n.Line}
	if envelope.Spec.Kind == 0 {
		return doc, nil
	}
	return doc, decode(file, &envelope.Spec, "spec.", doc.Spec)
}

// decode fills dst and refuses members it does not have and values that do not
// fit, each by name and line.
func decode(file string, n *yaml.Node, prefix string, dst any) *domain.Error {
	if n.Kind != yaml.MappingNode {
		return at(ErrFile, file, n.Line, strings.TrimSuffix(prefix, "."), "must be a mapping")
	}
	var wrong *domain.Error
	v := reflect.ValueOf(dst).Elem()
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		field, ok := member(v, key.Value)
		var why string
		switch {
		case !ok:
			why = "is no such field"
		case seen[key.Value]:
			why = "is there twice"
		default:
			why = fill(field, value)
		}
		seen[key.Value] = true
		if why != "" {
			wrong = join(wrong, at(ErrFile, file, value.Line, prefix+key.Value, why))
		}
	}
	return wrong
}

// member finds the struct field with that YAML name.
func member(v reflect.Value, name string) (reflect.Value, bool) {
	for f, x := range v.Fields() {
		if tag, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); tag == name {
			return x, true
		}
	}
	return reflect.Value{}, false
}

// fill decodes one value, and says why it cannot.
func fill(field reflect.Value, n *yaml.Node) string {
	if raw, ok := field.Addr().Interface().(*yaml.Node); ok {
		*raw = *n
		return ""
	}
	if err := n.Decode(field.Addr().Interface()); err != nil {
		return "must be " + article(field.Type())
	}
	return ""
}

func article(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Pointer:
		return "a number"
	case reflect.Struct, reflect.Map:
		return "of another shape"
	}
	return "a text"
}
