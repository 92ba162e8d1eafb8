package graph

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

var ring = gqlparser.MustLoadSchema(&ast.Source{Input: `
type Query { node: Node, nodes(limit: Int): Page }
type Page { items: [Node!]! }
type Node { name: String, next: Node, all: [Node!]!, few: [Node!]! }`})

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		query string
		vars  map[string]any
		want  error
	}{
		"10 deep":                    {"{node" + strings.Repeat("{next", 8) + "{name}" + strings.Repeat("}", 9), nil, nil},
		"11 deep":                    {"{node" + strings.Repeat("{next", 9) + "{name}" + strings.Repeat("}", 10), nil, ErrDeep},
		"deep in fragments":          {"{node{...a}} fragment a on Node {next{next{next{next{next{...b}}}}}} fragment b on Node {next{next{next{next{next{name}}}}}}", nil, ErrDeep},
		"a page":                     {"{nodes(limit:200){items{name all{name} few{name}}}}", nil, nil},
		"a page of long lists":       {"query($n:Int){nodes(limit:$n){items{all{name}}}}", map[string]any{"n": int64(1000)}, ErrCostly},
		"a page of lists of lists":   {"{nodes(limit:200){items{all{all{all{name}}}}}}", nil, ErrCostly},
		"a page without limit":       {"{nodes{items{all{all{name next{name}}}}}}", nil, ErrCostly},
		"a short page":               {"query($n:Int){nodes(limit:$n){items{all{all{name next{name}}}}}}", map[string]any{"n": int64(5)}, nil},
		"a long page":                {"query($n:Int){nodes(limit:$n){items{all{all{name next{name}}}}}}", map[string]any{"n": int64(200)}, ErrCostly},
		"a list that is known short": {"{nodes(limit:200){items{few{few{few{name}}}}}}", nil, nil},
		"introspection":              {"{__schema{types{fields{type{ofType{ofType{ofType{ofType{ofType{ofType{ofType{name}}}}}}}}}}}}", nil, nil},
		"introspection, all of it":   {introspection.Query, nil, nil},
		"the schema twice":           {"{__schema{queryType{name}} again:__schema{types{name}}}", nil, ErrCostly},
		"the same types twice":       {"{__schema{types{name} again:types{fields{name}}}}", nil, ErrCostly},
		"in fragments":               {"{__schema{...a ...b}} fragment a on __Schema {types{name}} fragment b on __Schema {again:types{name}}", nil, ErrCostly},
		"the same fields of a type":  {"{__type(name:\"Node\"){fields{name} again:fields{name}}}", nil, ErrCostly},
		"two types":                  {"{__type(name:\"Node\"){fields{name}} page:__type(name:\"Page\"){fields{name}}}", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			doc, errs := gqlparser.LoadQueryWithRules(ring, c.query, nil)
			if errs != nil {
				t.Fatal(errs)
			}
			op := &graphql.OperationContext{Doc: doc, Operation: doc.Operations[0], Variables: c.vars}
			err := limits{map[string]int{"Node.few": 2}, nil}.MutateOperationContext(context.WithValue(t.Context(), visitKey{}, &visit{}), op)
			if (c.want == nil) != (err == nil) || (err != nil && !errors.Is(err, c.want)) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestThePriceOfADocument(t *testing.T) {
	for query, want := range map[string]int{
		"{node{name}}": 1,
		"{a:node{name} b:node{name} ...c} fragment c on Query {c:node{name}}": 3,
		"{__typename}":            1,
		"{__schema{types{name}}}": 20,
		"{__type(name:\"Node\"){name} page:__type(name:\"Page\"){name} node{name}}": 11,
		"{nodes(limit:200){items{name}}}":                                           1,
		"{nodes(limit:200){items{few{few{name}}}}}":                                 4, // two full pages of lists of two are four
		"{a:nodes(limit:200){items{name}} b:nodes(limit:200){items{name}}}":         2,
	} {
		doc, errs := gqlparser.LoadQueryWithRules(ring, query, nil)
		if errs != nil {
			t.Fatal(errs)
		}
		v := &visit{}
		op := &graphql.OperationContext{Doc: doc, Operation: doc.Operations[0]}
		err := limits{map[string]int{"Node.few": 2}, nil}.MutateOperationContext(context.WithValue(t.Context(), visitKey{}, v), op)
		if err != nil || v.price != want {
			t.Errorf("%s costs %d, not %d: %v", query, v.price, want, err)
		}
	}
}
