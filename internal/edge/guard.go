package edge

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"reflect"
	"sync"

	"github.com/reeve-platform/reeve/domain"
)

// A Guard knows who makes a request. It refuses whoever it does not know, and
// whoever must not use anything for the time being.
type Guard interface {
	// Admit may say together with an error whom the credential names; such a caller
	// is reported and may do nothing.
	Admit(*http.Request) (Caller, error)
}

// A Caller is who makes a request, and what that one may do at this moment.
type Caller interface {
	Actor() domain.Actor
	// Tenant is the node that the caller is bound to, and whose share of our time
	// it takes; "" if it is bound to none.
	Tenant() domain.NodeID
	// Integrator is the node of the integrator that Tenant is or hangs under; "" if
	// it is bound to none.
	Integrator() domain.NodeID
	// May returns nil if all of the permissions are held at the node, ErrForbidden
	// if the caller may know of the node and does not hold them all, and
	// domain.ErrNodeNotFound if it must not learn whether there is such a node.
	// Asked about no node, it says why the permissions are held nowhere.
	May(all domain.Permissions, at domain.NodeID) error
	// Scope is where the permissions are held.
	Scope(all domain.Permissions) domain.Scope
	// MayGive refuses an input that would give away, at these nodes, what the caller
	// does not hold there for as long as the gift lasts. It gets a pointer to the
	// input, and may tell it what was looked at, for its rule to hold to.
	MayGive(input any, at []domain.NodeID) error
	// Knows reports whether there is such a node at all. It is never told to the
	// caller.
	Knows(domain.NodeID) bool
}

var (
	// ErrUnauthenticated: the request comes without credentials.
	ErrUnauthenticated = &domain.Error{Kind: domain.Unauthenticated, Code: "unauthenticated", Detail: "this needs an access token or an API key"}
	// ErrChosenID: whoever may choose ids learns which ones are taken, wherever.
	ErrChosenID = &domain.Error{Kind: domain.Forbidden, Code: "id-not-chosen-here", Detail: "only who may do this on the whole platform may choose the id; leave it out"}
	// ErrForbidden: the caller lacks a permission.
	ErrForbidden = &domain.Error{Kind: domain.Forbidden, Code: "forbidden", Detail: "the caller lacks the permission for this"}
)

// CallerOf is who makes a request, asked of the guard once. It fails with
// ErrRateLimited when that one asks too much. What is then done for it takes room;
// see [Enter]. Requests that did not come in through [REST] are nobody's.
func CallerOf(r *http.Request) (Caller, error) {
	v := visitOf(r.Context())
	v.admission.Do(func() { v.caller, v.denied = v.admit(r) })
	return v.caller, v.denied
}

// challenge says how to become known (RFC 9110 section 11.6.1): in the guard's own
// words, if it has any.
func (v *visit) challenge(err error) string {
	if g, ok := v.guard.(interface{ Challenge(error) string }); ok {
		return g.Challenge(err)
	}
	return "Bearer"
}

func (v *visit) admit(r *http.Request) (Caller, error) {
	var c Caller
	var err error = ErrUnauthenticated
	if v.guard != nil {
		c, err = v.guard.Admit(r)
	}
	v.suspect = c
	if err != nil && v.toll.untold {
		v.toll.strange(v.header)
	}
	if domain.KindOf(err) == domain.Unauthenticated {
		v.toll.owe(refusedPrice)
	}
	if err != nil {
		return nil, err
	}
	if err := v.toll.bill(v.header, c); err != nil {
		return nil, err
	}
	return c, nil
}

// An Addressed input names the nodes it is about itself, where its members of
// the types of ids are not the whole truth.
type Addressed interface{ Nodes() []domain.NodeID }

// A Newcomer is an input about a node that need not be known yet. If it is, the
// caller must be allowed to do this there, too.
type Newcomer interface{ Newcomer() domain.NodeID }

// A Conferring input gives permissions away. A caller can only give what it has.
type Conferring interface{ Confers() domain.Permissions }

// A wall stands before an entry.
type wall struct {
	needs  domain.Permissions
	writes bool
}

func wallOf(name string, needs domain.Permission, writes bool) wall {
	if !needs.Known() {
		panic(fmt.Sprintf("entry %s needs %q, which is no permission", name, needs))
	}
	return wall{domain.PermissionsOf(needs), writes}
}

