package graph

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vikstrous/dataloadgen"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

// A Relation is a field that leads from one answer to others and is no member of
// its struct.
type Relation struct {
	Field, Doc string
	Most       int               // how many answers it may lead to from one parent
	Needs      domain.Permission // what the answers are permitted by

	parent, output reflect.Type
	open           func(*visit, domain.Permission) follower
}

// A follower goes from one parent along a relation, for one document.
type follower func(ctx context.Context, parent any) (any, error)

// A Load answers many keys at once, in their order, and tells at which position.
// The request says how far the log must have been read, and in Scope what may be
// seen.
type Load[K comparable, V any] func(ctx context.Context, r edge.Request, keys []K) (values []V, at uint64, err error)

// gather is how long a load waits for more lists. A reader hardly notices.
const gather = time.Millisecond

// manyItems is what a list without a stated bound is reckoned at.
const manyItems = 20

// Relate declares a field of answer P. Key is what load is asked with, each key
// once; the values it gives are of the type that the field has: *Row, nil for
// none, or []Row.
func Relate[P any, K comparable, V any](field, doc string, key func(*P) K, load Load[K, V]) Relation {
	return Relation{
		Field: field, Doc: doc, Most: manyItems,
		parent: reflect.TypeFor[P](), output: reflect.TypeFor[V](),
		open: func(v *visit, needs domain.Permission) follower { return open(v, needs, key, load) },
	}
}

// Needing says which permission the relation is followed by: a caller sees no
// further along it than where that is held.
func (r Relation) Needing(p domain.Permission) Relation {
	r.Needs = p
	return r
}

// UpTo says how many answers the relation may lead to from one parent.
func (r Relation) UpTo(most int) Relation {
	r.Most = most
	return r
}

// open makes a loader of lists: whoever asks first asks for all of its siblings,
// so that a list costs one load whatever the clock does, and lists that are asked
// for at the same time share one.
func open[P any, K comparable, V any](v *visit, needs domain.Permission, key func(*P) K, load Load[K, V]) follower {
	var lists sync.Map // of []P, by the address of the first
	fetch := func(ctx context.Context, firsts []*P) (map[K]V, error) {
		keys := map[K]bool{}
		for _, first := range firsts {
			list, _ := lists.Load(first)
			for i := range list.([]P) {
				keys[key(&list.([]P)[i])] = true
			}
		}
		return loaded(ctx, v, needs, slices.Collect(maps.Keys(keys)), load)
	}
	loader := dataloadgen.NewLoader(shared(fetch), dataloadgen.WithWait(gather))
	return func(ctx context.Context, parent any) (any, error) {
		p := parent.(*P)
		first, list := siblings(ctx, p)
		lists.Store(first, list)
		found, err := loader.Load(ctx, first)
		return found[key(p)], err
	}
}

// siblings are the items of the list that parent is one of, and the address of
// the first, by which the list is known.
func siblings[P any](ctx context.Context, parent *P) (*P, []P) {
	item := graphql.GetFieldContext(ctx).Parent
	if item != nil && item.Index != nil && item.Parent != nil {
		if list, ok := item.Parent.Result.([]P); ok && len(list) > 0 {
			return &list[0], list
		}
	}
	return parent, []P{*parent}
}

func loaded[K comparable, V any](ctx context.Context, v *visit, needs domain.Permission, keys []K, load Load[K, V]) (map[K]V, error) {
	scope, err := v.call.ScopeFor(needs)
	if err != nil {
		return nil, err
	}
	call := v.call
	call.Scope = scope
	values, at, err := load(ctx, call, keys)
	if err != nil {
		return nil, err
	}
	v.note(at)
	found := make(map[K]V, len(keys))
	for i, key := range keys {
		found[key] = values[i]
	}
	return found, nil
}

// shared gives each of many lists the answer for all of them. The loader calls
// it on a goroutine of its own, where a panic would end the process.
func shared[P, M any](fetch func(context.Context, []*P) (M, error)) func(context.Context, []*P) ([]M, []error) {
	return func(ctx context.Context, firsts []*P) (answers []M, errs []error) {
		defer func() {
			if p := recover(); p != nil {
				errs = []error{panicked(p)}
			}
		}()
		found, err := fetch(ctx, firsts)
		if err != nil {
			return nil, []error{err}
		}
		return slices.Repeat([]M{found}, len(firsts)), nil
	}
}

// Follow resolves the field of parent that a relation adds.
func Follow[V, P any](ctx context.Context, field string, parent *P) (V, error) {
	var none V
	follow, err := visitOf(ctx).follower(reflect.TypeFor[P](), field)
	if err != nil {
		return none, err
	}
	found, err := follow(ctx, parent)
	if err != nil {
		return none, err
	}
	return found.(V), nil
}
