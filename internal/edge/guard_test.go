package edge_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/edgetest"
)

const (
	ours   = "11111111-1111-4111-8111-111111111111"
	theirs = "22222222-2222-4222-8222-222222222222"
)

// A keeper holds some permissions at one node, and has never heard of others.
type keeper struct {
	edgetest.Guard
	at   domain.NodeID
	what domain.Permissions
}

func (k keeper) May(all domain.Permissions, at domain.NodeID) error {
	switch {
	case at == "":
		return edge.ErrForbidden
	case at != k.at:
		return domain.ErrNodeNotFound
	case !k.what.Has(all):
		return edge.ErrForbidden
	}
	return nil
}

func (k keeper) Scope(all domain.Permissions) domain.Scope {
	if !k.what.Has(all) {
		return domain.Scope{}
	}
	return domain.Scope{Paths: []string{"platform/" + string(k.at)}}
}

func (k keeper) MayGive(input any, _ []domain.NodeID) error {
	if p, ok := input.(*present); ok {
		p.seen = true
	}
	if g, ok := input.(edge.Conferring); ok && !k.what.Has(g.Confers()) {
		return edge.ErrForbidden
	}
	return nil
}

type (
	One    struct{ Tenant domain.TenantID }
	nested struct{ One }
	two    struct {
		Tenant domain.TenantID
		To     domain.IntegratorID
	}
	place struct{ Node domain.NodeID }
	whom  struct{ User domain.UserID }
	none  struct{ Name string }
	gift  struct {
		One
		what domain.Permissions
	}
	elsewhere struct {
		One
		node domain.NodeID
	}
)

func (g gift) Confers() domain.Permissions { return g.what }
func (e elsewhere) Nodes() []domain.NodeID { return []domain.NodeID{e.node} }

// has is a caller who holds permissions at ours.
func has(ps ...domain.Permission) edge.Caller {
	return keeper{at: ours, what: domain.PermissionsOf(ps...)}
}

func TestTheWall(t *testing.T) {
	write, read := domain.PermissionsOf(domain.TenantWrite), domain.TenantRead
	for name, c := range map[string]struct {
		caller edge.Caller
		input  any
		writes bool
		want   error
	}{
		"nobody":                                    {nil, One{ours}, true, edge.ErrUnauthenticated},
		"one's own tenant":                          {has(read), One{ours}, true, nil},
		"through an embedded struct":                {has(read), nested{One{ours}}, true, nil},
		"another's, embedded":                       {has(read), nested{One{theirs}}, true, domain.ErrTenantNotFound},
		"without the permission anywhere":           {has(domain.FlagRead), One{theirs}, true, edge.ErrForbidden},
		"another's tenant is not there":             {has(read), One{theirs}, true, domain.ErrTenantNotFound},
		"nor is another's integrator":               {has(read), two{ours, theirs}, true, domain.ErrIntegratorNotFound},
		"nor another's node":                        {has(read), place{theirs}, false, domain.ErrNodeNotFound},
		"nor another's user":                        {has(read), whom{theirs}, false, domain.ErrUserNotFound},
		"a command about nothing is the platform's": {has(read), none{"x"}, true, domain.ErrNodeNotFound},
		"a question about nothing is one's own":     {has(read), none{"x"}, false, nil},
		"an empty name is no node":                  {has(read), place{}, false, nil},
		"giving what one has":                       {has(read, domain.TenantWrite), gift{One{ours}, write}, true, nil},
		"giving what one has not":                   {has(read), gift{One{ours}, write}, true, edge.ErrForbidden},
		"an input that knows better":                {has(read), elsewhere{One{ours}, theirs}, true, domain.ErrNodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			called := false
			entry := edge.Entry[int]{Name: "x", Needs: read, Writes: c.writes, Input: reflect.TypeOf(c.input),
				Call: func(_ context.Context, _ int, bind edge.Bind, r edge.Request) (edge.Answer, error) {
					err := bind(reflect.New(reflect.TypeOf(c.input)).Interface())
					called = err == nil
					return edge.Answer{}, err
				}}
			bind := func(dst any) error { reflect.ValueOf(dst).Elem().Set(reflect.ValueOf(c.input)); return nil }
			_, err := edge.With(0, []edge.Entry[int]{entry})[0].Call(t.Context(), bind, edge.Request{Caller: c.caller})
			if !errors.Is(err, c.want) || called != (c.want == nil) {
				t.Errorf("got %v, called %v", err, called)
			}
		})
	}
}

// A present is told that it was looked at.
type present struct {
	One
	seen bool
}

// What the caller's rights were judged by reaches the rule.
func TestTheInputIsToldWhatWasLookedAt(t *testing.T) {
	var got present
	entry := edge.Entry[int]{Name: "x", Needs: domain.TenantRead, Writes: true, Input: reflect.TypeFor[present](),
		Call: func(_ context.Context, _ int, bind edge.Bind, r edge.Request) (edge.Answer, error) {
			return edge.Answer{}, bind(&got)
		}}
	bind := func(dst any) error { *dst.(*present) = present{One: One{ours}}; return nil }
	if _, err := edge.With(0, []edge.Entry[int]{entry})[0].Call(t.Context(), bind, edge.Request{Caller: has(domain.TenantRead)}); err != nil || !got.seen {
		t.Error(got, err)
	}
}

func TestAnEntryWithoutAPermissionIsNotServed(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it is")
		}
	}()
	edge.With(0, []edge.Entry[int]{{Name: "open", Needs: "open:door"}})
}

func TestWithoutAGuardNobodyIsLetIn(t *testing.T) {
	s := open(t, func(o *edge.Options) { o.Guard = nil })
	for _, line := range []string{"PUT /v1/tenants/" + acme + "/walls/1", "POST /v1/walls", "GET /v1/walls"} {
		if r := s.ask(t, line, ""); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d", line, r.StatusCode)
		}
	}
	if len(s.inputs) > 0 {
		t.Error("something was called")
	}
}

// A guard is asked once for a request, whoever wants to know how often.
func TestAdmissionIsAskedOnce(t *testing.T) {
	g := &counting{}
	r := chi.NewRouter()
	edge.REST(r, edge.Options{Guard: g})
	r.Get("/twice", func(w http.ResponseWriter, r *http.Request) {
		_, _ = edge.CallerOf(r)
		_, _ = edge.CallerOf(r)
	})
	s := httptest.NewServer(r)
	defer s.Close()
	if res, err := http.Get(s.URL + "/twice"); err != nil || res.StatusCode != 200 || g.asked != 1 {
		t.Errorf("%v, asked %d times", err, g.asked)
	}
}

type counting struct {
	edgetest.Guard
	asked int
}

func (c *counting) Admit(r *http.Request) (edge.Caller, error) {
	c.asked++
	return c.Guard.Admit(r)
}
