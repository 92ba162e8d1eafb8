package flag

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// OptIn takes what a flag that is optional offers, for an integrator or a tenant
// and all below it.
type OptIn struct {
	Node    domain.NodeID `json:"node" path:"node" doc:"The integrator or tenant."`
	Flag    Key           `json:"flag" path:"flag" doc:"The flag."`
	Variant string        `json:"variant,omitempty" maxLength:"128" doc:"What is taken; true if left out, for a boolean flag."`
}

// OptOut declines it: the flag has its off value there.
type OptOut struct {
	Node domain.NodeID `json:"node" path:"node" doc:"The integrator or tenant."`
	Flag Key           `json:"flag" path:"flag" doc:"The flag."`
}

// OptedIn: the node has taken what the flag offers.
type OptedIn struct{ Saying }

// OptedOut: the node has declined it.
type OptedOut struct{ Saying }

// Opted is how a node that chose for itself did so.
type Opted string

// The choices. The zero value is that of an override: somebody else chose.
const (
	Taken    Opted = "in"
	Declined Opted = "out"
)

var (
	// ErrNotOptional: the flag is not for its users to choose.
	ErrNotOptional = &domain.Error{Kind: domain.Conflict, Code: "flag-not-optional", Detail: "the flag is not optional"}
	// ErrDecided: an override at the node leaves nothing to choose.
	ErrDecided = &domain.Error{Kind: domain.Conflict, Code: "override-decides", Detail: "an override at the node decides; there is nothing to choose until it is cleared"}
)

func (c OptIn) target() target { return target{node: c.Node, flag: c.Flag} }

// Stream names the history of the node's overrides.
func (c OptIn) Stream() domain.StreamID { return c.target().stream() }

// Reads names the flag, the node and the overrides above it.
func (c OptIn) Reads(l Ladder) []domain.StreamID { return c.target().reads(l) }

// Decide applies the rule.
func (c OptIn) Decide(l Ladder, m domain.Meta) ([]domain.Event, error) {
	said, err := c.target().opt(l, m.At, func(d Definition) (Setting, error) {
		s := Setting{Variant: c.Variant, Opted: Taken}
		if d.Type == Boolean && c.Variant == "" {
			s.Value = []byte("true")
		}
		return d.completed(s)
	})
	if said == nil || err != nil {
		return nil, err
	}
	return []domain.Event{OptedIn{*said}}, nil
}

func (c OptOut) target() target { return target{node: c.Node, flag: c.Flag} }

// Stream names the history of the node's overrides.
func (c OptOut) Stream() domain.StreamID { return c.target().stream() }

// Reads names the flag, the node and the overrides above it.
func (c OptOut) Reads(l Ladder) []domain.StreamID { return c.target().reads(l) }

// Decide applies the rule.
func (c OptOut) Decide(l Ladder, m domain.Meta) ([]domain.Event, error) {
	said, err := c.target().opt(l, m.At, func(d Definition) (Setting, error) {
		return d.completed(Setting{Value: d.Off, Opted: Declined})
	})
	if said == nil || err != nil {
		return nil, err
	}
	return []domain.Event{OptedOut{*said}}, nil
}

// opt decides a choice: nil if it has been made already. It counts for as much as
// an override, so it is held within what the levels above leave open.
func (t target) opt(l Ladder, at time.Time, choose func(Definition) (Setting, error)) (*Saying, error) {
	l, f, err := t.find(l)
	if err != nil {
		return nil, err
	}
	level := l.level(t.node)
	switch {
	case !f.Definition.Optional:
		return nil, ErrNotOptional
	case level != domain.IntegratorLevel && level != domain.TenantLevel || !f.Definition.allows(level):
		return nil, ErrLevel
	}
	after, err := choose(f.Definition)
	if err != nil {
		return nil, err
	}
	before := l.setting(t.node, t.flag)
	if p := before.phase(at); p != missing && p != expired {
		switch {
		case before.Opted == "":
			return nil, ErrDecided
		case before.equal(after):
			return nil, nil
		case before.Locked:
			return nil, ErrUnlockFirst
		}
	}
	if err := t.free(l, at); err != nil {
		return nil, err
	}
	if err := t.tightens(l, f.Definition, after, at); err != nil {
		return nil, err
	}
	return &Saying{t.node, level, l.parent(t.node), t.flag, after, before}, nil
}

// tightens refuses a value that loosens what a restricting flag comes to above,
// apart from what is said to some only. Those are held to what is said to them
// when the flag is evaluated.
func (t target) tightens(l Ladder, d Definition, s Setting, at time.Time) error {
	if d.Mode != cascade.Restrict {
		return nil
	}
	above := cascade.Resolve(d.Mode, d.Default, at, l.layers(t.node, t.flag)...)
	for _, v := range s.values() {
		if !cascade.Tightens(above.Value, v.value) {
			return ErrLoosens.With("the levels above allow "+string(above.Value)+" and nothing looser").At(v.place, "must stay within what the levels above allow")
		}
	}
	return nil
}
