package graph

import (
	"context"
	"errors"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
)

// What a document may cost before anything is known of the schema.
const (
	maxSteps = 20_000 // fields and fragments, once each operation and fragment is selected out
	maxPairs = 5_000  // of fields that the answer would hold under one name, in one place
)

// sieve refuses documents that would be costly to validate. Whether fields of one
// name can be merged is found out by comparing them two by two, and of a name that
// comes two thousand times there are two million pairs.
type sieve struct {
	valid graphql.Cache[*ast.QueryDocument]
}

// ExtensionName names the sieve in messages of the library.
func (sieve) ExtensionName() string { return "Sieve" }

// Validate has nothing to check.
func (sieve) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters is where the library lets us refuse before it validates.
// What was found valid before needs no second look, and what cannot be parsed is the
// library's to refuse.
func (s sieve) MutateOperationParameters(ctx context.Context, p *graphql.RawParams) *gqlerror.Error {
	if _, known := s.valid.Get(ctx, p.Query); known {
		return nil
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: p.Query}, maxTokens)
	if err == nil && doc != nil {
		err = sift(doc)
	}
	if errors.Is(err, ErrCostly) {
		return gqlerror.Wrap(err)
	}
	return nil
}

// sift counts what validating a document takes.
func sift(doc *ast.QueryDocument) error {
	c := &counting{fragments: doc.Fragments}
	for _, op := range doc.Operations {
		c.merge([]selected{{set: op.SelectionSet}})
	}
	for _, f := range doc.Fragments { // also those that are never used
		c.merge([]selected{{f.SelectionSet, &chain{name: f.Name}}})
	}
	if c.costly() {
		return ErrCostly
	}
	return nil
}

// A counting adds up what a document is made of, without knowing what any of it means.
type counting struct {
	fragments    ast.FragmentDefinitionList
	steps, pairs int
}

func (c *counting) costly() bool { return c.steps > maxSteps || c.pairs > maxPairs }

// A selected set is one that stands in so many fragments.
type selected struct {
	set ast.SelectionSet
	in  *chain
}

// A chain is the fragments around something, innermost first.
type chain struct {
	name string
	out  *chain
}

func (c *chain) has(name string) bool {
	for ; c != nil; c = c.out {
		if c.name == name {
			return true
		}
	}
	return false
}

// merge looks at sets whose fields the answer holds in one place, as many as there
// are, and then at what is below each name.
func (c *counting) merge(sets []selected) {
	below, names := map[string][]selected{}, []string(nil)
	for _, s := range sets {
		c.spread(s, func(name string, sub selected) {
			if _, ok := below[name]; !ok {
				names = append(names, name)
			}
			below[name] = append(below[name], sub)
		})
	}
	for _, name := range names {
		n := len(below[name])
		c.pairs += n * (n - 1) / 2
		if c.costly() {
			return
		}
		c.merge(below[name])
	}
}

// spread gives the fields of a set, those of its fragments included. A fragment
// within itself is no document; the library says so.
func (c *counting) spread(s selected, give func(name string, sub selected)) {
	for _, sel := range s.set {
		if c.steps++; c.costly() {
			return
		}
		switch sel := sel.(type) {
		case *ast.Field:
			give(sel.Alias, selected{sel.SelectionSet, s.in})
		case *ast.InlineFragment:
			c.spread(selected{sel.SelectionSet, s.in}, give)
		case *ast.FragmentSpread:
			if f := c.fragments.ForName(sel.Name); f != nil && !s.in.has(sel.Name) {
				c.spread(selected{f.SelectionSet, &chain{sel.Name, s.in}}, give)
			}
		}
	}
}
