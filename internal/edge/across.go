package edge

import (
	"net/http"

	"github.com/reeve-platform/reeve/domain"
)

// Looking across all tenants is a right of its own. A read asks for it with
// scope=platform; it is refused to whoever is bound to less than the platform,
// it needs a reason, and it leaves a record with that reason.

var (
	// ErrReasonRequired: what the caller asks for is recorded with a reason, and
	// there is none.
	ErrReasonRequired = &domain.Error{Kind: domain.Invalid, Code: "reason-required", Detail: "say why in Reeve-Reason; it is recorded"}
	// ErrScope: there is no scope of that name.
	ErrScope = &domain.Error{Kind: domain.Malformed, Code: "invalid-scope", Detail: "scope can only be platform, and only of a query"}
)

// across lets a read of all tenants pass.
func (w wall) across(r Request) error {
	switch {
	case w.writes:
		return ErrScope
	case !r.mayLookAcross(w.needs):
		return ErrForbidden
	case r.Meta.Reason == "":
		return ErrReasonRequired
	}
	return nil
}

// mayLookAcross: it takes the permission of its own, and that of what is asked for,
// at the platform.
func (r Request) mayLookAcross(needs domain.Permissions) bool {
	return r.Caller.May(needs|domain.PermissionsOf(domain.PlatformReadAll), domain.PlatformID) == nil
}

func acrossScope(r Request) domain.Scope {
	return domain.Scope{Actor: r.Caller.Actor(), Paths: []string{string(domain.PlatformID)}, Reason: r.Meta.Reason}
}

// ScopeFor is what a part of a request may see that needs a permission of its
// own, such as a field that leads to other answers.
func (r Request) ScopeFor(needs domain.Permission) (domain.Scope, error) {
	if r.Across {
		if !needs.Known() || !r.mayLookAcross(domain.PermissionsOf(needs)) {
			return domain.Scope{}, ErrForbidden
		}
		return acrossScope(r), nil
	}
	s := r.Caller.Scope(domain.PermissionsOf(needs))
	if len(s.Paths) == 0 || !needs.Known() {
		return s, ErrForbidden
	}
	if s.Reason == "" {
		s.Reason = r.Meta.Reason
	}
	return s, nil
}

// ScopeOf is what the caller of a request may see by a permission, for wires that
// are no entries.
func ScopeOf(needs domain.Permission) func(*http.Request) (domain.Scope, error) {
	return func(r *http.Request) (domain.Scope, error) {
		c, err := CallerOf(r)
		if err != nil {
			return domain.Scope{}, err
		}
		return Request{Caller: c}.ScopeFor(needs)
	}
}

// readScope takes scope=platform from the query string, where every surface that
// is reached over HTTP has it.
func readScope(r *http.Request, call *Request) error {
	if r.URL.RawQuery == "" {
		return nil
	}
	said, ok := r.URL.Query()[scopeParameter]
	if !ok {
		return nil
	}
	if len(said) != 1 || said[0] != string(domain.PlatformID) {
		return ErrScope
	}
	call.Across = true
	return nil
}

const scopeParameter = "scope"
