package flag

import (
	"hash/maphash"

	"github.com/reeve-platform/reeve/domain"
)

// A roll is who belongs to a segment from a position on.
type roll struct {
	key      SegmentKey
	position uint64
	segment  Segment
	audience *Audience
	before   *roll
}

func newRolls() *register[SegmentKey, roll] {
	return newRegister(func(k SegmentKey) uint64 { return maphash.String(seed, string(k)) }, func(r *roll) SegmentKey { return r.key })
}

// gather learns who belongs to a segment from now on.
func (b *Book) gather(r domain.Recorded) {
	var k SegmentKey
	switch e := r.Event.(type) {
	case SegmentDefined:
		k = e.Segment
	case SegmentUpdated:
		k = e.Segment
	case SegmentRetired:
		k = e.Segment
	default:
		return
	}
	next := &roll{key: k, position: r.Position, before: b.segments.get(k)}
	if next.before != nil {
		next.segment = next.before.segment
	}
	next.segment = next.segment.Evolve(r.Event)
	next.audience = next.segment.Audience()
	b.segments.set(next)
}

// audiences tells who belonged to segments at a position.
func (b *Book) audiences(position uint64) func(SegmentKey) *Audience {
	if b.segments.empty() {
		return nil
	}
	return func(k SegmentKey) *Audience {
		r := b.segments.get(k)
		for r != nil && r.position > position {
			r = r.before
		}
		if r == nil {
			return nil
		}
		return r.audience
	}
}
