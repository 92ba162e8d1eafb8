package flag

import (
	"cmp"
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// A Turn is a position from which on a flag may come to something else somewhere,
// and the node that the fact there is of: the platform for a definition or a segment.
type Turn struct {
	Position uint64
	Node     domain.NodeID
}

// Turns are all positions that are known now from which on a flag may come to
// something else at a node, for a user of it if one is named, in order. They are
// those of the facts about the flag and all that it ever depended on, about every
// node that the place ever hung under, of what these ever said about those flags, and
// about the segments that were named then. Error: ErrNotFound.
func (b *Book) Turns(k Key, node domain.NodeID, user domain.UserID) ([]Turn, error) {
	e := b.flags.get(k)
	if e == nil {
		return nil, ErrNotFound
	}
	t := trace{book: b, until: b.position.Load(), flags: map[*entry]bool{}, nodes: map[*spot]bool{}, segments: map[SegmentKey]bool{}}
	place := b.nodes.get(idOf(node))
	t.follow(place)
	if s := b.nodes.get(idOf(domain.NodeID(user))); s != nil && place != nil && s.livedAt(place) {
		t.follow(s)
	}
	t.define(e)
	for s := range t.nodes {
		t.hear(s)
	}
	for k := range t.segments {
		t.gather(k)
	}
	slices.SortFunc(t.turns, func(a, b Turn) int { return cmp.Compare(a.Position, b.Position) })
	return slices.CompactFunc(t.turns, func(a, b Turn) bool { return a.Position == b.Position }), nil
}

// A trace is a search for turns.
type trace struct {
	book     *Book
	until    uint64
	flags    map[*entry]bool
	nodes    map[*spot]bool
	segments map[SegmentKey]bool
	turns    []Turn
}

func (t *trace) turn(position uint64, node domain.NodeID) {
	if 0 < position && position <= t.until {
		t.turns = append(t.turns, Turn{position, node})
	}
}

// define follows a flag to all that it ever depended on.
func (t *trace) define(e *entry) {
	if e == nil || t.flags[e] {
		return
	}
	t.flags[e] = true
	for f := e.newest.Load(); f != nil; f = f.before {
		t.turn(f.position, domain.PlatformID)
		for _, p := range f.Prerequisites {
			t.define(t.book.flags.get(p.Flag))
		}
	}
}

// follow follows a node to all that it ever hung under.
func (t *trace) follow(s *spot) {
	if s == nil || t.nodes[s] {
		return
	}
	t.nodes[s] = true
	for l := s.newest.Load(); l != nil; l = l.before {
		t.turn(l.position(), nodeOf(s.id))
		t.follow(l.above)
	}
}

// livedAt reports whether a node ever hung under another.
func (s *spot) livedAt(home *spot) bool {
	for l := s.newest.Load(); l != nil; l = l.before {
		if l.above == home {
			return true
		}
	}
	return false
}

// hear finds what a node ever said about the flags.
func (t *trace) hear(s *spot) {
	node := nodeOf(s.id)
	for e := range t.flags {
		for _, m := range s.says.Load().about(e.number) {
			t.turn(m.position(), node)
			if m.words == 0 || m.position() > t.until {
				continue
			}
			for _, r := range t.book.words.of(m.words).Rules {
				for _, c := range r.When {
					t.segments[c.Segment] = true
				}
			}
		}
	}
}

func (t *trace) gather(k SegmentKey) {
	for r := t.book.segments.get(k); r != nil; r = r.before {
		t.turn(r.position, domain.PlatformID)
	}
}

// about are all versions of what is said about one flag.
func (all *versions) about(flag uint32) []mark {
	if all == nil {
		return nil
	}
	if all.many == nil {
		from, _ := slices.BinarySearchFunc(all.few, pack(flag, 0), func(m mark, p uint64) int { return cmp.Compare(m.packed(), p) })
		to, _ := slices.BinarySearchFunc(all.few, pack(flag+1, 0), func(m mark, p uint64) int { return cmp.Compare(m.packed(), p) })
		return all.few[from:to]
	}
	return all.many.of(flag)
}

// Span is what a flag comes to, and the time around the instant of the view in which
// it comes to that unless something happens. The position is that of the fact that
// decided. Error: ErrNotFound.
func (v *View) Span(k Key) (Flag, Span, uint64, error) {
	e, f, err := v.find(k)
	if err != nil {
		return Flag{}, Span{}, 0, err
	}
	in := v.in
	in.Prerequisites, in.Breaks = v.prerequisite, v.breaks(e, map[*entry]bool{})
	for _, s := range Timeline(f.Flag, in, v.layers(e)...) {
		if !in.At.Before(s.From) && (s.Until.IsZero() || in.At.Before(s.Until)) {
			return f.Flag, s, v.decided(f, &s.Evaluation), nil
		}
	}
	return Flag{}, Span{}, 0, ErrNotFound
}

// breaks are the instants at which a flag may come to something else by itself.
func (v *View) breaks(e *entry, seen map[*entry]bool) (all []time.Time) {
	f := e.as(v.position)
	if f == nil || seen[e] {
		return nil
	}
	seen[e] = true
	all = Breaks(v.layers(e))
	for _, p := range f.Prerequisites {
		if other := v.book.flags.get(p.Flag); other != nil {
			all = append(all, v.breaks(other, seen)...)
		}
	}
	return all
}

// Whose is the node of the fact that an answer rests on, by the answer's cause and
// the node that decided.
func (v *View) Whose(c Cause, decider domain.NodeID) domain.NodeID {
	switch {
	case c == NotActive && v.shuts != nil && v.shuts.level > 0:
		return v.Above(levels[v.shuts.level])
	case c == ByOverride || c == ByLock:
		return decider
	}
	return domain.PlatformID
}
