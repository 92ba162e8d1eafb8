package flag

import "github.com/reeve-platform/reeve/domain"

// ClearOverride lets the node inherit the flag again.
type ClearOverride struct {
	Node domain.NodeID `json:"node" path:"node" doc:"The node: platform, or the id of an integrator, tenant or user."`
	Flag Key           `json:"flag" path:"flag" doc:"The flag."`
}

// Cleared: the node says nothing about the flag any more.
type Cleared struct {
	Node   domain.NodeID `json:"node"`
	Flag   Key           `json:"flag"`
	Before Setting       `json:"before"`
}

// Change gives the setting that is gone.
func (e Cleared) Change() (before, after any) { return e.Before, nil }

func (c ClearOverride) target() target { return target{node: c.Node, flag: c.Flag} }

// Stream names the history of the node's overrides.
func (c ClearOverride) Stream() domain.StreamID { return c.target().stream() }

// Reads names the flag, the node and the overrides above it.
func (c ClearOverride) Reads(l Ladder) []domain.StreamID { return c.target().reads(l) }

// Decide applies the rule.
func (c ClearOverride) Decide(l Ladder, m domain.Meta) ([]domain.Event, error) {
	l, _, err := c.target().find(l)
	if err != nil {
		return nil, err
	}
	before := l.setting(c.Node, c.Flag)
	switch before.phase(m.At) {
	case missing:
		return nil, nil
	case locked:
		return nil, ErrUnlockFirst
	}
	return []domain.Event{Cleared{c.Node, c.Flag, *before}}, nil
}
