package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

// A visit is one document on its way through. Nothing it has loaded outlives it.
type visit struct {
	*server
	r     *http.Request
	call  edge.Request // what the headers say
	price int          // of the document, in requests

	mu        sync.Mutex
	position  uint64
	followers map[relationKey]follower
}

type visitKey struct{}

type relationKey struct {
	parent reflect.Type
	field  string
}

func visitOf(ctx context.Context) *visit { return ctx.Value(visitKey{}).(*visit) }

// note keeps the position of the document: of the last of its writes, or the
// oldest at which one of its reads was answered, so that everything up to it is
// in the answer.
func (v *visit) note(at uint64) { v.keep(at, func(now uint64) bool { return at < now }) }

func (v *visit) wrote(at uint64) { v.keep(at, func(now uint64) bool { return at > now }) }

func (v *visit) keep(at uint64, better func(uint64) bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if at > 0 && (v.position == 0 || better(v.position)) {
		v.position = at
	}
}

// reached is the position of the document, 0 if nothing of it has one.
func (v *visit) reached() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.position
}

var errNoRelation = errors.New("the generated code names a relation that is not served")

// follower opens a relation at its first use in the document.
func (v *visit) follower(parent reflect.Type, field string) (follower, error) {
	key := relationKey{parent, field}
	v.mu.Lock()
	defer v.mu.Unlock()
	if f := v.followers[key]; f != nil {
		return f, nil
	}
	r, ok := v.relations[key]
	if !ok {
		return nil, fmt.Errorf("%w: %v.%s", errNoRelation, parent, field)
	}
	v.followers[key] = r.open(v, r.Needs)
	return v.followers[key], nil
}

// Answer asks the entry behind the present field.
func Answer[T any](ctx context.Context) (*T, error) {
	body, err := visitOf(ctx).ask(ctx)
	if err != nil {
		return nil, err
	}
	if t, ok := body.(T); ok {
		return &t, nil
	}
	t, ok := body.(*T)
	if !ok {
		return nil, fmt.Errorf("the catalogue promised %T, not %T", t, body)
	}
	return t, nil
}

// Value is [Answer] for what is no struct.
func Value[T any](ctx context.Context) (T, error) {
	t, err := Answer[T](ctx)
	if err != nil {
		var none T
		return none, err
	}
	return *t, nil
}

func (v *visit) ask(ctx context.Context) (any, error) {
	field := graphql.GetFieldContext(ctx).Field
	e := v.entries[field.Name]
	said := arguments(field.Field, graphql.GetOperationContext(ctx).Variables)
	call, obj, err := v.request(ctx, e, said)
	if err != nil {
		return nil, err
	}
	form := edge.FormOf(e.Input)
	obj = withoutNulls(form, form.Schema, obj)
	if call.Keyed {
		call.Meta.Fingerprint = edge.Fingerprint(e.Name, obj)
	}
	a, err := e.Call(ctx, edge.BindObject(obj), call)
	if err != nil {
		return nil, err
	}
	if e.Writes {
		v.wrote(a.Position)
	} else {
		v.note(a.Position)
	}
	return a.Body, nil
}

// request tells the members of the input struct from what is said about the call.
func (v *visit) request(ctx context.Context, e edge.Served, said map[string]any) (edge.Request, map[string]any, error) {
	if !e.Writes {
		call, err := edge.RequestFrom(v.r)
		return call, said, err
	}
	h, err := v.headers(ctx, said)
	if err != nil {
		return edge.Request{}, nil, err
	}
	r := v.r.Clone(v.r.Context())
	r.Header = h
	obj, _ := said["input"].(map[string]any)
	if obj == nil {
		obj = map[string]any{}
	}
	call, err := edge.RequestFrom(r)
	return call, obj, err
}

// ErrSharedRevision: a header speaks of one stream, the document of several.
var ErrSharedRevision = &domain.Error{Kind: domain.Malformed, Code: "shared-if-match", Detail: "several mutations cannot share one If-Match; use their argument ifMatch"}

// ErrSharedPreview: so does a preview.
var ErrSharedPreview = &domain.Error{Kind: domain.Malformed, Code: "shared-preview", Detail: "several mutations cannot share one Reeve-Preview; use their argument preview"}

// headers are those of the request as they hold for one mutation of it. What the
// arguments say goes through the same gate as the headers. Several mutations
// under one idempotency key are told apart by their names in the response.
func (v *visit) headers(ctx context.Context, said map[string]any) (http.Header, error) {
	h, several := v.r.Header.Clone(), roots(graphql.GetOperationContext(ctx)) > 1
	if key, ok := said["idempotencyKey"].(string); ok {
		h.Set("Idempotency-Key", key)
	} else if key := h.Get("Idempotency-Key"); key != "" && several {
		h.Set("Idempotency-Key", key+"/"+graphql.GetFieldContext(ctx).Field.Alias)
	}
	if revision, ok := said["ifMatch"].(string); ok {
		h.Set("If-Match", strconv.Quote(strings.Trim(revision, `"`)))
	} else if several && h.Get("If-Match") != "" {
		return nil, ErrSharedRevision
	}
	if name, ok := said["preview"].(string); ok {
		h.Set("Reeve-Preview", name)
	} else if several && h.Get("Reeve-Preview") != "" {
		return nil, ErrSharedPreview
	}
	return h, nil
}

// roots counts what the operation asks for, those of fragments included.
func roots(op *graphql.OperationContext) int {
	return len(graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Query", "Mutation"}))
}

// arguments are what a field was given, as it was written: numbers keep their
// digits, so that the same request has the same fingerprint on every surface.
func arguments(f *ast.Field, vars map[string]any) map[string]any {
	said := map[string]any{}
	for _, a := range f.Arguments {
		if v, ok := written(a.Value, vars); ok {
			said[a.Name] = v
		}
	}
	return said
}
