package edge

import (
	"context"
	"errors"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
)

// holder holds permissions at one node.
type holder struct {
	node domain.NodeID
	path string
	held domain.Permissions
}

func (h holder) Actor() domain.Actor { return domain.Actor{ID: "ada", Type: "user"} }

func (h holder) May(all domain.Permissions, at domain.NodeID) error {
	if at != h.node || !h.held.Has(all) {
		return ErrForbidden
	}
	return nil
}

func (h holder) Scope(all domain.Permissions) domain.Scope {
	if !h.held.Has(all) {
		return domain.Scope{}
	}
	return domain.Scope{Actor: h.Actor(), Paths: []string{h.path}}
}

func (h holder) Tenant() domain.NodeID { return "" }

func (h holder) Integrator() domain.NodeID { return "" }

func (h holder) MayGive(any, []domain.NodeID) error { return nil }

func (h holder) Knows(domain.NodeID) bool { return false }

func TestLookingAcrossAllTenants(t *testing.T) {
	auditor := holder{domain.PlatformID, "platform", domain.PermissionsOf(domain.TenantRead, domain.PlatformReadAll)}
	tenant := holder{"t", "platform/i/t", domain.PermissionsOf(domain.TenantRead, domain.PlatformReadAll)}
	reader := holder{domain.PlatformID, "platform", domain.PermissionsOf(domain.TenantRead)}
	for _, c := range []struct {
		name   string
		caller holder
		query  string
		reason string
		writes bool
		paths  []string
		err    error
	}{
		{"not asked for", tenant, "", "", false, []string{"platform/i/t"}, nil},
		{"with the right and a reason", auditor, "?scope=platform", "audit of March", false, []string{"platform"}, nil},
		{"without a reason", auditor, "?scope=platform", "", false, nil, ErrReasonRequired},
		{"bound to a tenant", tenant, "?scope=platform", "curious", false, nil, ErrForbidden},
		{"without the right", reader, "?scope=platform", "curious", false, nil, ErrForbidden},
		{"a command", auditor, "?scope=platform", "audit of March", true, nil, ErrScope},
		{"another scope", auditor, "?scope=tenant", "audit of March", false, nil, ErrScope},
		{"twice", auditor, "?scope=platform&scope=platform", "audit of March", false, nil, ErrScope},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := With(0, []Entry[int]{{Name: "q", Needs: domain.TenantRead, Writes: c.writes, Input: reflect.TypeFor[struct{}](), Output: reflect.TypeFor[[]string](),
				Call: func(_ context.Context, _ int, _ Bind, r Request) (Answer, error) {
					if c.query != "" && r.Scope.Reason != c.reason {
						t.Errorf("reason %q", r.Scope.Reason)
					}
					return Answer{Body: r.Scope.Paths}, nil
				}}})[0]
			r := Request{Caller: c.caller, Meta: domain.Meta{Reason: c.reason}}
			err := readScope(httptest.NewRequest("GET", "/"+c.query, nil), &r)
			var got Answer
			if err == nil {
				got, err = e.Call(t.Context(), func(any) error { return nil }, r)
			}
			if !errors.Is(err, c.err) {
				t.Fatalf("err = %v, want %v", err, c.err)
			}
			if c.err == nil && !cmp.Equal(got.Body, c.paths) {
				t.Errorf("sees %v, want %v", got.Body, c.paths)
			}
		})
	}
}

// A field that leads to other answers needs a permission of its own, as much across
// all tenants as within a scope.
func TestAPartOfALookAcrossNeedsItsOwnPermission(t *testing.T) {
	auditor := holder{domain.PlatformID, "platform", domain.PermissionsOf(domain.TenantRead, domain.PlatformReadAll)}
	reader := holder{domain.PlatformID, "platform", domain.PermissionsOf(domain.TenantRead)}
	for _, c := range []struct {
		name   string
		caller holder
		across bool
		needs  domain.Permission
		err    error
	}{
		{"what it holds", auditor, true, domain.TenantRead, nil},
		{"what it does not hold", auditor, true, domain.QuotaRead, ErrForbidden},
		{"what it does not hold, within its scope", auditor, false, domain.QuotaRead, ErrForbidden},
		{"without the right to look across", reader, true, domain.TenantRead, ErrForbidden},
		{"within its scope, without that right", reader, false, domain.TenantRead, nil},
		{"what nobody can hold", auditor, true, "no:such", ErrForbidden},
	} {
		s, err := Request{Caller: c.caller, Across: c.across}.ScopeFor(c.needs)
		if !errors.Is(err, c.err) || (err == nil) != (len(s.Paths) == 1) {
			t.Errorf("%s: %v, %v", c.name, s.Paths, err)
		}
	}
}
