package flag

import (
	"hash/maphash"
	"sync/atomic"
)

// A mention is how a segment names somebody: not at all, or as one or both of these.
type mention uint8

const (
	included mention = 1 << iota
	excluded
)

// Members are all whom a segment names or ever named.
type members struct{ *register[string, member] }

// A member is one of them, with all mentions that there ever were.
type member struct {
	key    string
	newest atomic.Pointer[mentioned]
	next   mention // what the writer has read so far
}

// A mentioned is how somebody is named from a position on.
type mentioned struct {
	position uint64
	mention  mention
	before   *mentioned
}

func newMembers() members {
	return members{newRegister(func(k string) uint64 { return maphash.String(seed, k) }, func(m *member) string { return m.key })}
}

// until is a copy of the members as they were at a position, to name others in.
func (all members) until(position uint64) members {
	next := newMembers()
	for s := range all.each {
		m := s.newest.Load()
		for m != nil && m.position > position {
			m = m.before
		}
		if m != nil {
			next.set(s.key, func(c *member) {
				c.key = s.key
				c.newest.Store(m)
			})
		}
	}
	return next
}

// name learns whom a segment names from a position on.
func (all members) name(m *Membership, position uint64) {
	all.read(m.Included, included)
	all.read(m.Excluded, excluded)
	for s := range all.each {
		before := s.newest.Load()
		if before == nil || before.mention != s.next {
			s.newest.Store(&mentioned{position, s.next, before})
		}
		s.next = 0
	}
}

func (all members) read(keys []string, as mention) {
	for _, k := range keys {
		s := all.get(k)
		if s == nil {
			s = all.set(k, func(m *member) { m.key = k })
		}
		s.next |= as
	}
}

// at tells how anybody is named as of a position.
func (all members) at(position uint64) func(string) mention {
	return func(k string) mention {
		s := all.get(k)
		if s == nil {
			return 0
		}
		m := s.newest.Load()
		for m != nil && m.position > position {
			m = m.before
		}
		if m == nil {
			return 0
		}
		return m.mention
	}
}
