package graph

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

func TestDocumentsThatAreCostlyToValidate(t *testing.T) {
	twice := func(n int) string { // a tree of n levels, each field of which is there twice
		return strings.Repeat("{node", n) + "{name}" + strings.Repeat(" node{name}}", n)
	}
	for name, c := range map[string]struct {
		query string
		want  error
	}{
		"introspection, all of it": {introspection.Query, nil},
		"many fields":              {"{" + numbered(1500, "node") + "}", nil},
		"a name a hundred times":   {"{" + strings.Repeat("__typename ", 100) + "}", nil},
		"a name very often":        {"{" + strings.Repeat("__typename ", 1990) + "}", ErrCostly},
		"one that nobody knows":    {"{" + strings.Repeat("x ", 1990) + "}", ErrCostly},
		"below a list":             {"{__schema{types{" + strings.Repeat("name ", 1980) + "}}}", ErrCostly},
		"with fields below it":     {"{" + strings.Repeat("__schema{__typename} ", 480) + "}", ErrCostly},
		"a few, of a few each":     {"{" + strings.Repeat("node{"+strings.Repeat("name ", 30)+"}", 50) + "}", ErrCostly},
		"a deep one, twice":        {twice(30), nil},
		"in two fragments":         {"{...F ...G} fragment F on Query{" + strings.Repeat("x ", 970) + "} fragment G on Query{" + strings.Repeat("x ", 970) + "}", ErrCostly},
		"in one of two operations": {"query a{x} query b{" + strings.Repeat("x ", 1000) + "}", ErrCostly},
		"in a fragment not used":   {"{x} fragment F on Query{" + strings.Repeat("x ", 1000) + "}", ErrCostly},
		"in inline fragments":      {"{" + strings.Repeat("...on Query{x} ", 300) + "}", ErrCostly},
		"a fragment bomb":          {bomb(20), ErrCostly},
		"a fragment in itself":     {"{...a} fragment a on Query {node{...a ...a} ...a ...b} fragment b on Query {...a}", nil},
		"a fragment that is not":   {"{...a}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: c.query}, maxTokens)
			if err != nil {
				t.Fatal(err)
			}
			if err := sift(doc); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func numbered(n int, field string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s%d ", field, i)
	}
	return b.String()
}

// bomb has no field but the last, which is there 2^n times once it is written out.
func bomb(n int) string {
	var b strings.Builder
	b.WriteString("{...f0}")
	for i := range n {
		fmt.Fprintf(&b, " fragment f%d on Query {...f%d ...f%d}", i, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment f%d on Query {x}", n)
	return b.String()
}
