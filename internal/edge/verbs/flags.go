package verbs

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/danielgtaylor/huma/v2"

	"github.com/reeve-platform/reeve/internal/edge"
)

// Flags are texts, present or not: what they should be is for the server to say.
var (
	textType  = reflect.TypeFor[*string]()
	truthType = reflect.TypeFor[*truth]()
	listType  = reflect.TypeFor[[]string]()
)

// A truth is the text of a flag that may stand alone.
type truth string

// Decode takes what follows the equals sign, and true if nothing does.
func (t *truth) Decode(ctx *kong.DecodeContext) error {
	*t = "true"
	if ctx.Scan.Peek().Type == kong.FlagValueToken {
		*t = truth(ctx.Scan.Pop().String())
	}
	return nil
}

// IsBool lets the flag stand without a value.
func (*truth) IsBool() bool { return true }

// flagsOf makes a struct for the command line out of the members of an input:
// M0, M1 and so on are flags, P0, P1 and so on the members of the path, which may
// also be given without their names.
func flagsOf(f *edge.Form, path []string) reflect.Value {
	var fields []reflect.StructField
	for i, m := range f.Members {
		s := f.Resolve(m.Schema)
		fields = append(fields, reflect.StructField{Name: "M" + strconv.Itoa(i), Type: typeOf(s), Tag: flagTag(f, m, s)})
	}
	for i, name := range path {
		tag := reflect.StructTag(fmt.Sprintf(`arg:"" optional:"" name:%q help:"The same as --%s."`, name, flagName(name)))
		fields = append(fields, reflect.StructField{Name: "P" + strconv.Itoa(i), Type: textType, Tag: tag})
	}
	return reflect.New(reflect.StructOf(fields))
}

func typeOf(s *huma.Schema) reflect.Type {
	switch s.Type {
	case huma.TypeArray:
		return listType
	case huma.TypeBoolean:
		return truthType
	}
	return textType
}

func flagTag(f *edge.Form, m edge.Member, s *huma.Schema) reflect.StructTag {
	tag := fmt.Sprintf(`name:%q help:%q sep:"none"`, flagName(m.Name), helpOf(f, m, s))
	if s.Type != huma.TypeBoolean {
		tag += fmt.Sprintf(` placeholder:%q`, placeholder(f, s))
	}
	return reflect.StructTag(tag)
}

func flagName(member string) string { return kebab(words(member)) }

// helpOf is the sentence of the member and what one has to know to fill it in.
func helpOf(f *edge.Form, m edge.Member, s *huma.Schema) string {
	help := m.Doc
	if s.Type == huma.TypeArray {
		help += " Repeat for more."
		s = f.Resolve(s.Items)
	}
	if len(s.Enum) > 0 {
		help += " One of " + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(s.Enum)), ", "), "[]") + "."
	}
	if s.Default != nil {
		help += fmt.Sprintf(" %v if left out.", s.Default)
	}
	if m.Required {
		help += " Required."
	}
	return strings.ReplaceAll(strings.TrimSpace(help), "$", "$$")
}

func placeholder(f *edge.Form, s *huma.Schema) string {
	switch s.Type {
	case huma.TypeArray:
		return placeholder(f, f.Resolve(s.Items))
	case huma.TypeInteger, huma.TypeNumber:
		return "N"
	case huma.TypeString:
		return placeholderOf(s.Format)
	}
	return "JSON"
}

func placeholderOf(format string) string {
	switch format {
	case "uuid", "node-id":
		return "ID"
	case "date-time":
		return "TIME"
	}
	return "TEXT"
}

// given is the value of a member as a request holds it, if it was given.
func given(f *edge.Form, m edge.Member, flag reflect.Value) (value any, present bool, err error) {
	if flag.IsNil() {
		return nil, false, nil
	}
	s := f.Resolve(m.Schema)
	if s.Type == huma.TypeArray {
		value, err = listOf(f, m, flag.Interface().([]string))
		return value, true, err
	}
	text := flag.Elem().String()
	if structured(s) {
		value, err = jsonOf(m.Name, text)
		return value, true, err
	}
	return f.Value(m, text), true, nil
}

// structured values are written as JSON.
func structured(s *huma.Schema) bool {
	return s.Type == huma.TypeObject || s.Type == huma.TypeArray || s.Type == ""
}

// several reports whether a JSON array is several items, and not one that is a
// list itself.
func several(items []any, item *huma.Schema) bool {
	return item.Type != huma.TypeArray || !slices.ContainsFunc(items, func(v any) bool { _, list := v.([]any); return !list })
}

// listOf joins everything that was given. One empty text is an empty list, and a
// JSON array among structured items is several of them.
func listOf(f *edge.Form, m edge.Member, texts []string) (any, error) {
	list, item := []any{}, f.Resolve(f.Resolve(m.Schema).Items)
	switch {
	case len(texts) == 1 && texts[0] == "":
		return list, nil
	case !structured(item):
		return f.Value(m, texts...), nil
	}
	for _, text := range texts {
		v, err := jsonOf(m.Name, text)
		if err != nil {
			return nil, err
		}
		if items, ok := v.([]any); ok && several(items, item) {
			list = append(list, items...)
			continue
		}
		list = append(list, v)
	}
	return list, nil
}

// jsonOf reads a value as strictly as the server reads a body.
func jsonOf(member, text string) (any, error) {
	if !json.Valid([]byte(text)) {
		return nil, edge.ErrMalformedJSON.With("--"+flagName(member)+" takes JSON").At("/"+member, "must be JSON; a text stands in double quotes")
	}
	obj, err := edge.ReadBody(strings.NewReader(`{"value":`+text+`}`), edge.MaxBody)
	return obj["value"], err
}
