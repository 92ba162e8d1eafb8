package flag

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// Override sets a flag for a node and for all below it that do not say
// otherwise. It replaces what the node said before; a lock on it stays. To those
// whom it has neither a rule nor a value for it says nothing, so that the level
// above decides.
type Override struct {
	Node       domain.NodeID   `json:"node" path:"node" doc:"The node: platform, or the id of an integrator, tenant or user."`
	Flag       Key             `json:"flag" path:"flag" doc:"The flag."`
	Value      json.RawMessage `json:"value,omitempty" doc:"Value, of the flag's type; or name a variant."`
	Variant    string          `json:"variant,omitempty" maxLength:"128" doc:"Name of a variant; or give a value."`
	Rules      []Rule          `json:"rules,omitempty" maxItems:"100" doc:"What it says to whom; the first that matches counts, and the split and the value are for everybody else."`
	Split      *Split          `json:"split,omitempty" doc:"Different values for shares of everybody whom no rule is for; the value is for those left over."`
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

// Said is what the node says from now on.
func (e Overridden) Said() Saying { return Saying(e) }

// Houses tells the home of a user for whom a flag was overridden.
func (e Overridden) Houses() (user, home domain.NodeID) { return e.Said().Houses() }

// Change gives both settings.
func (e Overridden) Change() (before, after any) { return e.Said().Change() }

var (
	// ErrOneValue: what is said is said by value or by name.
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

// Reads names the flag, the node, the overrides above it, and the segments that the
// rules name.
func (c Override) Reads(l Ladder) []domain.StreamID {
	names := c.target().reads(l)
	for _, k := range (Setting{Rules: c.Rules}).Segments() {
		names = append(names, SegmentStream(k))
	}
	return names
}

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
	if err := l.knows(after); err != nil {
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
	if err := t.tightens(l, f.Definition, after, m.At); err != nil {
		return nil, err
	}
	return []domain.Event{Overridden{c.Node, l.level(c.Node), l.parent(c.Node), c.Flag, after, before}}, nil
}

// setting is what the command says, with the names of variants made their values.
func (c Override) setting(d Definition, now time.Time) (Setting, error) {
	s := Setting{Value: c.Value, Variant: c.Variant, Rules: c.Rules, Split: c.Split, ValidFrom: c.ValidFrom, ValidUntil: c.ValidUntil}
	s, err := d.completed(s)
	if err != nil {
		return s, err
	}
	if u := c.ValidUntil; u != nil && (!now.Before(*u) || c.ValidFrom != nil && !c.ValidFrom.Before(*u)) {
		return s, ErrValidity.At("/validUntil", "must be later")
	}
	return s, nil
}

// completed checks everything that a setting says to anybody, and gives it with the
// values of the variants that it names.
func (d Definition) completed(s Setting) (Setting, error) {
	if s.Value != nil || s.Variant != "" || len(s.Rules) == 0 && s.Split == nil {
		plain, err := d.give(Serving{Value: s.Value, Variant: s.Variant}, "")
		if err != nil {
			return s, err
		}
		s.Value = plain.Value
	}
	var err error
	if s.Rules, err = d.rules(s.Rules); err != nil {
		return s, err
	}
	if s.Split, err = d.split(s.Split, "/split"); err != nil {
		return s, err
	}
	if len(s.Value) > maxValue || sizeOf(s) > maxSetting {
		return s, ErrTooLarge
	}
	return s, nil
}

// sizeOf is how many bytes something takes in the log.
func sizeOf(v any) int {
	text, err := json.Marshal(v)
	if err != nil {
		return math.MaxInt
	}
	return len(text)
}

// maxSetting is how many bytes all that a node says about a flag may take.
const maxSetting = 2 * maxValue

// A spoken value is one that a setting says to somebody, and where it stands.
type spoken struct {
	place string
	value json.RawMessage
}

// values are everything that a setting says to anybody.
func (s Setting) values() (all []spoken) {
	if s.Value != nil {
		all = append(all, spoken{"/value", s.Value})
	}
	for i, r := range s.Rules {
		place := fmt.Sprintf("/rules/%d", i)
		if all = append(all, r.Split.values(place+"/split")...); r.Split == nil {
			all = append(all, spoken{place + "/value", r.Value})
		}
	}
	return append(all, s.Split.values("/split")...)
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
	return s != nil && s.Variant == o.Variant && s.Opted == o.Opted && s.Set == o.Set && s.Locked == o.Locked && cascade.Same(s.Value, o.Value) && alike(s.Rules, o.Rules) && alike(s.Split, o.Split) &&
		sameTime(s.ValidFrom, o.ValidFrom) && sameTime(s.ValidUntil, o.ValidUntil)
}

// alike compares what two things say as JSON, however values are spelled.
func alike(a, b any) bool {
	x, err := json.Marshal(a)
	y, other := json.Marshal(b)
	return err == nil && other == nil && cascade.Same(x, y)
}

func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}
