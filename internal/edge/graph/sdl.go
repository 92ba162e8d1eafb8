package graph

import (
	"maps"
	"slices"
	"strings"
)

// print writes the schema: scalars, then types and input types by name. The same
// catalogues always give the same text.
func (s *shape) print() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.scalars)) {
		b.WriteString(quoted("", doc[name]) + "scalar " + name + "\n\n")
	}
	for i, o := range s.sorted() {
		if i > 0 {
			b.WriteString("\n")
		}
		o.print(&b)
	}
	return b.String()
}

func (o *object) print(b *strings.Builder) {
	keyword := "type "
	if o.input {
		keyword = "input "
	}
	b.WriteString(keyword + o.name + " {\n")
	for _, f := range o.fields {
		b.WriteString(quoted("  ", f.doc) + "  " + f.name)
		f.printArguments(b)
		b.WriteString(": " + f.typ + "\n")
	}
	b.WriteString("}\n")
}

func (f field) printArguments(b *strings.Builder) {
	if len(f.args) == 0 {
		return
	}
	b.WriteString("(\n")
	for _, a := range f.args {
		b.WriteString(quoted("    ", a.doc) + "    " + a.name + ": " + a.typ + "\n")
	}
	b.WriteString("  )")
}

// quoted is a description as a plain string, which every version of the
// language can read (June 2018, section 2.9.4).
func quoted(indent, doc string) string {
	if doc == "" {
		return ""
	}
	return indent + `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", "", "\t", " ").Replace(doc) + "\"\n"
}
