package flag

import (
	"maps"
	"strings"

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
	b.ask(node, requirement{approvals, below})
}

// doubt notes that what a node asks for cannot be known any more: no less than it did,
// and one approval at least, there and below.
func (b *Book) doubt(s domain.StreamID) {
	category, node, _ := strings.Cut(string(s), "-")
	if category != "approvals" {
		return
	}
	least := 1
	if known := b.required.Load(); known != nil {
		least = max(least, (*known)[idOf(domain.NodeID(node))].approvals)
	}
	b.ask(domain.NodeID(node), requirement{least, true})
}

func (b *Book) ask(node domain.NodeID, r requirement) {
	next := map[uuid.UUID]requirement{}
	if known := b.required.Load(); known != nil {
		next = maps.Clone(*known)
	}
	next[idOf(node)] = r
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
