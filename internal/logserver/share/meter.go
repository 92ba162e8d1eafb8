package share

import (
	"slices"
	"time"
)

// remembered is how many answers a consumer's latencies are taken from.
const remembered = 512

// A meter counts what a consumer does.
type meter struct {
	total, measured int64
	latencies       []time.Duration // a ring
	answers         int
}

func (m *meter) sent() { m.total++ }

func (m *meter) answered(after time.Duration) {
	if len(m.latencies) < remembered {
		m.latencies = append(m.latencies, after)
	} else {
		m.latencies[m.answers%remembered] = after
	}
	m.answers++
}

// Figures are what is known of a consumer.
type Figures struct {
	Total     int64 // events sent, repetitions included
	SinceLast int64 // of these, since figures were last asked for
	InFlight  int
	Free      int
	Latencies []time.Duration // of the last answers, shortest first
}

// Figures reads a consumer's meter and begins a new measurement.
func (c *Consumer) Figures() Figures {
	f := Figures{Total: c.meter.total, SinceLast: c.meter.total - c.meter.measured,
		InFlight: len(c.held), Free: c.limit - len(c.held)}
	c.meter.measured = c.meter.total
	f.Latencies = slices.Sorted(slices.Values(c.meter.latencies))
	return f
}

// Load is how much of what is under way stands where.
type Load struct{ Fresh, Again, Parking, InFlight int }

// Load counts what is under way.
func (g *Group) Load() Load {
	l := Load{Fresh: len(g.fresh), Again: len(g.again), Parking: len(g.parking)}
	for _, c := range g.consumers {
		l.InFlight += len(c.held)
	}
	return l
}

// Consumers are those who are connected, in the order of their coming.
func (g *Group) Consumers() []*Consumer { return slices.Clone(g.consumers) }
