package flag

import (
	"encoding/binary"
	"slices"
	"sync"
	"time"
)

// A clock tells which position of the log was the last at an instant, and when a
// position was. Clocks of servers differ, so that an event may say that it was
// before the one that it follows: it counts as being at the same time.
type clock struct {
	mu     sync.RWMutex
	spans  []span
	at     int64 // of the newest event, in Unix milliseconds
	newest uint64
}

// A span is some ticks, each told by how much later it was, in time and in the
// log. Most take two or three bytes.
type span struct {
	at       int64 // of the first one
	position uint64
	ticks    []byte
	count    int
}

const ticksOfSpan = 64

// tick notes an event. Positions grow.
func (c *clock) tick(position uint64, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ms := max(c.at, at.UnixMilli())
	if n := len(c.spans); n == 0 || c.spans[n-1].count == ticksOfSpan {
		if n > 0 {
			c.spans[n-1].ticks = slices.Clip(c.spans[n-1].ticks)
		}
		c.spans = append(c.spans, span{at: ms, position: position, count: 1})
	} else {
		s := &c.spans[n-1]
		s.ticks = binary.AppendUvarint(binary.AppendUvarint(s.ticks, uint64(ms-c.at)), position-c.newest)
		s.count++
	}
	c.at, c.newest = ms, position
}

// last is the position of the last event at or before an instant, 0 if there was
// none yet.
func (c *clock) last(t time.Time) uint64 {
	ms := t.UnixMilli()
	p, _ := c.seek(func(at int64, _ uint64) bool { return at <= ms })
	return p
}

// when is the instant of the last event at or before a position; the zero time if
// there was none yet.
func (c *clock) when(position uint64) time.Time {
	p, at := c.seek(func(_ int64, p uint64) bool { return p <= position })
	if p == 0 {
		return time.Time{}
	}
	return time.UnixMilli(at).UTC()
}

// seek is the last tick that is not past what is looked for.
func (c *clock) seek(until func(at int64, position uint64) bool) (position uint64, at int64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	n, _ := slices.BinarySearchFunc(c.spans, 0, func(s span, _ int) int {
		if until(s.at, s.position) {
			return -1
		}
		return 1
	})
	if n == 0 {
		return 0, 0
	}
	s := c.spans[n-1]
	position, at = s.position, s.at
	for rest := s.ticks; len(rest) > 0; {
		later, k := binary.Uvarint(rest)
		further, m := binary.Uvarint(rest[k:])
		if !until(at+int64(later), position+further) {
			break
		}
		position, at, rest = position+further, at+int64(later), rest[k+m:]
	}
	return position, at
}

// Last is the position of the last event at or before an instant, 0 if there was
// none yet. It takes a lock.
func (b *Book) Last(t time.Time) uint64 { return b.clock.last(t) }

// When is the instant of the last event at or before a position; the zero time if
// there was none yet. It takes a lock.
func (b *Book) When(position uint64) time.Time { return b.clock.when(position) }
