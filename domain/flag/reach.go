package flag

import (
	"bytes"
	"cmp"
	"iter"
	"slices"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// A reach is what facts can make a difference to, at most: flags at nodes and
// whatever hangs below them.
type reach struct {
	before, after *Book
	at            uint64 // position that both are looked at as of
	everywhere    bool
	nodes         map[uuid.UUID]bool // if not everywhere
	everything    bool
	flags         map[Key]bool // if not everything
}

func reachOf(before, after *Book, facts []domain.Event) *reach {
	r := &reach{before: before, after: after, at: after.Position(), nodes: map[uuid.UUID]bool{}, flags: map[Key]bool{}}
	for _, e := range facts {
		r.touch(e)
	}
	r.depend()
	return r
}

func (r *reach) touch(e domain.Event) {
	if p, ok := e.(domain.Placed); ok {
		node, _, _ := p.Placed()
		r.nodes[idOf(node)], r.everything = true, true
	}
	if s, ok := e.(domain.Stands); ok {
		node, _ := s.Stands()
		r.nodes[idOf(node)], r.everything = true, true
	}
	switch e := e.(type) {
	case interface{ Said() Saying }:
		s := e.Said()
		r.nodes[idOf(s.Node)], r.flags[s.Flag] = true, true
	case Cleared:
		r.nodes[idOf(e.Node)], r.flags[e.Flag] = true, true
	case Locked:
		r.nodes[idOf(e.Node)], r.flags[e.Flag] = true, true
	case Unlocked:
		r.nodes[idOf(e.Node)], r.flags[e.Flag] = true, true
	case PrerequisitesSet:
		r.everywhere, r.flags[e.Flag] = true, true
	case SegmentDefined:
		r.belong(e.Segment)
	case SegmentUpdated:
		r.belong(e.Segment)
	case SegmentRetired:
		r.belong(e.Segment)
	case interface{ flag() Key }:
		r.everywhere, r.flags[e.flag()] = true, true
	}
}

// belong adds whatever some node says, before or after, about members of a segment.
func (r *reach) belong(k SegmentKey) {
	for _, b := range []*Book{r.before, r.after} {
		for s := range b.nodes.each {
			for m := range s.says.Load().as(r.at) {
				if slices.Contains(b.words.of(m.words).Segments(), k) {
					r.nodes[s.id], r.flags[r.key(m.flag())] = true, true
				}
			}
		}
	}
}

// key is the flag that has a number.
func (r *reach) key(number uint32) Key {
	for _, e := range *r.after.listed.Load() {
		if e.number == number {
			return e.key
		}
	}
	return ""
}

// depend adds the flags that depend, before or after, on those that are in reach.
func (r *reach) depend() {
	for more := true; more; {
		more = false
		for _, b := range []*Book{r.before, r.after} {
			for _, e := range *b.listed.Load() {
				if f := e.as(r.at); f != nil && !r.flags[e.key] && slices.ContainsFunc(f.Prerequisites, func(p Prerequisite) bool { return r.flags[p.Flag] }) {
					r.flags[e.key], more = true, true
				}
			}
		}
	}
}

// keys are the flags in reach, in order.
func (r *reach) keys() (keys []Key) {
	for _, b := range []*Book{r.before, r.after} {
		for _, e := range *b.listed.Load() {
			if (r.everything || r.flags[e.key]) && e.as(r.at) != nil {
				keys = append(keys, e.key)
			}
		}
	}
	slices.SortFunc(keys, cmp.Compare[Key])
	return slices.Compact(keys)
}

// spots are all nodes, as they would be.
func (r *reach) spots() iter.Seq[*spot] {
	return func(yield func(*spot) bool) {
		for s := range r.after.nodes.each {
			if !yield(s) {
				return
			}
		}
		for s := range r.before.nodes.each {
			if r.after.nodes.own(s.id) == nil && !yield(s) {
				return
			}
		}
	}
}

// ordered are the nodes in reach, from the platform down.
func (r *reach) ordered() []*spot {
	type placed struct {
		depth int
		*spot
	}
	var all []placed
	for s := range r.spots() {
		if r.everywhere || r.under(r.before, s.id) || r.under(r.after, s.id) {
			all = append(all, placed{r.depth(s), s})
		}
	}
	slices.SortFunc(all, func(a, b placed) int { return cmp.Or(a.depth-b.depth, bytes.Compare(a.id[:], b.id[:])) })
	nodes := make([]*spot, len(all))
	for i := range all {
		nodes[i] = all[i].spot
	}
	return nodes
}

// depth is the rung that a node would be on, or else was on.
func (r *reach) depth(s *spot) int {
	for _, b := range []*Book{r.after, r.before} {
		if l := b.lifted(s).as(r.at); l != nil && l.level > 0 {
			return levels[l.level].Depth()
		}
	}
	return 0
}

// under reports whether in a book a node is in reach or hangs below one that is.
func (r *reach) under(b *Book, id uuid.UUID) bool {
	s := b.nodes.get(id)
	for range deepest {
		if s == nil || r.nodes[s.id] {
			return s != nil
		}
		l := s.as(r.at)
		if l == nil {
			return false
		}
		s = b.lifted(l.above)
	}
	return false
}

// passes reports whether a line leads through a node in reach.
func (r *reach) passes(v *View) bool {
	return r.everywhere || slices.ContainsFunc(v.line[:], func(s *spot) bool { return s != nil && r.nodes[s.id] })
}

// as are the versions that count at a position and say something, one for each flag.
func (all *versions) as(position uint64) iter.Seq[mark] {
	return func(yield func(mark) bool) {
		if all == nil {
			return
		}
		every := [][]mark{all.few}
		if all.many != nil {
			for _, list := range all.many.each {
				every = append(every, list)
			}
		}
		for _, list := range every {
			for i, n := range list {
				if n.words == 0 || n.position() > position || i+1 < len(list) && list[i+1].flag() == n.flag() && list[i+1].position() <= position {
					continue
				}
				if !yield(n) {
					return
				}
			}
		}
	}
}
