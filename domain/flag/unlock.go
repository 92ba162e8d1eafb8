package flag

import "github.com/reeve-platform/reeve/domain"

// Unlock lets the overrides below the node count again.
type Unlock struct {
	Node domain.NodeID `json:"node" path:"node" doc:"The node: platform, or the id of an integrator, tenant or user."`
	Flag Key           `json:"flag" path:"flag" doc:"The flag."`
}

// Unlocked: nodes below may say otherwise again.
type Unlocked struct {
	Node domain.NodeID `json:"node"`
	Flag Key           `json:"flag"`
}

// Change gives the lock before and after.
func (e Unlocked) Change() (before, after any) { return true, false }

func (c Unlock) target() target { return target{node: c.Node, flag: c.Flag} }

// Stream names the history of the node's overrides.
func (c Unlock) Stream() domain.StreamID { return c.target().stream() }

// Reads names the flag, the node and the overrides above it.
func (c Unlock) Reads(l Ladder) []domain.StreamID { return c.target().reads(l) }

// Decide applies the rule.
func (c Unlock) Decide(l Ladder, m domain.Meta) ([]domain.Event, error) {
	l, _, err := c.target().find(l)
	if err != nil {
		return nil, err
	}
	if l.setting(c.Node, c.Flag).holds(m.At) {
		return []domain.Event{Unlocked{c.Node, c.Flag}}, nil
	}
	return nil, nil
}
