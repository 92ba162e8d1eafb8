package share

import "hash/fnv"

// buckets is the protocol's number of shares that pinned strategies deal out.
const buckets = 1024

// A Strategy says which consumer gets an event.
type Strategy string

// The strategies, by the protocol's names.
const (
	RoundRobin          Strategy = "RoundRobin"          // all in turn
	DispatchToSingle    Strategy = "DispatchToSingle"    // the first until it is full, then the next
	Pinned              Strategy = "Pinned"              // events of one stream go to one consumer
	PinnedByCorrelation Strategy = "PinnedByCorrelation" // events of one correlation do
)

// Known says whether there is such a strategy.
func (s Strategy) Known() bool {
	return s == RoundRobin || s == DispatchToSingle || s.pins()
}

func (s Strategy) pins() bool { return s == Pinned || s == PinnedByCorrelation }

// Bucket is the share that a stream or a correlation falls into.
func Bucket(key []byte) uint32 {
	h := fnv.New32a()
	_, _ = h.Write(key)
	return h.Sum32() % buckets
}

func (s Strategy) choose(d *dispatch, m *Message) *Consumer {
	switch {
	case s.pins():
		return d.pinned(m)
	case s == DispatchToSingle:
		return d.next(m, 0)
	}
	g := d.group
	c := d.next(m, g.turn)
	if c != nil {
		g.turn++
	}
	return c
}

// next is the first consumer with room, counted from a turn.
func (d *dispatch) next(m *Message, turn int) *Consumer {
	all := d.group.consumers
	for i := range all {
		if c := all[(turn+i)%len(all)]; d.takes(c, m) {
			return c
		}
	}
	return nil
}

// pinned weighs every consumer for the event's bucket and takes the heaviest
// (rendezvous hashing), so that who comes or goes moves its own share only.
func (d *dispatch) pinned(m *Message) *Consumer {
	var best *Consumer
	var heaviest uint64
	for _, c := range d.group.consumers {
		if w := weight(c.number, uint64(m.Bucket)); best == nil || w > heaviest {
			best, heaviest = c, w
		}
	}
	if !d.takes(best, m) {
		d.stuck[best] = true
		return nil
	}
	return best
}

// weight mixes two numbers with the finalizer of MurmurHash3 (public domain).
func weight(consumer, bucket uint64) uint64 {
	h := consumer*0x9e3779b97f4a7c15 + bucket
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
