package flag

import (
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// SetRollout gives the node's override a split, and leaves the rest of it as it
// is. A node that says nothing yet says the split and nothing else.
type SetRollout struct {
	Node   domain.NodeID `json:"node" path:"node" doc:"The node: platform, or the id of an integrator, tenant or user."`
	Flag   Key           `json:"flag" path:"flag" doc:"The flag."`
	By     string        `json:"by,omitempty" maxLength:"128" doc:"What a subject is told by: key, tenant for a tenant to stay whole, or an attribute; key if left out."`
	Salt   string        `json:"salt,omitempty" maxLength:"128" doc:"Another salt deals the subjects out anew."`
	Shares []Share       `json:"shares" minItems:"1" maxItems:"50" doc:"Who gets what, one after the other."`
	Steps  []Step        `json:"steps,omitempty" maxItems:"100" doc:"Other weights from an instant on, in order."`
}

// AdvanceRollout takes the next step of the split now.
type AdvanceRollout struct {
	Node domain.NodeID `json:"node" path:"node" doc:"The node."`
	Flag Key           `json:"flag" path:"flag" doc:"The flag."`
}

// PauseRollout keeps the split at the weights it has, until it is resumed.
type PauseRollout struct {
	Node domain.NodeID `json:"node" path:"node" doc:"The node."`
	Flag Key           `json:"flag" path:"flag" doc:"The flag."`
}

// ResumeRollout lets the steps go on. Those that were not taken come later by as
// long as the pause was.
type ResumeRollout struct {
	Node domain.NodeID `json:"node" path:"node" doc:"The node."`
	Flag Key           `json:"flag" path:"flag" doc:"The flag."`
}

// RolloutSet: the node's override has this split.
type RolloutSet struct{ Saying }

// RolloutAdvanced: the next step of the split was taken before its time.
type RolloutAdvanced struct{ Saying }

// RolloutPaused: the weights of the split stay what they are.
type RolloutPaused struct{ Saying }

// RolloutResumed: the steps of the split go on, at the instants it says.
type RolloutResumed struct{ Saying }

var (
	// ErrNoRollout: the node's override has no split.
	ErrNoRollout = &domain.Error{Kind: domain.NotFound, Code: "rollout-not-found", Detail: "the node's override of the flag has no split, or is over"}
	// ErrLastStep: there is no further step.
	ErrLastStep = &domain.Error{Kind: domain.Conflict, Code: "rollout-complete", Detail: "the rollout has taken its last step"}
	// ErrPaused: a rollout that is paused takes no step.
	ErrPaused = &domain.Error{Kind: domain.Conflict, Code: "rollout-paused", Detail: "the rollout is paused; resume it first"}
)

func (c SetRollout) target() target { return target{node: c.Node, flag: c.Flag} }

// Stream names the history of the node's overrides.
func (c SetRollout) Stream() domain.StreamID { return c.target().stream() }

// Reads names the flag, the node and the overrides above it.
func (c SetRollout) Reads(l Ladder) []domain.StreamID { return c.target().reads(l) }

// Decide applies the rule.
func (c SetRollout) Decide(l Ladder, m domain.Meta) ([]domain.Event, error) {
	said, err := c.target().roll(l, m.At, func(d Definition, s Setting) (Setting, error) {
		var err error
		s.Split, err = d.split(&Split{By: c.By, Salt: c.Salt, Shares: c.Shares, Steps: c.Steps}, "")
		return s, err
	})
	if said == nil || err != nil {
		return nil, err
	}
	return []domain.Event{RolloutSet{*said}}, nil
}

func (c AdvanceRollout) target() target { return target{node: c.Node, flag: c.Flag} }

// Stream names the history of the node's overrides.
func (c AdvanceRollout) Stream() domain.StreamID { return c.target().stream() }

// Reads names the flag, the node and the overrides above it.
func (c AdvanceRollout) Reads(l Ladder) []domain.StreamID { return c.target().reads(l) }

// Decide applies the rule.
func (c AdvanceRollout) Decide(l Ladder, m domain.Meta) ([]domain.Event, error) {
	said, err := c.target().turn(l, m.At, func(s *Split) error {
		next := s.next(m.At)
		switch {
		case s.Paused != nil:
			return ErrPaused
		case next < 0:
			return ErrLastStep
		}
		s.Steps[next].At = m.At
		return nil
	})
	if said == nil || err != nil {
		return nil, err
	}
	return []domain.Event{RolloutAdvanced{*said}}, nil
}

func (c PauseRollout) target() target { return target{node: c.Node, flag: c.Flag} }

// Stream names the history of the node's overrides.
func (c PauseRollout) Stream() domain.StreamID { return c.target().stream() }

// Reads names the flag, the node and the overrides above it.
func (c PauseRollout) Reads(l Ladder) []domain.StreamID { return c.target().reads(l) }

// Decide applies the rule.
func (c PauseRollout) Decide(l Ladder, m domain.Meta) ([]domain.Event, error) {
	said, err := c.target().turn(l, m.At, func(s *Split) error {
		if s.Paused == nil {
			s.Paused = &m.At
		}
		return nil
	})
	if said == nil || err != nil {
		return nil, err
	}
	return []domain.Event{RolloutPaused{*said}}, nil
}

func (c ResumeRollout) target() target { return target{node: c.Node, flag: c.Flag} }

// Stream names the history of the node's overrides.
func (c ResumeRollout) Stream() domain.StreamID { return c.target().stream() }

// Reads names the flag, the node and the overrides above it.
func (c ResumeRollout) Reads(l Ladder) []domain.StreamID { return c.target().reads(l) }

// Decide applies the rule.
func (c ResumeRollout) Decide(l Ladder, m domain.Meta) ([]domain.Event, error) {
	said, err := c.target().turn(l, m.At, func(s *Split) error {
		if s.Paused == nil {
			return nil
		}
		for i := range s.Steps {
			if at := &s.Steps[i].At; at.After(*s.Paused) {
				*at = at.Add(m.At.Sub(*s.Paused))
			}
		}
		s.Paused = nil
		return nil
	})
	if said == nil || err != nil {
		return nil, err
	}
	return []domain.Event{RolloutResumed{*said}}, nil
}

// next is the first step that comes after an instant, negative if none does.
func (s *Split) next(at time.Time) int {
	return slices.IndexFunc(s.Steps, func(step Step) bool { return step.At.After(at) })
}

// turn decides a change of a split that is there.
func (t target) turn(l Ladder, at time.Time, change func(*Split) error) (*Saying, error) {
	return t.roll(l, at, func(_ Definition, s Setting) (Setting, error) {
		if s.Split == nil {
			return s, ErrNoRollout
		}
		split := *s.Split
		split.Steps = slices.Clone(split.Steps)
		s.Split = &split
		return s, change(&split)
	})
}

// roll decides a change of what the node says: nil if it is so already. Whatever a
// setting said that is over does not come back.
func (t target) roll(l Ladder, at time.Time, change func(Definition, Setting) (Setting, error)) (*Saying, error) {
	l, f, err := t.find(l)
	if err != nil {
		return nil, err
	}
	level, before := l.level(t.node), l.setting(t.node, t.flag)
	if !f.Definition.allows(level) {
		return nil, ErrLevel
	}
	var now Setting
	if before.phase(at) != expired && before != nil {
		now = *before
	}
	now.Opted, now.Set = "", ""
	after, err := change(f.Definition, now)
	if err != nil {
		return nil, err
	}
	if before.phase(at) != expired && before.equal(after) {
		return nil, nil
	}
	if sizeOf(after) > maxSetting {
		return nil, ErrTooLarge
	}
	if err := t.free(l, at); err != nil {
		return nil, err
	}
	if err := t.tightens(l, f.Definition, after, at); err != nil {
		return nil, err
	}
	return &Saying{t.node, level, l.parent(t.node), t.flag, after, before}, nil
}
