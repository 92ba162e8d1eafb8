package share

import (
	"time"

	"github.com/google/uuid"
)

// An Action is what a consumer asks for when it could not do its work.
type Action int

// The actions, with the protocol's numbers.
const (
	Unknown Action = iota // the group decides: it tries again
	Park
	Retry
	Skip
	Stop // concerns the consumer, not the event
)

// A Parking is an event on its way to the parked stream.
type Parking struct {
	Message
	Reason string
}

// Ack settles events a consumer holds. Others are not its to settle any more:
// they ran out of time and are with somebody else.
func (g *Group) Ack(c *Consumer, now time.Time, ids ...uuid.UUID) {
	for _, id := range ids {
		if h := c.held[id]; h != nil {
			c.meter.answered(now.Sub(h.since))
			g.release(c, h)
			g.settle(h.Message)
		}
	}
}

// Nack does with events what their consumer asks for.
func (g *Group) Nack(c *Consumer, a Action, reason string, ids ...uuid.UUID) {
	if a == Stop {
		return
	}
	for _, id := range ids {
		h := c.held[id]
		if h == nil {
			continue
		}
		g.release(c, h)
		switch a {
		case Park:
			g.park(h.Message, reason)
		case Skip:
			g.settle(h.Message)
		default:
			g.retry(h.Message, reason)
		}
	}
}

// Expire takes back what was not answered for in time.
func (g *Group) Expire(now time.Time) {
	if g.settings.Timeout <= 0 {
		return
	}
	for _, c := range g.consumers {
		if !c.late(now, g.settings.Timeout) {
			continue
		}
		for _, h := range c.oldestFirst() {
			if now.Sub(h.since) >= g.settings.Timeout {
				g.release(c, h)
				g.retry(h.Message, "the consumer did not answer in time")
			}
		}
	}
}

func (c *Consumer) late(now time.Time, timeout time.Duration) bool {
	for _, h := range c.held {
		if now.Sub(h.since) >= timeout {
			return true
		}
	}
	return false
}

// Parking are the events that wait to be parked, oldest first.
func (g *Group) Parking() []Parking { return g.parking }

// Parked settles the first n of Parking, which are durable now.
func (g *Group) Parked(n int) {
	for _, p := range g.parking[:n] {
		g.settle(&p.Message)
	}
	g.parking = append([]Parking(nil), g.parking[n:]...)
}

func (g *Group) release(c *Consumer, h *holding) { delete(c.held, h.ID) }

func (g *Group) retry(m *Message, reason string) {
	if m.Retries >= g.settings.MaxRetries {
		g.park(m, "too many retries: "+reason)
		return
	}
	m.Retries++
	g.again = append(g.again, m)
}

func (g *Group) park(m *Message, reason string) {
	g.parking = append(g.parking, Parking{Message: *m, Reason: reason})
}

func (g *Group) settle(m *Message) {
	if m.Parked {
		g.replay.close(m.Place)
		return
	}
	g.source.close(m.Place)
	g.counted++
}
