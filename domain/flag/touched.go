package flag

import (
	"slices"
	"time"
)

// Touched are the flags that may come to something else at the place than they did as
// of an earlier position, at an earlier instant, in the order of their keys. There may
// be one too many among them, and none is missing.
func (v *View) Touched(since uint64, from time.Time) (keys []Key) {
	t := touch{View: v, since: since, from: from, found: map[*entry]bool{}}
	moved := slices.ContainsFunc(v.line[:], func(s *spot) bool { return s != nil && s.as(v.position).position() > since })
	for _, e := range *v.book.listed.Load() {
		if e.as(v.position) != nil && (moved || t.touched(e)) {
			keys = append(keys, e.key)
		}
	}
	return keys
}

// A touch is a search for flags that may have become others.
type touch struct {
	*View
	since uint64
	from  time.Time
	found map[*entry]bool
}

// touched looks at a flag and all that it depends on.
func (t *touch) touched(e *entry) bool {
	if known, seen := t.found[e]; seen {
		return known
	}
	t.found[e] = false // until more is known: what depends on itself is not found that way
	f := e.as(t.position)
	if f == nil {
		return false
	}
	t.found[e] = f.position > t.since ||
		slices.ContainsFunc(t.line[:], func(s *spot) bool { return s != nil && t.heard(t.book.says(s, e.number, t.position)) }) ||
		slices.ContainsFunc(f.Prerequisites, func(p Prerequisite) bool {
			other := t.book.flags.get(p.Flag)
			return other != nil && t.touched(other)
		})
	return t.found[e]
}

// heard reports whether what a node says is new, or has come to count or ceased to, or
// is said to others.
func (t *touch) heard(n saying) bool {
	if n.packed != 0 && n.position() > t.since {
		return true
	}
	if n.said == nil {
		return false
	}
	passed := func(at time.Time) bool { return at.After(t.from) && !at.After(t.in.At) }
	if slices.ContainsFunc(Breaks([]Layer{n.said.layer}), passed) {
		return true
	}
	return len(n.said.Rules) > 0 && slices.ContainsFunc(n.said.Segments(), func(k SegmentKey) bool {
		r := t.book.roll(k, t.position)
		return r != nil && r.position > t.since
	})
}
