package access

import (
	"math"
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// A knower is a node whose people know what a client or a key proves itself by:
// they have registered it, or told it anew. It counts only as long as all of them
// belong to a node on the way up from where it is registered. So a tenant that goes
// to another integrator leaves behind what the first one holds, and takes along what
// its own people or the platform's hold.
type knower struct {
	node  uint32
	until int64 // in Unix milliseconds, exclusive; what they know is worth nothing afterwards
}

// behind lists the nodes that stand behind whoever recorded an event: the home of a
// user; where a client is registered, and those who knew at that moment what it
// proves itself by, for they may have been the ones. Nobody stands behind the
// system, and behind an actor that is not known here.
func (s *snapshot) behind(m domain.Meta) (nodes []uint32) {
	p, ok := s.principals.get(m.Actor.ID)
	switch {
	case !ok:
		return nil
	case p.node != none:
		return []uint32{s.tree.at(p.node).parent}
	}
	nodes = []uint32{p.at}
	for _, k := range p.knowers {
		if m.At.UnixMilli() < k.until {
			nodes = append(nodes, k.node)
		}
	}
	return nodes
}

// known is a list of knowers with some more. The platform and the node itself are
// always on the way up, and need not be remembered.
func (s *snapshot) known(before []knower, at uint32, nodes []uint32) []knower {
	for _, n := range nodes {
		if n == none || n == at || s.tree.at(n).level == onTop {
			continue
		}
		before = slices.DeleteFunc(before, func(k knower) bool { return k.node == n })
		before = append(before, knower{n, math.MaxInt64})
	}
	return before
}

// rearm takes note of who has told a client or a key anew, and of when what others
// know is worth nothing any more.
func (s *snapshot) rearm(who string, before time.Time, m domain.Meta) {
	if !s.registered(who) {
		return
	}
	behind := s.behind(m)
	s.change(who, func(p *principal) {
		var still []knower
		for _, k := range p.knowers {
			k.until = min(k.until, before.UnixMilli())
			if m.At.UnixMilli() < k.until {
				still = append(still, k)
			}
		}
		p.knowers = s.known(still, p.at, behind)
	})
}

// outsider is a node whose people know what a principal proves itself by, and that
// is not on the way up from a step of a route; none if there is none.
func (p *principal) outsider(r *route, step int, now int64) uint32 {
	for _, k := range p.knowers {
		if now < k.until && r.find(k.node) < step {
			return k.node
		}
	}
	return none
}
