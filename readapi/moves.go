package readapi

import (
	"context"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
)

// move tells of a node that the reader does not see any more, or that hangs or stands
// otherwise from then on.
func (to *reader) move(e domain.Recorded) bool {
	if n, ok := to.gone(e); ok {
		return to.tell("NodeGone", n)
	}
	if n, ok := to.moved(e); ok {
		return to.tell("NodeChanged", n)
	}
	return true
}

// about is the node of which a fact says how it hangs or stands; none if it says nothing
// of that, or the reader asked about flags only.
func (to *reader) about(e domain.Recorded) (n domain.NodeID) {
	if len(to.flags) > 0 {
		return ""
	}
	switch fact := e.Event.(type) {
	case domain.Placed:
		n, _, _ = fact.Placed()
	case domain.Stands:
		n, _ = fact.Stands()
	}
	return n
}

// moved is what a fact says of how a node hangs and stands from then on. Users are no
// nodes that a feed tells of.
func (to *reader) moved(e domain.Recorded) (n NodeChange, ok bool) {
	n.Node = to.about(e)
	path, known := to.Source.Access.Path(n.Node)
	if n.Node == "" || !known || !to.scope.Covers(path) || !to.below(path) {
		return n, false
	}
	v, err := to.Source.Flags.Look(flag.Question{Node: n.Node, Position: e.Position})
	if err != nil || v.Level() == domain.UserLevel {
		return n, false
	}
	n.Position, n.At, n.Standing, n.Level = e.Position, e.Meta.At, v.Standing(), v.Level()
	switch n.Level {
	case domain.TenantLevel:
		if above := v.Above(domain.IntegratorLevel); path == inTenant(above, n.Node) || to.scope.Covers(inTenant(above, n.Node)) {
			n.Parent = above // and not one that it has left since, which may be none of the reader's business
		}
	case domain.IntegratorLevel:
		n.Parent = domain.PlatformID
	}
	return n, true
}

// inTenant is the path of a tenant under an integrator.
func inTenant(above, n domain.NodeID) string {
	p := flag.Place{Owner: domain.Owner{Integrator: domain.IntegratorID(above), Tenant: domain.TenantID(n)}}
	return p.Path()
}

// gone is a node that a fact has taken away from below what the reader may see.
func (to *reader) gone(e domain.Recorded) (n NodeGone, ok bool) {
	n = NodeGone{e.Position, to.about(e), e.Meta.At}
	if n.Node == "" || e.Position < 2 { // a question as of 0 is one about now
		return n, false
	}
	was, err := to.Source.Flags.Look(flag.Question{Node: n.Node, Position: e.Position - 1})
	is, gone := to.Source.Flags.Look(flag.Question{Node: n.Node, Position: e.Position})
	if err != nil || gone != nil || was.Level() != domain.TenantLevel {
		return n, false
	}
	before, after := was.Above(domain.IntegratorLevel), is.Above(domain.IntegratorLevel)
	seen := func(above domain.NodeID) bool {
		watched := to.node == "" || to.node == n.Node || to.node == above || to.node == domain.PlatformID
		return watched && to.scope.Covers(inTenant(above, n.Node))
	}
	return n, before != after && seen(before) && !seen(after)
}

// parts tells whoever may not read on, because the node that it reads about has gone
// elsewhere, that it has.
func (to *reader) parts(ctx context.Context, e domain.Recorded) bool {
	if err := to.Room.Err; err != nil && err() != nil || to.node == "" || to.Source.awaitBook(ctx, e.Position) != nil {
		return false
	}
	if n, ok := to.gone(e); ok && to.tell("NodeGone", n) {
		to.id(e.Position)
	}
	return false
}
