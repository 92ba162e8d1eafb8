package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/reeve-platform/reeve/domain/events"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/verbs"
)

const root = "../.."

// What is stored under any version of any event can be read for ever.
func TestEveryEventIsKeptInItsStoredForm(t *testing.T) {
	for _, d := range events.Registry.Definitions() {
		for v := 1; v <= d.Version; v++ {
			pattern := filepath.Join(root, "domain", "*", "testdata", "events", fmt.Sprintf("%s.v%d.json", d.Name, v))
			if files, _ := filepath.Glob(pattern); len(files) != 1 {
				t.Errorf("%s of version %d has %d golden files; run the tests of its noun with -update", d.Name, v, len(files))
			}
		}
	}
}

var (
	kebab      = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	camel      = regexp.MustCompile(`^[a-z]+([A-Z][a-z]*)*$`)
	permission = regexp.MustCompile(`^[a-z]+:[a-z]+$`)
	sentence   = regexp.MustCompile(`^[A-Z].*[^.]\.$`)
	routes     = regexp.MustCompile(`^(GET|POST|PUT|PATCH|DELETE) /(v1|api)(/([a-z-]+|\{[a-z]+\}))+$`)
)

func TestEveryErrorCodeHasOneMeaning(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/errors.md"))
	if err != nil {
		t.Fatal(err)
	}
	places := declaredCodes(t)
	for code, at := range places {
		if len(at) > 1 {
			t.Errorf("%s is declared at %s", code, strings.Join(at, " and "))
		}
		if !kebab.MatchString(code) {
			t.Errorf("%s: %q is not in kebab case", at[0], code)
		}
		if !bytes.Contains(page, []byte("| `"+code+"` |")) {
			t.Errorf("%s: %s is not in docs/errors.md; declare it in one literal and run make generate", at[0], code)
		}
	}
	if len(places) < 50 {
		t.Errorf("only %d codes were found", len(places))
	}
}

// declaredCodes finds where each code stands in the source. It looks for less
// than the generator does, so that nothing slips through that one's fingers.
func declaredCodes(t *testing.T) map[string][]string {
	t.Helper()
	places := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "tools" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && d.Name() != ".."):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if code, ok := codeIn(n); ok {
				places[code] = append(places[code], set.Position(n.Pos()).String())
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return places
}

// codeIn is the code of a literal of domain.Error.
func codeIn(n ast.Node) (code string, ok bool) {
	lit, _ := n.(*ast.CompositeLit)
	if lit == nil || !named(lit.Type, "Error") {
		return "", false
	}
	for _, e := range lit.Elts {
		kv, _ := e.(*ast.KeyValueExpr)
		if kv == nil || !named(kv.Key, "Code") {
			continue
		}
		if text, literal := kv.Value.(*ast.BasicLit); literal {
			code, err := strconv.Unquote(text.Value)
			return code, err == nil
		}
	}
	return "", false
}

func named(e ast.Expr, name string) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == name
	case *ast.SelectorExpr:
		return e.Sel.Name == name
	}
	return false
}

func TestEveryEntryIsWhole(t *testing.T) {
	seen := map[string]string{}
	unique := func(what, name string) {
		if twin, taken := seen[what]; taken {
			t.Errorf("%s and %s are both %s", twin, name, what)
		}
		seen[what] = name
	}
	names := verbs.Names(catalogues())
	for _, e := range catalogues() {
		for text, form := range map[string]*regexp.Regexp{e.Name: camel, e.Route: routes, string(e.Needs): permission, e.Summary: sentence} {
			if !form.MatchString(text) {
				t.Errorf("%s: %q is not %s", e.Name, text, form)
			}
		}
		unique("the field "+e.Name, e.Name)
		unique("the route "+e.Route, e.Name)
		unique("the verb "+names[e.Name], e.Name)
	}
}

// Every member of every input says what it is, in one sentence.
func TestEveryMemberIsDescribed(t *testing.T) {
	for _, e := range catalogues() {
		for _, m := range edge.FormOf(e.Input).Members {
			if !strings.HasSuffix(m.Doc, ".") {
				t.Errorf("%s: %s is described as %q", e.Name, m.Name, m.Doc)
			}
		}
	}
}

func TestGeneratedFilesAreCurrent(t *testing.T) {
	files, err := generated(root)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(root, path))
		if errors.Is(err, fs.ErrNotExist) || err == nil && !bytes.Equal(got, want) {
			t.Errorf("%s is not current: run make generate", path)
		} else if err != nil {
			t.Error(err)
		}
	}
}
