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
//
// A server may also be wrong by years, and one event of it must not hold the clock
// for ever. An event that is more than a day behind the clock contradicts all that
// are more than a day ahead of it. As soon as as many in a row do so as they
// contradict, those are believed to have been wrong, and count as being at the time
// of the one that showed it: a single event dated far ahead does so when the next
// one comes. In the same way an event that is dated far back stands against all that
// were before it, and changes nothing. At every moment both answers only grow, the
// position with the instant and the instant with the position; but what is said of
// an instant may change as long as somebody's clock was wrong.
type clock struct {
	mu     sync.RWMutex
	spans  []span
	at     int64 // of the newest event, in Unix milliseconds
	newest uint64
	behind int // events in a row, up to the newest, that contradict the clock
}

// A span is some ticks, each told by how much later it was, in time and in the
// log. Most take two or three bytes.
type span struct {
	at       int64 // of the first one
	position uint64
	ticks    []byte
	count    int
}

const (
	ticksOfSpan = 256
	wrong       = int64(24 * time.Hour / time.Millisecond) // by more than that no clock of a server is that is right
)

// tick notes an event. Positions grow.
func (c *clock) tick(position uint64, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ms := at.UnixMilli()
	var contradicted []uint64
	if c.at-wrong <= ms || len(c.spans) == 0 {
		c.behind = 0
	} else if c.behind++; c.behind >= c.after(ms+wrong)-(c.behind-1) {
		contradicted, c.behind = c.cut(ms+wrong), 0
	}
	ms = max(c.at, ms)
	for _, p := range contradicted {
		c.add(p, ms)
	}
	c.add(position, ms)
}

func (c *clock) add(position uint64, ms int64) {
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

// after is how many ticks are later than an instant.
func (c *clock) after(ms int64) (n int) {
	from := c.begun(func(at int64, _ uint64) bool { return at <= ms })
	if full := len(c.spans) - 1 - from; full >= 0 {
		n = full*ticksOfSpan + c.spans[len(c.spans)-1].count
	}
	if from > 0 {
		for at := range c.spans[from-1].all {
			if at > ms {
				n++
			}
		}
	}
	return n
}

// cut takes out the ticks that are later than an instant, and gives their positions.
func (c *clock) cut(ms int64) (out []uint64) {
	from := max(0, c.begun(func(at int64, _ uint64) bool { return at <= ms })-1)
	last := slices.Clone(c.spans[from:])
	c.spans, c.at = c.spans[:from], 0
	for _, s := range last {
		for at, position := range s.all {
			if at > ms {
				out = append(out, position)
			} else {
				c.add(position, at)
			}
		}
	}
	return out
}

// begun is how many spans begin with a tick that is not past what is looked for.
func (c *clock) begun(until func(at int64, position uint64) bool) int {
	n, _ := slices.BinarySearchFunc(c.spans, 0, func(s span, _ int) int {
		if until(s.at, s.position) {
			return -1
		}
		return 1
	})
	return n
}

// all yields the ticks in order.
func (s *span) all(yield func(at int64, position uint64) bool) {
	at, position, rest := s.at, s.position, s.ticks
	for yield(at, position) && len(rest) > 0 {
		later, k := binary.Uvarint(rest)
		further, m := binary.Uvarint(rest[k:])
		at, position, rest = at+int64(later), position+further, rest[k+m:]
	}
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
	n := c.begun(until)
	if n == 0 {
		return 0, 0
	}
	for later, further := range c.spans[n-1].all {
		if !until(later, further) {
			break
		}
		position, at = further, later
	}
	return position, at
}

// Last is the position of the last event at or before an instant, 0 if there was
// none yet. It takes a lock.
func (b *Book) Last(t time.Time) uint64 { return b.clock.last(t) }

// When is the instant of the last event at or before a position; the zero time if
// there was none yet. It takes a lock.
func (b *Book) When(position uint64) time.Time { return b.clock.when(position) }
