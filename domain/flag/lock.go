package flag

import "github.com/reeve-platform/reeve/domain"

// Lock holds the node's override against every node below: their overrides are kept,
// without effect, until the lock is gone or the override falls out of force.
type Lock struct {
	Node domain.NodeID `json:"node" path:"node" doc:"The node: platform, or the id of an integrator, tenant or user."`
	Flag Key           `json:"flag" path:"flag" doc:"The flag."`
}

// Locked: what the node says about the flag holds for all below it.
type Locked struct {
	Node domain.NodeID `json:"node"`
	Flag Key           `json:"flag"`
}

// Change gives the lock before and after.
func (e Locked) Change() (before, after any) { return false, true }

func (c Lock) target() target { return target{node: c.Node, flag: c.Flag} }

// Stream names the history of the node's overrides.
func (c Lock) Stream() domain.StreamID { return c.target().stream() }

// Reads names the flag, the node and the overrides above it.
func (c Lock) Reads(l Ladder) []domain.StreamID { return c.target().reads(l) }

// Decide applies the rule.
func (c Lock) Decide(l Ladder, m domain.Meta) ([]domain.Event, error) {
	l, _, err := c.target().find(l)
	if err != nil {
		return nil, err
	}
	switch l.setting(c.Node, c.Flag).phase(m.At) {
	case locked:
		return nil, nil
	case inForce:
		if err := c.target().free(l, m.At); err != nil {
			return nil, err
		}
		return []domain.Event{Locked{c.Node, c.Flag}}, nil
	}
	return nil, ErrOverrideFirst
}
