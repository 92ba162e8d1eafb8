package flag

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// An Effect is what facts would change if they came next: where flags would come to
// something else, and whose own settings would cease to count. It is complete for
// all nodes and for all users that are known by themselves, each as its own
// targeting key. What a share or a rule does to others is not to be listed; Targeted
// tells that there are such.
type Effect struct {
	Position uint64 // as of which
	Shifts   []Shift
	Shadowed []Shadow
	Targeted bool // subjects that only a context tells of are told apart, before or after

	rules map[string]bool // what tells them apart: rules before, what these flags can serve, and who belongs to the segments before and after
}

// A Place is a node of the tree that something happens at.
type Place struct {
	Flag  Key
	Node  domain.NodeID
	Level domain.Level
	Owner domain.Owner // under which it would hang
}

// A Shift is that a flag would come to something else at a node.
type Shift struct {
	Place
	From, Until   time.Time    // the time in which it would; Until is exclusive, and zero if nothing is known to end it
	Before, After *Outcome     // nil: not to be found
	named         [2]time.Time // of From and Until, as far as it is not the facts that name them
}

// An Outcome is what a flag comes to, as far as two of them are compared.
type Outcome struct {
	Value   json.RawMessage `json:"value" doc:"Value."`
	Variant string          `json:"variant,omitempty" doc:"Name of the value, if it has one."`
	Reason  Reason          `json:"reason" doc:"Why, in the words of the OpenFeature Remote Evaluation Protocol."`
	Cause   Cause           `json:"cause" doc:"The richer reason behind it."`
	Level   domain.Level    `json:"level,omitempty" doc:"Level that decided; none if no node did."`
}

// A Shadow is that what a node says would cease to count.
type Shadow struct {
	Place
	From   time.Time
	Ruling cascade.Ruling
	By     domain.Level // that would decide
}

// Effect compares what every flag comes to with what it would come to after facts, at
// the instant of m and at all later ones that are known to change something. Error:
// ErrBlind, and that of ctx. The book must not be a draft itself.
func (b *Book) Effect(ctx context.Context, m domain.Meta, facts ...domain.Event) (Effect, error) {
	return b.EffectAt(ctx, latest, m, facts...)
}

// EffectAt is the effect that facts would have had at a position of the past.
func (b *Book) EffectAt(ctx context.Context, position uint64, m domain.Meta, facts ...domain.Event) (Effect, error) {
	after := b.draft(position, m, facts)
	c := comparison{reach: reachOf(b, after, facts), now: m.At}
	c.Position, c.rules = c.at, map[string]bool{}
	if blind := after.blind.Load(); blind != 0 && blind <= c.at {
		return Effect{}, ErrBlind
	}
	keys := c.keys()
	for s := range c.spots() {
		if ctx.Err() != nil {
			return Effect{}, ctx.Err()
		}
		was, is := c.look(c.before, s), c.look(c.after, s)
		if !c.passes(&was) && !c.passes(&is) {
			continue
		}
		for i, k := range keys {
			if i%1024 == 1023 && ctx.Err() != nil {
				return Effect{}, ctx.Err()
			}
			c.compare(k, s, &was, &is)
		}
	}
	slices.SortFunc(c.Shifts, func(a, b Shift) int { return cmp.Or(a.compare(&b.Place), a.From.Compare(b.From)) })
	slices.SortFunc(c.Shadowed, func(a, b Shadow) int { return a.compare(&b.Place) })
	return c.Effect, nil
}

