package flag

import (
	"maps"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// A requirement is how many approvals a node asks for.
type requirement struct {
	approvals int
	below     bool // and all nodes below it do
}

// require learns how many approvals a node asks for. There are few such nodes.
func (b *Book) require(e domain.Requires) {
	node, approvals, below := e.Requires()
	next := map[uuid.UUID]requirement{}
	if known := b.required.Load(); known != nil {
		next = maps.Clone(*known)
	}
	next[idOf(node)] = requirement{approvals, below}
	b.required.Store(&next)
}

// Approvals is how many approvals a node asks for by now before flags are changed at
// it: its own number, or that of a node above which asks for more at all below it. A
// user has its home's.
func (b *Book) Approvals(node domain.NodeID) (most int) {
	known := b.required.Load()
	if known == nil {
		return 0
	}
	most = (*known)[idOf(node)].approvals
	s := b.nodes.get(idOf(node))
	if l := newestOf(s); l != nil && levels[l.level] == domain.UserLevel && l.above != nil {
		s = l.above
		most = (*known)[s.id].approvals
	}
	for range deepest {
		l := newestOf(s)
		if l == nil || l.above == nil {
			break
		}
		s = l.above
		if r := (*known)[s.id]; r.below {
			most = max(most, r.approvals)
		}
	}
	return most
}

// deepest is how many nodes are above one another.
const deepest = 4

func newestOf(s *spot) *link {
	if s == nil {
		return nil
	}
	return s.newest.Load()
}
