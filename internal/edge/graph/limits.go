package graph

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

// What a document may cost. Without these, a few bytes could ask for everything
// there is many times over.
const (
	maxBody    = 256 << 10 // bytes, variables included
	maxTokens  = 2000
	maxDepth   = 10
	maxRoots   = 20     // queries or commands in one document
	maxFields  = 5000   // once fragments are written out
	maxObjects = 20_000 // that the answer could hold
	pageSize   = 50     // of a list that is not given a limit
	fullPage   = 400    // objects are a page of 200, as the limits count it

	schemaPrice  = 20 // of __schema, in requests: the answer can be as long as that of so many
	typePrice    = 5  // of __type
	refusedPrice = 5  // of a document that is not executed
	maxErrors    = 20 // that are told of one that is not executed
)

var (
	// ErrDeep: the document nests fields more than 10 deep.
	ErrDeep = &domain.Error{Kind: domain.Invalid, Code: "graphql-too-deep", Detail: "fields may be nested 10 deep"}
	// ErrCostly: the document could be answered with too much.
	ErrCostly = &domain.Error{Kind: domain.Invalid, Code: "graphql-too-costly", Detail: "the answer could hold more than 20000 objects, 5000 fields or 20 operations, or the same thing too often; ask for shorter lists, and for each thing once"}
	// ErrIntrospection: the caller must not ask GraphQL for its schema.
	ErrIntrospection = &domain.Error{Kind: domain.Forbidden, Code: "introspection-closed", Detail: "introspection is closed to this caller; the schema is at /schema.graphql"}
	// ErrLong: the document has too many words.
	ErrLong = &domain.Error{Kind: domain.Invalid, Code: "graphql-too-long", Detail: "a document may have 2000 tokens"}
)

// limits refuse documents before anything of them is executed.
type limits struct {
	most   map[string]int         // how many answers a relation may lead to, such as "Tenant.quotas"
	opaque func(edge.Caller) bool // whom introspection is closed to; nobody if nil
}

// ExtensionName names the limits in messages of the library.
func (limits) ExtensionName() string { return "Limits" }

// Validate has nothing to check.
func (limits) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext is where the library lets us refuse. What is not refused
// has its price.
func (l limits) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	w := &walk{vars: op.Variables, most: l.most, closed: l.opaque != nil && l.opaque(visitOf(ctx).call.Caller)}
	w.selections(op.Operation.SelectionSet, place{depth: 1, times: 1})
	if w.roots > maxRoots {
		w.refuse(ErrCostly)
	}
	if w.err == nil {
		visitOf(ctx).price = w.price()
		return nil
	}
	return gqlerror.Wrap(w.err)
}

// A walk counts what a document asks for, with fragments written out.
type walk struct {
	vars   map[string]any
	most   map[string]int
	closed bool // to introspection
	roots  int
	fields int
	cost   int
	extra  int               // price of introspection
	named  map[string]string // aliases of what is introspected, by path
	err    error
}

// A place is where in the document a walk is: how deep, how many objects there
// can be, and whether they are the items of a page, which has been multiplied.
type place struct {
	depth, times int
	page         bool
}

// price is what the document asks for, in requests of REST: each operation is one,
// and so is each full page of objects. Introspection has a price of its own.
func (w *walk) price() int { return max(w.roots, w.cost/fullPage) + w.extra }

func (w *walk) refuse(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *walk) selections(set ast.SelectionSet, at place) {
	for _, sel := range set {
		if w.err != nil {
			return
		}
		switch sel := sel.(type) {
		case *ast.Field:
			w.field(sel, at)
		case *ast.InlineFragment:
			w.selections(sel.SelectionSet, at)
		case *ast.FragmentSpread:
			w.selections(sel.Definition.SelectionSet, at)
		}
	}
}

// field counts one field.
func (w *walk) field(f *ast.Field, at place) {
	if w.fields++; w.fields > maxFields {
		w.refuse(ErrCostly)
	}
	if at.depth == 1 {
		w.roots++
	}
	if at.depth > maxDepth {
		w.refuse(ErrDeep)
	}
	for _, a := range f.Arguments {
		w.number(a.Value)
	}
	if strings.HasPrefix(f.Name, "__") {
		w.introspect(f)
		return
	}
	if len(f.SelectionSet) == 0 {
		return
	}
	n, page := w.items(f, at)
	if w.cost += at.times * n; w.cost > maxObjects {
		w.refuse(ErrCostly)
		return
	}
	w.selections(f.SelectionSet, place{at.depth + 1, at.times * n, page})
}

// introspect looks at what is asked of the schema. Its depth is limited by the
// library; that nothing of it is answered twice limits the rest.
func (w *walk) introspect(f *ast.Field) {
	at := f.Name
	switch f.Name {
	case "__schema":
		w.extra += schemaPrice - 1
	case "__type":
		w.extra += typePrice - 1
		at += " " + f.Alias // each may be of another type
	default:
		return
	}
	if w.closed {
		w.refuse(ErrIntrospection)
		return
	}
	w.once(f, at)
}

// once refuses what is asked for under two names in one place.
func (w *walk) once(f *ast.Field, at string) {
	if w.named == nil {
		w.named = map[string]string{}
	}
	if name, asked := w.named[at]; asked && name != f.Alias {
		w.refuse(ErrCostly)
	}
	w.named[at] = f.Alias
	w.below(f.SelectionSet, at)
}

func (w *walk) below(set ast.SelectionSet, at string) {
	for _, sel := range set {
		if w.err != nil {
			return
		}
		switch sel := sel.(type) {
		case *ast.Field:
			if w.fields++; w.fields > maxFields {
				w.refuse(ErrCostly)
			}
			w.once(sel, at+"/"+sel.Name)
		case *ast.InlineFragment:
			w.below(sel.SelectionSet, at)
		case *ast.FragmentSpread:
			w.below(sel.Definition.SelectionSet, at)
		}
	}
}

// items is how many objects a field may answer with, and whether they come as a page.
func (w *walk) items(f *ast.Field, at place) (n int, page bool) {
	switch {
	case f.Definition.Arguments.ForName("limit") != nil:
		return w.limit(f), true
	case f.Definition.Type.Elem == nil || at.page:
		return 1, false
	}
	if most, ok := w.most[f.ObjectDefinition.Name+"."+f.Name]; ok {
		return most, false
	}
	return manyItems, false
}

func (w *walk) limit(f *ast.Field) int {
	v, _ := arguments(f, w.vars)["limit"]
	var n int64
	switch v := v.(type) {
	case json.Number:
		n, _ = v.Int64()
	case int64:
		n = v
	}
	if n < 1 || n > maxObjects {
		return pageSize // as much as is answered, or refused by the entry
	}
	return int(n)
}

// number refuses numbers that no type of ours holds; the library panics on them.
func (w *walk) number(v *ast.Value) {
	var err error
	switch v.Kind {
	case ast.IntValue:
		_, err = strconv.ParseInt(v.Raw, 10, 64)
	case ast.FloatValue:
		_, err = strconv.ParseFloat(v.Raw, 64)
	}
	if err != nil {
		w.refuse(edge.ErrInvalidRequest.With("a number of the document does not fit into 64 bits"))
	}
	for _, child := range v.Children {
		w.number(child.Value)
	}
}
