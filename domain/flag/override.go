package flag

import (
	"encoding/json"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// Override sets a flag for a node and for all below it that do not say
// otherwise. It replaces what the node said before; a lock on it stays.
type Override struct {
	Node       domain.NodeID   `json:"node" path:"node" doc:"The node: platform, or the id of an integrator, tenant or user."`
	Flag       Key             `json:"flag" path:"flag" doc:"The flag."`
	Value      json.RawMessage `json:"value,omitempty" doc:"Value, of the flag's type; or name a variant."`
	Variant    string          `json:"variant,omitempty" maxLength:"128" doc:"Name of a variant; or give a value."`
	ValidFrom  *time.Time      `json:"validFrom,omitempty" doc:"When it comes into force; at once if left out."`
	ValidUntil *time.Time      `json:"validUntil,omitempty" doc:"When it falls out of force; never if left out."`
	Home       domain.TenantID `json:"home,omitempty" doc:"For a user's node: the tenant the user belongs to."`
}

// Overridden: the node says Setting about the flag.
type Overridden struct {
	Node   domain.NodeID `json:"node"`
	Level  domain.Level  `json:"level"`
	Parent domain.NodeID `json:"parent,omitempty"`
	Flag   Key           `json:"flag"`
	Setting
	Before *Setting `json:"before,omitempty"` // nil if the node said nothing
}

// Houses tells the home of a user for whom a flag was overridden.
func (e Overridden) Houses() (user, home domain.NodeID) {
	if e.Level != domain.UserLevel {
		return "", ""
	}
	return e.Node, e.Parent
}

// Change gives both settings.
func (e Overridden) Change() (before, after any) {
	if e.Before == nil {
		return nil, e.Setting
	}
	return *e.Before, e.Setting
}

var (
	// ErrOneValue: an override has exactly one value.
	ErrOneValue = &domain.Error{Kind: domain.Invalid, Code: "one-value", Detail: "give a value or a variant, and not both"}
	// ErrValidity: the override would end before it began.
	ErrValidity = &domain.Error{Kind: domain.Invalid, Code: "invalid-validity", Detail: "validUntil must be after validFrom, and not in the past"}
	// ErrLoosens: below a restricting flag a value may only tighten.
	ErrLoosens = &domain.Error{Kind: domain.Invalid, Code: "restrict-loosens", Detail: "a lower level may only tighten what the levels above decided"}
)

// Nodes are whom the command is about: of a user who may not be known yet, the
// tenant that it is said to belong to. The rule holds the user against that.
func (c Override) Nodes() []domain.NodeID {
	if c.Home != "" {
		return []domain.NodeID{domain.NodeID(c.Home)}
	}
	return []domain.NodeID{c.Node}
}

// Newcomer is the node: it need not be known yet if it is a user's, but if it is,
// its own home counts and not the one that is said.
func (c Override) Newcomer() domain.NodeID { return c.Node }

func (c Override) target() target { return target{c.Node, c.Flag, c.Home} }

// Stream names the history of the node's overrides.
func (c Override) Stream() domain.StreamID { return c.target().stream() }

// Reads names the flag, the node and the overrides above it.
func (c Override) Reads(l Ladder) []domain.StreamID { return c.target().reads(l) }

// Decide applies the rule.
func (c Override) Decide(l Ladder, m domain.Meta) ([]domain.Event, error) {
	t := c.target()
	l, f, err := t.find(l)
	if err != nil {
		return nil, err
	}
	after, err := c.setting(f.Definition, m.At)
	if err != nil {
		return nil, err
	}
	if !f.Definition.allows(l.level(c.Node)) {
		return nil, ErrLevel
	}
	before := l.setting(c.Node, c.Flag)
	after.Locked = before.holds(m.At)
	if before.phase(m.At) != expired && before.equal(after) {
		return nil, nil
	}
	if err := t.free(l, m.At); err != nil {
		return nil, err
	}
	if err := c.tightens(l, f.Definition, after, m.At); err != nil {
		return nil, err
	}
	return []domain.Event{Overridden{c.Node, l.level(c.Node), l.parent(c.Node), c.Flag, after, before}}, nil
}

// setting is what the command says, with a variant's name made its value.
func (c Override) setting(d Definition, now time.Time) (Setting, error) {
	s := Setting{Value: c.Value, Variant: c.Variant, ValidFrom: c.ValidFrom, ValidUntil: c.ValidUntil}
	if (c.Value == nil) == (c.Variant == "") {
		return s, ErrOneValue
	}
	if c.Variant != "" {
		v, ok := d.Variants[c.Variant]
		if !ok {
			return s, ErrVariant.At("/variant", "is not a variant of the flag")
		}
		s.Value = v
	}
	if err := d.takes(s.Value, "/value"); err != nil {
		return s, err
	}
	if len(s.Value) > maxValue {
		return s, ErrTooLarge
	}
	if u := c.ValidUntil; u != nil && (!now.Before(*u) || c.ValidFrom != nil && !c.ValidFrom.Before(*u)) {
		return s, ErrValidity.At("/validUntil", "must be later")
	}
	return s, nil
}

// tightens refuses a value that loosens what a restricting flag comes to above.
func (c Override) tightens(l Ladder, d Definition, s Setting, at time.Time) error {
	if d.Mode != cascade.Restrict {
		return nil
	}
	above := cascade.Resolve(d.Mode, d.Default, at, l.layers(c.Node, c.Flag)...)
	if cascade.Tightens(above.Value, s.Value) {
		return nil
	}
	return ErrLoosens.With("the levels above allow "+string(above.Value)+" and nothing looser").At("/value", "must stay within what the levels above allow")
}

func (d Definition) allows(level domain.Level) bool {
	for _, l := range d.Levels {
		if l == level {
			return true
		}
	}
	return len(d.Levels) == 0
}

// equal compares what two settings say, a nil one with none.
func (s *Setting) equal(o Setting) bool {
	return s != nil && s.Variant == o.Variant && s.Locked == o.Locked && cascade.Same(s.Value, o.Value) &&
		sameTime(s.ValidFrom, o.ValidFrom) && sameTime(s.ValidUntil, o.ValidUntil)
}

func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}
