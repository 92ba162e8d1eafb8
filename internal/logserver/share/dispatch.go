package share

import "time"

// A Delivery is an event for a consumer.
type Delivery struct {
	Message
	To *Consumer
}

// Dispatch hands out what consumers have room for; what is sent again goes
// first. Whatever a consumer's limit says, it gets no more than it has slots
// for: what ran out of time may still lie unread before it. Nil means enough.
func (g *Group) Dispatch(now time.Time, slots func(*Consumer) int) []Delivery {
	d := dispatch{group: g, now: now, slots: slots, given: map[*Consumer]int{}, stuck: map[*Consumer]bool{}}
	g.again = d.hand(g.again)
	g.fresh = d.hand(g.fresh)
	return d.out
}

// A dispatch is one round through the queues.
type dispatch struct {
	group *Group
	now   time.Time
	slots func(*Consumer) int
	given map[*Consumer]int
	stuck map[*Consumer]bool // pinned ones: what follows must not overtake
	out   []Delivery
}

// hand returns what nobody could take, in order.
func (d *dispatch) hand(queue []*Message) []*Message {
	var left []*Message
	for i, m := range queue {
		if !d.anyRoom() {
			return append(left, queue[i:]...)
		}
		c := d.group.settings.Strategy.choose(d, m)
		if c == nil {
			left = append(left, m)
			continue
		}
		c.held[m.ID] = &holding{Message: m, since: d.now}
		c.meter.sent()
		d.given[c]++
		d.out = append(d.out, Delivery{Message: *m, To: c})
	}
	return left
}

func (d *dispatch) anyRoom() bool {
	for _, c := range d.group.consumers {
		if len(c.held) < c.limit && !d.stuck[c] && d.isReady(c) {
			return true
		}
	}
	return false
}

func (d *dispatch) takes(c *Consumer, m *Message) bool {
	return !d.stuck[c] && c.takes(m) && d.isReady(c)
}

func (d *dispatch) isReady(c *Consumer) bool { return d.slots == nil || d.given[c] < d.slots(c) }
