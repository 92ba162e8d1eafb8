package access

import (
	"strings"
	"sync"

	"github.com/reeve-platform/reeve/domain"
)

// A Census counts who there is at each node, fed from the log like a [Model].
type Census struct {
	mu     sync.RWMutex
	seen   uint64 // position
	counts map[resident]int
	at     map[string]domain.NodeID // of clients and keys that count
}

// A resident is one sort of those who are at one node.
type resident struct {
	sort domain.Population
	at   domain.NodeID
}

// NewCensus has counted nobody.
func NewCensus() *Census {
	return &Census{counts: map[resident]int{}, at: map[string]domain.NodeID{}}
}

// Count is how many there are at a node itself, as far as the log has been shown.
func (c *Census) Count(sort domain.Population, at domain.NodeID) int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.counts[resident{sort, at}]
}

// Apply counts whom an event brings, or takes away, once. It does not fail.
func (c *Census) Apply(r domain.Recorded) error {
	sort, _, _ := strings.Cut(string(r.Stream), "-")
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Position <= c.seen {
		return nil
	}
	c.seen = r.Position
	switch e := r.Event.(type) {
	case domain.Empowers:
		who, at, what := e.Empowers()
		c.leave(domain.Population(sort), who)
		if what != 0 {
			c.at[who] = at
			c.counts[resident{domain.Population(sort), at}]++
		}
	case domain.Placed:
		if _, level, home := e.Placed(); level == domain.UserLevel {
			c.counts[resident{domain.Users, home}]++
		}
	}
	return nil
}

func (c *Census) leave(sort domain.Population, who string) {
	at, counted := c.at[who]
	if !counted {
		return
	}
	delete(c.at, who)
	here := resident{sort, at}
	if c.counts[here]--; c.counts[here] == 0 {
		delete(c.counts, here)
	}
}