// Digest tells one effect from another by who would see which other value, by the
// instants that something other than the facts names, by who is shadowed, and, where a
// context is told apart, by all that decides what it gets: rules and shares before,
// what the flags can serve, and who belongs to segments. Why a value is what it is does
// not matter.
func (e *Effect) Digest() string {
	sum := sha256.New()
	out := json.NewEncoder(sum)
	tell := func(parts ...any) { _ = out.Encode(parts) } // of texts and JSON, into a hash
	for _, s := range e.Shifts {
		tell(s.Place, s.named, s.Before.seen(), s.After.seen())
	}
	for _, s := range e.Shadowed {
		tell(s.Place, s.Ruling, s.By)
	}
	tell(slices.Sorted(maps.Keys(e.rules)))
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

func (p *Place) compare(o *Place) int {
	return cmp.Or(cmp.Compare(p.Level.Depth(), o.Level.Depth()), cmp.Compare(p.Node, o.Node), cmp.Compare(p.Flag, o.Flag))
}

// A comparison is an effect that is being found out.
type comparison struct {
	*reach
	Effect
	now time.Time
}

// look is the place that a node is in a book. A view without a node is none.
func (c *comparison) look(b *Book, s *spot) View {
	nowhere := View{book: b, position: c.at}
	s = b.lifted(s)
	l := s.as(c.at)
	if l == nil || l.level == 0 {
		return nowhere
	}
	q := Question{Node: nodeOf(s.id), Context: &Context{}, Position: c.at}
	if levels[l.level] == domain.UserLevel {
		if l.above == nil {
			return nowhere
		}
		q.User, q.Node = domain.UserID(q.Node), nodeOf(l.above.id)
		q.Context.Key, q.Context.User = string(q.User), q.User
	}
	v, err := b.Look(q)
	if err != nil {
		return nowhere
	}
	return v
}

// compare finds out whether, and when first, a flag would come to something else.
func (c *comparison) compare(k Key, s *spot, was, is *View) {
	var open *Shift
	var shadow *Shadow
	before, after := c.before.flags.get(k), c.after.flags.get(k)
	c.target(was, before, true)
	c.target(is, after, false)
	own := c.after.lifted(s).said(after.number, c.at).said != nil
	known := was.changes(before)
	named := func(t time.Time) time.Time {
		if slices.ContainsFunc(known, t.Equal) {
			return t
		}
		return time.Time{}
	}
	for _, t := range c.instants(known, is.changes(after)) {
		b, a := was.outcome(k, t), is.outcome(k, t)
		if open != nil && (!open.Before.same(b) || !open.After.same(a)) {
			open.Until, open.named[1] = t, named(t)
			c.Shifts, open = append(c.Shifts, *open), nil
		}
		if open == nil && !b.same(a) {
			open = &Shift{Place: c.place(k, s, was, is), From: t, Before: b, After: a, named: [2]time.Time{named(t)}}
		}
		if shadow == nil && own {
			b, _ := was.ruling(k, t)
			if a, by := is.ruling(k, t); (b == cascade.Set || b == cascade.Merged) && (a == cascade.LockedOut || a == cascade.TooLoose) {
				shadow = &Shadow{c.place(k, s, was, is), t, a, by}
			}
		}
	}
	if open != nil {
		c.Shifts = append(c.Shifts, *open)
	}
	if shadow != nil {
		c.Shadowed = append(c.Shadowed, *shadow)
	}
}

// instants are now and those later ones that something may change at by itself.
func (c *comparison) instants(known ...[]time.Time) []time.Time {
	all := []time.Time{c.now}
	for _, list := range known {
		for _, t := range list {
			if t.After(c.now) {
				all = append(all, t)
			}
		}
	}
	return inOrder(all)
}

func (c *comparison) place(k Key, s *spot, was, is *View) Place {
	v := is
	if v.node == nil {
		v = was
	}
	p := Place{Flag: k, Node: nodeOf(s.id)}
	p.Owner.Integrator, p.Owner.Tenant = domain.IntegratorID(v.Above(domain.IntegratorLevel)), domain.TenantID(v.Above(domain.TenantLevel))
	for level, at := range v.line {
		if at != nil {
			p.Level = levels[level+1]
		}
	}
	return p
}

// changes are the instants at which a flag may come to something else by itself.
func (v *View) changes(e *entry) []time.Time {
	if v.node == nil || e == nil {
		return nil
	}
	return v.breaks(e, map[*entry]bool{})
}

// outcome is what a flag comes to at an instant, nil if it is not to be found.
func (v *View) outcome(k Key, t time.Time) *Outcome {
	if v.node == nil {
		return nil
	}
	v.in.At = t
	a, err := v.Evaluate(k)
	if err != nil {
		return nil
	}
	return &Outcome{a.Value, a.Variant, a.Reason, a.Cause, a.Level}
}

// same reports whether two outcomes are one value under one name. Why it is so is of
// no matter to whoever uses it.
func (o *Outcome) same(p *Outcome) bool {
	if o == nil || p == nil {
		return o == p
	}
	return o.Variant == p.Variant && (string(o.Value) == string(p.Value) || cascade.Same(o.Value, p.Value))
}

// seen is what somebody sees of an outcome.
func (o *Outcome) seen() any {
	if o == nil {
		return nil
	}
	return []any{o.Value, o.Variant}
}

// target notes whoever on a line tells those apart whom a flag is evaluated for, or one
// that it depends on.
func (c *comparison) target(v *View, e *entry, before bool) {
	if v.node != nil {
		c.targets(v, e, before, map[*entry]bool{})
	}
}

func (c *comparison) targets(v *View, e *entry, before bool, seen map[*entry]bool) {
	if e == nil || seen[e] {
		return
	}
	seen[e] = true
	f := e.as(v.position)
	if f == nil {
		return
	}
	for _, s := range v.line {
		if s == nil {
			continue
		}
		if n := s.said(e.number, v.position); n.said != nil && n.said.layer.Targeting != nil {
			c.Targeted = true
			if before {
				c.rules[fmt.Sprint(s.id, e.key, n.position())] = true
			}
			c.rules[f.serves()] = true
			c.belong(v, n.said)
		}
	}
	for _, p := range f.Prerequisites {
		c.targets(v, v.book.flags.get(p.Flag), before, seen)
	}
}

// serves is all that an edition can come to, and when.
func (f *edition) serves() string {
	d := f.Definition
	text, _ := json.Marshal([]any{f.Key, f.Status, d.Default, d.Off, d.Variants, d.Mode, f.Prerequisites}) // which came out of JSON
	return string(text)
}

// belong notes who belongs to the segments that a node names, but for what the facts say
// of that: they are the same whenever they come.
func (c *comparison) belong(v *View, said *said) {
	for _, k := range said.Segments() {
		if v.book.drafted() && v.book.segments.own(k) != nil {
			continue
		}
		if r := v.book.roll(k, v.position); r != nil {
			c.rules[fmt.Sprint("segment", k, r.position)] = true
		}
	}
}

// ruling is the part that the last node of the line has in a decision, and the level
// that decides.
func (v *View) ruling(k Key, t time.Time) (r cascade.Ruling, by domain.Level) {
	if v.node == nil {
		return "", ""
	}
	v.in.At = t
	_, e, _, err := v.Explain(k)
	if err != nil {
		return "", ""
	}
	for i, s := range v.line {
		if s != nil && i < len(e.Decision.Story) {
			r = e.Decision.Story[i].Ruling
		}
	}
	return r, e.Decision.Decider.Level
}
