package flag

import (
	"hash/maphash"

	"github.com/reeve-platform/reeve/domain"
)

// A roll is who belongs to a segment from a position on. All rolls of a segment share
// its members, and the groups that are the same: an update costs what it changes.
type roll struct {
	key      SegmentKey
	position uint64
	segment  Segment // without its membership
	members  members
	groups   []*group
	audience *Audience
	before   *roll
}

func newRolls() *register[SegmentKey, roll] {
	return newRegister(func(k SegmentKey) uint64 { return maphash.String(seed, string(k)) }, func(r *roll) SegmentKey { return r.key })
}

// gather learns who belongs to a segment from now on.
func (b *Book) gather(r domain.Recorded) {
	switch e := r.Event.(type) {
	case SegmentDefined:
		b.enroll(e.Segment, r, &e.Membership)
	case SegmentUpdated:
		b.enroll(e.Segment, r, &e.After)
	case SegmentRetired:
		b.enroll(e.Segment, r, nil)
	}
}

// enroll adds a roll to a segment. Without a membership that stays as it was.
func (b *Book) enroll(k SegmentKey, r domain.Recorded, m *Membership) {
	next := roll{key: k, position: r.Position}
	if before := b.roll(k, r.Position); before != nil {
		next.before, next.segment, next.members, next.groups = before, before.segment, before.members, before.groups
	} else {
		next.members = newMembers()
	}
	next.segment = next.segment.Evolve(r.Event)
	next.segment.Membership = Membership{}
	if m != nil {
		if b.drafted() {
			next.members = next.members.until(r.Position)
		}
		next.members.name(m, r.Position)
		next.groups = groupsOf(m.Any, next.groups)
	}
	if next.segment.stands() {
		next.audience = &Audience{named: next.members.at(r.Position), any: next.groups}
	}
	b.segments.set(k, func(r *roll) { *r = next })
}

// audiences tells who belonged to segments at a position.
func (b *Book) audiences(position uint64) func(SegmentKey) *Audience {
	if b.segments.empty() {
		return nil
	}
	return func(k SegmentKey) *Audience {
		r := b.roll(k, position)
		if r == nil {
			return nil
		}
		return r.audience
	}
}

// roll is who belonged to a segment at a position, nil if there was none.
func (b *Book) roll(k SegmentKey, position uint64) *roll {
	r := b.segments.get(k)
	for r != nil && r.position > position {
		r = r.before
	}
	return r
}
