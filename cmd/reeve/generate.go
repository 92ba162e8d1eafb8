package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/graph"
	"github.com/reeve-platform/reeve/internal/edge/graph/exec"
	"github.com/reeve-platform/reeve/internal/edge/verbs"
)

// generateCommand writes what is read off the catalogues and the vocabulary: the
// contracts in api/ and the reference pages in docs/.
type generateCommand struct {
	Root string `default:"." help:"Root of the source tree."`
}

// Run writes every generated file anew.
func (c generateCommand) Run() error {
	files, err := generated(c.Root)
	if err != nil {
		return err
	}
	for path, text := range files {
		if err := write(filepath.Join(c.Root, path), text); err != nil {
			return err
		}
	}
	return nil
}

// generated gives every generated file by its path below root.
func generated(root string) (map[string][]byte, error) {
	all := entries(nil, nil)
	sdl, models := graph.Describe(all, exec.Relations(nil))
	openapi, err := edge.REST(chi.NewRouter(), edge.Options{Version: "1"}, all...).OpenAPI().YAML()
	if err != nil {
		return nil, err
	}
	vocabulary, err := eventCatalogue()
	if err != nil {
		return nil, err
	}
	codes, err := errorCodes(root)
	return map[string][]byte{
		"api/schema.graphql":      []byte(sdl),
		"api/graphql-models.json": models,
		"api/openapi.yaml":        openapi,
		"api/events.json":         vocabulary,
		"docs/errors.md":          codes,
		"docs/operations.md":      operationsPage(all),
	}, err
}

func write(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// operationsPage lists every operation on every surface.
func operationsPage(all []edge.Served) []byte {
	names := verbs.Names(all)
	var b bytes.Buffer
	b.WriteString("# Operations\n\nGenerated from the catalogues (`commands/catalog.go`, `readapi/catalog.go`). Each line is one operation on all surfaces.\n")
	for _, writes := range []bool{true, false} {
		title, field := "Commands", "mutation"
		if !writes {
			title, field = "Queries", "query"
		}
		fmt.Fprintf(&b, "\n## %s\n\n| REST | GraphQL %s | Command line | Permission | What it does |\n|---|---|---|---|---|\n", title, field)
		for _, e := range all {
			if e.Writes == writes {
				fmt.Fprintf(&b, "| `%s` | `%s` | `reeve %s` | `%s` | %s |\n", e.Route, e.Name, names[e.Name], e.Needs, e.Summary)
			}
		}
	}
	return b.Bytes()
}

// An errorCode is one exported error as its declaration tells of it.
type errorCode struct{ code, kind, detail string }

// errorCodes reads the declarations of all errors off the source.
func errorCodes(root string) ([]byte, error) {
	all, err := declaredErrors(root)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("# Errors\n\nGenerated from the declarations. A code is stable: it never changes its meaning. Status, GraphQL code and exit code follow from the kind (`internal/edge/answer.go`).\n\n| Code | HTTP | GraphQL | Exit | Meaning |\n|---|---|---|---|---|\n")
	for _, e := range all {
		o := edge.OutcomeOf(e.asError())
		fmt.Fprintf(&b, "| `%s` | %d | `%s` | %d | %s |\n", e.code, o.Status, o.GraphQL, o.Exit, e.detail)
	}
	return b.Bytes(), nil
}

// declaredErrors finds every domain.Error with a code that the source declares,
// sorted by code.
func declaredErrors(root string) (all []errorCode, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "node_modules" || d.Name() == "tools"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if e, ok := errorLiteral(n); ok {
				all = append(all, e)
			}
			return true
		})
		return nil
	})
	slices.SortFunc(all, func(a, b errorCode) int { return strings.Compare(a.code, b.code) })
	return all, err
}

func errorLiteral(n ast.Node) (e errorCode, ok bool) {
	lit, isLit := n.(*ast.CompositeLit)
	if !isLit {
		return e, false
	}
	for _, el := range lit.Elts {
		kv, pair := el.(*ast.KeyValueExpr)
		if !pair {
			continue
		}
		key, _ := kv.Key.(*ast.Ident)
		if key == nil {
			continue
		}
		switch v := kv.Value.(type) {
		case *ast.BasicLit:
			text, err := strconv.Unquote(v.Value)
			if err == nil && key.Name == "Code" {
				e.code = text
			} else if err == nil && key.Name == "Detail" {
				e.detail = text
			}
		case *ast.SelectorExpr:
			e.kind = v.Sel.Name
		case *ast.Ident:
			e.kind = v.Name
		}
	}
	_, known := kinds[e.kind]
	return e, known && e.code != "" && e.detail != ""
}
