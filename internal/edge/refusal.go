package edge

import (
	"cmp"
	"errors"
	"net/http"
	"net/netip"

	"github.com/go-chi/chi/v5"

	"github.com/reeve-platform/reeve/domain"
)

// A Refusal is that somebody was not let in, or not let do something, as it may be
// kept: nothing of it was written by the caller.
type Refusal struct {
	Err       error
	Actor     domain.Actor  // zero if not known; only claimed, if the credential is what was refused
	Home      domain.NodeID // that the actor is bound to; "" for none
	Node      domain.NodeID // that was asked about, if the actor may know of it
	Hidden    bool          // the node was kept from the actor, so the refusal is worded as its absence
	Source    netip.Addr
	Operation string // pattern of the route, or name of the entry
}

// RefusalOf is the refusal behind err; false if that is a failure of another sort,
// such as a thing that is really not there.
func RefusalOf(err error) (Refusal, bool) {
	d, _ := errors.AsType[denial](err)
	f := Refusal{Err: err, Node: d.node, Hidden: d.hidden}
	switch domain.KindOf(err) {
	case domain.Unauthenticated, domain.Forbidden:
		return f, true
	case domain.NotFound:
		return f, d.hidden
	case domain.Exhausted:
		return f, errors.Is(err, ErrRateLimited)
	}
	return f, false
}

// Report tells whoever wants to know ([Options.Refused]) of a refusal, with what is
// not said in it taken from the request. Surfaces that do not word their refusals
// with [Refuse] call it themselves.
func (f Refusal) Report(r *http.Request) {
	v := visitOf(r.Context())
	if v.refused == nil {
		return
	}
	if v.suspect != nil && f.Actor == (domain.Actor{}) {
		f.Actor, f.Home = v.suspect.Actor(), v.suspect.Tenant()
	}
	if f.Operation == "" {
		f.Operation = methodOf(r) + " " + routeOf(r)
	}
	f.Source = sourceAddr(r)
	v.refused(f)
}

// routeOf is the pattern that a request was routed by.
func routeOf(r *http.Request) string {
	if r.Pattern != "" { // what has served it may know better than who has passed it on
		return r.Pattern
	}
	if c := chi.RouteContext(r.Context()); c != nil {
		return cmp.Or(c.RoutePattern(), "none")
	}
	return "none"
}

// A denial is a refusal by the guard at one node. It reads like the error in it.
type denial struct {
	error
	node   domain.NodeID // "" if the caller must not learn of it
	hidden bool
}

// Unwrap gives what the caller is told.
func (d denial) Unwrap() error { return d.error }
