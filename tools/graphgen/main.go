// Command graphgen generates the code that executes GraphQL documents.
//
// It is run in the root of the repository, after "reeve generate" has written
// api/schema.graphql and api/graphql-models.json, and writes
// internal/edge/graph/exec/*.gen.go.
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen/config"
)

const (
	schemaFile = "api/schema.graphql"
	modelsFile = "api/graphql-models.json"
	out        = "internal/edge/graph/exec"
	graph      = "github.com/reeve-platform/reeve/internal/edge/graph"
	exec       = graph + "/exec"
	gqlgen     = "github.com/99designs/gqlgen/graphql"
)

func main() {
	if err := generate(); err != nil {
		fmt.Fprintln(os.Stderr, "graphgen:", err)
		os.Exit(1)
	}
}

// generate removes what was generated before it starts: code for an older
// schema must not be in the way.
func generate() error {
	m, err := readModels()
	if err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(out, "*.gen.go"))
	if err != nil {
		return err
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	if err := writePages(m); err != nil {
		return err
	}
	cfg, err := configOf(m)
	if err != nil {
		return err
	}
	if err := api.Generate(cfg, api.AddPlugin(resolvers{m})); err != nil {
		return err
	}
	return finish()
}

// models is what "reeve generate" tells about the Go types behind the schema.
type models struct {
	Answers map[string]struct {
		Type   goType
		Fields map[string]binding
	}
	Inputs  []string
	Strings map[string][]string
}

type goType struct {
	Package, Name string
	Of            *goType
}

type binding struct{ Go, How string }

func readModels() (m models, err error) {
	b, err := os.ReadFile(modelsFile)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(b, &m)
}

// configOf binds answers to their structs and input to whatever was sent, which
// the entries bind themselves.
func configOf(m models) (*config.Config, error) {
	cfg := config.DefaultConfig()
	cfg.SchemaFilename = config.StringList{schemaFile}
	cfg.Exec = config.ExecConfig{Package: "exec", Layout: config.ExecLayoutSingleFile, Filename: filepath.Join(out, "schema.gen.go")}
	cfg.Model = config.PackageConfig{}
	cfg.OmitSliceElementPointers, cfg.OmitComplexity = true, true
	cfg.OmitGQLGenVersionInFileNotice = true
	cfg.SkipModTidy, cfg.SkipValidation = true, true
	cfg.Models = scalars(m)
	for name, answer := range m.Answers {
		cfg.Models[name] = entry(name, answer.Type, answer.Fields)
	}
	for _, name := range m.Inputs {
		cfg.Models[name] = config.TypeMapEntry{Model: config.StringList{"map[string]any"}}
	}
	return cfg, config.CompleteConfig(cfg)
}

func entry(name string, t goType, fields map[string]binding) config.TypeMapEntry {
	model := t.Package + "." + t.Name
	if t.Of != nil {
		model = exec + "." + name
	}
	e := config.TypeMapEntry{Model: config.StringList{model}, Fields: map[string]config.TypeMapField{}}
	for field, b := range fields {
		e.Fields[field] = config.TypeMapField{FieldName: b.Go, Resolver: b.Go == "" || b.How != ""}
	}
	return e
}

// scalars lists the Go types of each scalar; the first is that of input.
func scalars(m models) config.TypeMap {
	types := map[string][]string{
		"Boolean":  {gqlgen + ".Boolean"},
		"DateTime": {graph + ".Value", graph + ".Time"},
		"Float":    {gqlgen + ".FloatContext"},
		"ID":       append([]string{gqlgen + ".ID"}, m.Strings["ID"]...),
		"Int":      {gqlgen + ".Int", gqlgen + ".Int32"},
		"JSON":     {graph + ".Value", graph + ".Document"},
		"Long":     {graph + ".Value", gqlgen + ".Int64", gqlgen + ".Uint64"},
		"String":   append([]string{gqlgen + ".String"}, m.Strings["String"]...),
	}
	all := config.TypeMap{}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		all[name] = config.TypeMapEntry{Model: types[name]}
	}
	return all
}
