package auth

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/internal/edge"
)

// A Guard stands at the only door: it joins who somebody is, by credential, with
// what that one may do at this moment, by the log. Every surface asks it.
type Guard struct {
	verifier *Verifier
	model    *access.Model
	mirror   *Mirror
	now      func() time.Time
}

// NewGuard lets in whom the verifier knows and the model lets do anything. Both
// have to be models of the mirror.
func NewGuard(v *Verifier, m *access.Model, mirror *Mirror) *Guard {
	return &Guard{verifier: v, model: m, mirror: mirror, now: v.o.Now}
}

var (
	// ErrSuspended: the caller's own node, or one above it, must not be used for the
	// time being; or the user is not, or no longer, active.
	ErrSuspended = &domain.Error{Kind: domain.Forbidden, Code: "access-suspended", Detail: "access is suspended where the caller belongs"}
	// ErrHeldElsewhere: the client or key is known to people of an integrator that its
	// tenant has left.
	ErrHeldElsewhere = &domain.Error{Kind: domain.Forbidden, Code: "credential-held-elsewhere", Detail: "the credential was made, or renewed, by an integrator that the tenant has left; the tenant must make another one"}
	// ErrScope: the token was not given out for this, whatever its holder may do.
	ErrScope = &domain.Error{Kind: domain.Forbidden, Code: "insufficient-scope", Detail: "the access token lacks the scope for this"}
)

// Admit finds out who makes a request and whether that one may use anything now.
// With an error comes whom the credential names, if it names anybody.
func (g *Guard) Admit(r *http.Request) (edge.Caller, error) {
	if err := g.mirror.Err(); err != nil {
		return nil, err
	}
	p, err := g.verifier.Authenticate(r)
	if err != nil {
		if c, ok := errors.AsType[claimed](err); ok {
			return caller{g, c.by}, err
		}
		return nil, err
	}
	return caller{g, p}, g.usable(p)
}

// Caller is a principal as one who makes a request.
func (g *Guard) Caller(p Principal) edge.Caller { return caller{g, p} }

// Challenge is the WWW-Authenticate header of an answer to somebody who is not
// known.
func (g *Guard) Challenge(err error) string { return Challenge(err) }

// Usable refuses whoever belongs to a node that must not be used, and credentials
// that an integrator holds whose tenant has left. It is the one place where that is
// decided, for tokens that are asked for and for those that are used. The platform
// itself cannot be suspended.
func (g *Guard) Usable(p Principal) error {
	if err := g.mirror.Err(); err != nil {
		return err
	}
	return g.usable(p)
}

func (g *Guard) usable(p Principal) error {
	home := p.Node
	if p.Type == User {
		home = domain.NodeID(p.ID)
	} else if g.model.HeldElsewhere(p.ID, g.now()) {
		return ErrHeldElsewhere
	}
	switch g.model.Standing(home) {
	case domain.Usable:
		return nil
	case domain.Pending: // what is configured before its first use; a user who has not accepted yet is nobody
		if p.Type == Service || g.model.Own(home) == domain.Usable {
			return nil
		}
	}
	return ErrSuspended
}

// ByKey reports whether a caller came in with an API key.
func ByKey(c edge.Caller) bool {
	known, ok := c.(caller)
	return ok && known.p.Key
}

// A caller is a principal at one request.
type caller struct {
	guard *Guard
	p     Principal
}

// Actor is who the facts that come of the request are recorded as the work of.
func (c caller) Actor() domain.Actor { return domain.Actor{ID: c.p.ID, Type: c.p.Type} }

// Tenant is the node that the credential is bound to; none if that is the platform.
func (c caller) Tenant() domain.NodeID {
	if c.p.Node != domain.PlatformID {
		return c.p.Node
	}
	if c.p.Type != User {
		return ""
	}
	path, _ := c.guard.model.Path(domain.NodeID(c.p.ID))
	steps := strings.Split(path, "/")
	if len(steps) < 3 {
		return ""
	}
	return domain.NodeID(steps[len(steps)-2]) // the home
}

// Integrator is the second step on the way from the platform to that node.
func (c caller) Integrator() domain.NodeID {
	path, _ := c.guard.model.Path(c.Tenant())
	if steps := strings.Split(path, "/"); len(steps) > 1 {
		return domain.NodeID(steps[1])
	}
	return ""
}

// May decides. The credential sets the outer bound, the log the inner one. Without
// a node the question is why the permissions are held nowhere.
func (c caller) May(all domain.Permissions, at domain.NodeID) error {
	switch {
	case at == "" && c.p.Scopes.Has(all):
		return edge.ErrForbidden
	case at == "":
		return ErrScope
	case !c.bound(at):
		return domain.ErrNodeNotFound
	}
	switch v := c.guard.model.Decide(c.p.ID, all, at, c.guard.now()); {
	case v == access.Unseen:
		return domain.ErrNodeNotFound
	case v == access.Forbidden:
		return edge.ErrForbidden
	case !c.p.Scopes.Has(all):
		return ErrScope
	}
	return nil
}

// bound reports whether a node is the one that the credential is good at, or lies
// below it. What is registered at a node is looked at by the model.
func (c caller) bound(at domain.NodeID) bool {
	if c.p.Type == Service || c.p.Node == domain.PlatformID || c.p.Node == at {
		return true
	}
	path, ok := c.guard.model.Path(at)
	return ok && within(path, string(c.p.Node))
}

func within(path, node string) bool {
	for step := range strings.SplitSeq(path, "/") {
		if step == node {
			return true
		}
	}
	return false
}

// Scope is where the permissions are held, and no further than the credential is
// good.
func (c caller) Scope(all domain.Permissions) domain.Scope {
	s := domain.Scope{Actor: c.Actor()}
	if !c.p.Scopes.Has(all) {
		return s
	}
	s.Paths = c.guard.model.Scope(c.p.ID, all, c.guard.now())
	if c.p.Type == User && c.p.Node != domain.PlatformID {
		s.Paths = c.narrowed(s.Paths)
	}
	return s
}

// narrowed is what paths and the bound node have in common.
func (c caller) narrowed(paths []string) (out []string) {
	bound, ok := c.guard.model.Path(c.p.Node)
	if !ok {
		return nil
	}
	if (domain.Scope{Paths: paths}).Covers(bound) {
		return []string{bound}
	}
	for _, p := range paths {
		if (domain.Scope{Paths: []string{bound}}).Covers(p) {
			out = append(out, p)
		}
	}
	return out
}
