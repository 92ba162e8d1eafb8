package flag

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// A comparison finds an effect out.
type comparison struct {
	*Prospect
	only  []*spot           // that are looked at; all in reach if nil
	sees  func(*Place) bool // of what is found; everything if nil
	tally *tally            // of everything; nil if nobody needs one
	heard [2]map[*entry]bool
	names map[uuid.UUID]domain.NodeID

	id     uuid.UUID // of the node that is being looked at
	place  Place
	shifts []Shift
	shadow *Shadow
}

// walk tells what becomes of each flag at each place, from the platform down, until it
// is told to end. What it tells is good until the next. Error: ErrBlind, and that of ctx.
func (c *comparison) walk(ctx context.Context, found func(*Place, []Shift, *Shadow) bool) error {
	if blind := c.after.blind.Load(); blind != 0 && blind <= c.at {
		return ErrBlind
	}
	keys := c.keys()
	if c.only == nil {
		c.only = c.ordered()
	}
	for _, s := range c.only {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		was, is := c.look(c.before, s), c.look(c.after, s)
		if !c.passes(&was) && !c.passes(&is) {
			continue
		}
		c.settle(s, &was, &is)
		for i, k := range keys {
			if i%1024 == 1023 && ctx.Err() != nil {
				return ctx.Err()
			}
			if c.place.Flag = k; c.sees != nil && !c.sees(&c.place) {
				continue
			}
			c.compare(k, s, &was, &is)
			if (len(c.shifts) > 0 || c.shadow != nil) && !found(&c.place, c.shifts, c.shadow) {
				return nil
			}
		}
	}
	return nil
}

// settle names the place that is looked at from now on.
func (c *comparison) settle(s *spot, was, is *View) {
	v := is
	if v.node == nil {
		v = was
	}
	c.id, c.place = s.id, Place{Node: nodeOf(s.id)}
	for i, at := range v.line {
		if at == nil {
			continue
		}
		switch c.place.Level = levels[i+1]; c.place.Level {
		case domain.IntegratorLevel:
			c.place.Owner.Integrator = domain.IntegratorID(c.named(at.id))
		case domain.TenantLevel:
			c.place.Owner.Tenant = domain.TenantID(c.named(at.id))
		}
	}
	c.heard = [2]map[*entry]bool{{}, {}}
}

// named is the id of a node above or at the place. Many have the same one, which is
// held once.
func (c *comparison) named(id uuid.UUID) domain.NodeID {
	if id == c.id {
		return c.place.Node
	}
	if c.names == nil {
		c.names = map[uuid.UUID]domain.NodeID{}
	}
	if len(c.names) > 1024 {
		clear(c.names)
	}
	name, known := c.names[id]
	if !known {
		name = nodeOf(id)
		c.names[id] = name
	}
	return name
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
	c.shifts, c.shadow = c.shifts[:0], nil
	before, after := c.before.flags.get(k), c.after.flags.get(k)
	if c.tally != nil {
		c.targets(was, before, 0)
		c.targets(is, after, 1)
	}
	own := c.after.says(c.after.lifted(s), after.number, c.at).said != nil
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
			c.shifts, open = append(c.shifts, *open), nil
		}
		if open == nil && !b.same(a) {
			open = &Shift{Place: c.place, From: t, Before: b, After: a, named: [2]time.Time{named(t)}}
		}
		if c.shadow == nil && own {
			b, _ := was.ruling(k, t)
			if a, by := is.ruling(k, t); (b == cascade.Set || b == cascade.Merged) && (a == cascade.LockedOut || a == cascade.TooLoose) {
				c.shadow = &Shadow{c.place, t, a, by}
			}
		}
	}
	if open != nil {
		c.shifts = append(c.shifts, *open)
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

// targets notes, once for each flag, whoever on a line tells those apart whom it, or
// one that it depends on, is evaluated for. What a node in reach says is noted where
// that node is looked at itself.
func (c *comparison) targets(v *View, e *entry, side int) {
	if v.node == nil || e == nil || c.heard[side][e] {
		return
	}
	c.heard[side][e] = true
	f := e.as(v.position)
	if f == nil {
		return
	}
	reached := c.everywhere
	for _, s := range v.line {
		if s == nil {
			continue
		}
		reached = reached || c.nodes[s.id]
		n := v.book.says(s, e.number, v.position)
		if n.said == nil || n.said.layer.Targeting == nil {
			continue
		}
		c.tally.targeted = true
		switch before := side == 0; {
		case before && s.id == c.id:
			c.tally.rule(s.id, e.key, n.position())
		case before && !reached:
			c.tally.above(s.id, e.key, n.position())
		}
		c.tally.serves(f)
		c.belong(v, n.said)
	}
	for _, p := range f.Prerequisites {
		c.targets(v, v.book.flags.get(p.Flag), side)
	}
}

// belong notes who belongs to the segments that a node names, but for what the facts say
// of that: they are the same whenever they come.
func (c *comparison) belong(v *View, said *said) {
	for _, k := range said.Segments() {
		if v.book.drafted() && v.book.segments.own(k) != nil {
			continue
		}
		if r := v.book.roll(k, v.position); r != nil {
			c.tally.segment(k, r.position)
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
