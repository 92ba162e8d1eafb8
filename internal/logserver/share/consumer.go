package share

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// ErrFull: the group has as many consumers as it may have.
var ErrFull = errors.New("share: no more consumers are allowed")

// A Consumer is one who takes events and answers for them.
type Consumer struct {
	number uint64
	limit  int // unanswered events at most
	held   map[uuid.UUID]*holding
	meter  meter
}

// A holding is an event that a consumer has not answered for.
type holding struct {
	*Message
	since time.Time
}

// Join adds a consumer with a limit of unanswered events.
func (g *Group) Join(limit int) (*Consumer, error) {
	if g.settings.MaxConsumers > 0 && len(g.consumers) >= g.settings.MaxConsumers {
		return nil, ErrFull
	}
	g.numbered++
	c := &Consumer{number: g.numbered, limit: max(limit, 1), held: map[uuid.UUID]*holding{}}
	g.consumers = append(g.consumers, c)
	return c, nil
}

// Leave removes a consumer. What it had not answered for goes to others.
func (g *Group) Leave(c *Consumer) {
	i := slices.Index(g.consumers, c)
	if i < 0 {
		return
	}
	g.consumers = slices.Delete(g.consumers, i, i+1)
	for _, h := range c.oldestFirst() {
		g.release(c, h)
		g.retry(h.Message, "the consumer is gone")
	}
}

func (c *Consumer) oldestFirst() []*holding {
	all := make([]*holding, 0, len(c.held))
	for _, h := range c.held {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b *holding) int {
		if order := a.since.Compare(b.since); order != 0 {
			return order
		}
		return cmp.Compare(a.Place, b.Place)
	})
	return all
}

// takes says whether the consumer has room for an event. Answers name ids, and
// ids are unique in one stream only: two events of the same id are never with
// one consumer.
func (c *Consumer) takes(m *Message) bool {
	return len(c.held) < c.limit && c.held[m.ID] == nil
}
