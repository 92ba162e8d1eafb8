package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/templates"
)

// resolvers writes the body of every resolver, as a plugin of the library. All
// it needs to know is in the models.
type resolvers struct{ models }

// Name names the plugin.
func (resolvers) Name() string { return "resolvers" }

// GenerateCode writes resolvers.gen.go.
func (p resolvers) GenerateCode(data *codegen.Data) error {
	objects := codegen.Objects{}
	for _, o := range data.Objects {
		if o.HasResolvers() {
			objects = append(objects, o)
		}
	}
	return templates.Render(templates.Options{
		PackageName: "exec", Filename: filepath.Join(out, "resolvers.gen.go"), GeneratedHeader: true,
		Template: resolverTemplate, Data: objects, Packages: data.Config.Packages,
		Funcs: map[string]any{"body": p.body},
	})
}

// body is the one statement of a resolver: ask the entry, follow the relation,
// or write the value of a field as the schema has it.
func (p resolvers) body(f *codegen.Field) (string, error) {
	library := templates.CurrentImports.Lookup(graph)
	typ := templates.CurrentImports.LookupType(f.TypeReference.GO)
	if f.Object.Root {
		if elem, ok := strings.CutPrefix(typ, "*"); ok {
			return fmt.Sprintf("return %s.Answer[%s](ctx)", library, elem), nil
		}
		return fmt.Sprintf("return %s.Value[%s](ctx)", library, typ), nil
	}
	b := p.Answers[f.Object.Name].Fields[f.Name]
	if b.Go == "" {
		return fmt.Sprintf("return %s.Follow[%s](ctx, %q, obj)", library, typ, f.Name), nil
	}
	how := b.How
	if strings.HasPrefix(typ, "*") {
		how = "optional " + how
	}
	if typ == "[]any" {
		how = "list"
	}
	switch how {
	case "list":
		return fmt.Sprintf("return %s.List(obj.%s), nil", library, b.Go), nil
	case "value":
		return fmt.Sprintf("return obj.%s, nil", b.Go), nil
	case "int":
		return fmt.Sprintf("return int(obj.%s), nil", b.Go), nil
	case "float":
		return fmt.Sprintf("return float64(obj.%s), nil", b.Go), nil
	case "text":
		return fmt.Sprintf("return %s.Text(obj.%s)", library, b.Go), nil
	case "optional text":
		return fmt.Sprintf("return %s.OptionalText(obj.%s)", library, b.Go), nil
	case "texts":
		return fmt.Sprintf("return %s.Texts(obj.%s), nil", library, b.Go), nil
	}
	return "", fmt.Errorf("%s.%s: the Go field %s does not fit its type", f.Object.Name, f.Name, b.Go)
}

const resolverTemplate = `
{{ reserveImport "context" }}
{{ reserveImport "github.com/99designs/gqlgen/graphql" }}
{{ reserveImport "github.com/reeve-platform/reeve/internal/edge/graph" "graph" }}

func schema() graphql.ExecutableSchema { return NewExecutableSchema(Config{Resolvers: resolvers{}}) }

type resolvers struct{}
{{ range $object := . }}
type {{ lcFirst $object.Name }}Resolver struct{}

// {{ ucFirst $object.Name }} resolves the fields of {{ $object.Name }}.
func (resolvers) {{ ucFirst $object.Name }}() {{ $object.ResolverInterface | ref }} { return {{ lcFirst $object.Name }}Resolver{} }
{{ range $field := $object.Fields }}{{ if $field.IsResolver }}
// {{ $field.GoFieldName }} resolves {{ $field.Name }}.
func ({{ lcFirst $object.Name }}Resolver) {{ $field.GoFieldName }}{{ $field.ShortResolverDeclaration }} {
	{{ body $field }}
}
{{ end }}{{ end }}{{ end }}`