// guarded calls on behalf of those who may, and tells the others before anything
// is read for them.
func guarded(w wall, call func(context.Context, Bind, Request) (Answer, error)) func(context.Context, Bind, Request) (Answer, error) {
	return func(ctx context.Context, bind Bind, r Request) (Answer, error) {
		if r.Caller == nil {
			return Answer{}, ErrUnauthenticated
		}
		leave, err := Enter(ctx)
		if err != nil {
			return Answer{}, err
		}
		defer leave()
		if r.Across {
			r.Scope = acrossScope(r)
			if err := w.across(r); err != nil {
				return Answer{}, err
			}
			return call(ctx, bind, r)
		}
		r.Scope = r.Caller.Scope(w.needs)
		r.Scope.Reason = r.Meta.Reason
		if len(r.Scope.Paths) == 0 {
			return Answer{}, r.Caller.May(w.needs, "")
		}
		return call(ctx, w.before(r.Caller, bind), r)
	}
}

// before binds the input and lets it pass if the caller may do this at every node
// that it names. A command that names none is about the platform; a query that
// names none is answered within the caller's scope.
func (w wall) before(c Caller, bind Bind) Bind {
	return func(dst any) error {
		if err := bind(dst); err != nil {
			return err
		}
		all, named := w.needs, []domain.NodeID(nil)
		input := reflect.ValueOf(dst).Elem().Interface()
		if chosen(input) != "" && c.May(all, domain.PlatformID) != nil {
			return ErrChosenID
		}
		for at := range addresses(dst) {
			named = append(named, at.node)
			if err := at.judge(c.May(all, at.node)); err != nil {
				return err
			}
		}
		if n, ok := input.(Newcomer); ok && c.Knows(n.Newcomer()) {
			named = append(named, n.Newcomer())
			if err := (address{n.Newcomer(), domain.ErrNodeNotFound}).judge(c.May(all, n.Newcomer())); err != nil {
				return err
			}
		}
		if named == nil && w.writes {
			if err := (address{domain.PlatformID, domain.ErrNodeNotFound}).judge(c.May(all, domain.PlatformID)); err != nil {
				return err
			}
			named = []domain.NodeID{domain.PlatformID}
		}
		return c.MayGive(dst, named)
	}
}

// chosen is the id that an input has for what it will bring into being.
func chosen(input any) string {
	if c, ok := input.(interface{ Chosen() string }); ok {
		return c.Chosen()
	}
	return ""
}

// An address is a node that an input names, and what is answered when there is
// none of that name.
type address struct {
	node   domain.NodeID
	absent *domain.Error
}

// judge words a refusal as the absence of what was named, if the caller must not
// learn of it.
func (a address) judge(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, domain.ErrNodeNotFound):
		return denial{a.absent, "", true}
	}
	return denial{err, a.node, false}
}

// addresses are the nodes that an input names.
func addresses(dst any) iter.Seq[address] {
	return func(yield func(address) bool) {
		input := reflect.ValueOf(dst).Elem()
		created := chosen(input.Interface()) // is not there yet
		if a, ok := input.Interface().(Addressed); ok {
			for _, node := range a.Nodes() {
				if !yield(address{node, domain.ErrNodeNotFound}) {
					return
				}
			}
			return
		}
		for _, m := range membersOf(input.Type()) {
			if id := input.FieldByIndex(m.index).String(); id != "" && id != created && !yield(address{domain.NodeID(id), m.absent}) {
				return
			}
		}
	}
}

// NodesOf are the nodes that an input is about, given a pointer to it: the platform if
// it names none.
func NodesOf(dst any) (nodes []domain.NodeID) {
	for at := range addresses(dst) {
		nodes = append(nodes, at.node)
	}
	if nodes == nil {
		nodes = []domain.NodeID{domain.PlatformID}
	}
	return nodes
}

// A nodeMember is a member of an input that names a node.
type nodeMember struct {
	index  []int
	absent *domain.Error
}

// absences are the types of ids that name nodes.
var absences = map[reflect.Type]*domain.Error{
	reflect.TypeFor[domain.NodeID]():       domain.ErrNodeNotFound,
	reflect.TypeFor[domain.IntegratorID](): domain.ErrIntegratorNotFound,
	reflect.TypeFor[domain.TenantID]():     domain.ErrTenantNotFound,
	reflect.TypeFor[domain.UserID]():       domain.ErrUserNotFound,
}

var nodeMembers sync.Map // of []nodeMember, by type

// membersOf finds the members of an input that name nodes.
func membersOf(t reflect.Type) []nodeMember {
	if found, ok := nodeMembers.Load(t); ok {
		return found.([]nodeMember)
	}
	var list []nodeMember
	for _, f := range reflect.VisibleFields(t) {
		if absent, ok := absences[f.Type]; ok && f.IsExported() {
			list = append(list, nodeMember{f.Index, absent})
		}
	}
	nodeMembers.Store(t, list)
	return list
}
