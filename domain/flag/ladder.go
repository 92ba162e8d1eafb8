package flag

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// A Setting is what one node says about one flag: to those whom a rule is for what
// that rule says, to a share of the others what the split gives it, and its value,
// if it has one, to everybody else.
type Setting struct {
	Value      json.RawMessage `json:"value,omitempty"`
	Variant    string          `json:"variant,omitempty"` // it was set by, if it was set by name
	Rules      []Rule          `json:"rules,omitempty"`   // the first that matches counts
	Split      *Split          `json:"split,omitempty"`
	ValidFrom  *time.Time      `json:"validFrom,omitempty"`
	ValidUntil *time.Time      `json:"validUntil,omitempty"` // exclusive
	Locked     bool            `json:"locked,omitempty"`
	Opted      Opted           `json:"opted,omitempty"` // if the node itself chose
	Set        FeatureSetKey   `json:"set,omitempty"`   // that gave it to the node
}

// A phase is where a setting is in its own time.
type phase uint8

const (
	missing phase = iota
	scheduled
	inForce
	locked
	expired
)

func (s *Setting) phase(at time.Time) phase {
	switch {
	case s == nil:
		return missing
	case s.ValidUntil != nil && !at.Before(*s.ValidUntil):
		return expired
	case s.ValidFrom != nil && at.Before(*s.ValidFrom):
		return scheduled
	case s.Locked:
		return locked
	}
	return inForce
}

// holds reports whether a lock is on the setting: in force, or as soon as the
// setting comes into force. A lock ends with its setting.
func (s *Setting) holds(at time.Time) bool {
	return s != nil && s.Locked && s.phase(at) != expired
}

// Layer is the setting as it is evaluated.
func (s Setting) Layer(level domain.Level, node domain.NodeID) Layer {
	l := Layer{cascade.Layer{Level: level, Node: node, Value: s.Value, Locked: s.Locked}, s.Targeting()}
	if s.ValidFrom != nil {
		l.From = *s.ValidFrom
	}
	if s.ValidUntil != nil {
		l.Until = *s.ValidUntil
	}
	return l
}

// A Ladder is what an override is decided on: a node, those above it, what each
// of them says, and the flags. It is folded from the node's own stream and from
// those that the command reads.
type Ladder struct {
	last     domain.NodeID // that an override was folded of, the own one in the end
	places   map[domain.NodeID]place
	flags    map[Key]Flag
	settings map[domain.NodeID]layered[Key, Setting]
	agents   map[domain.NodeID]bool // ids of clients and keys, which are no nodes
	segments map[SegmentKey]bool    // that may be named
	sets     map[FeatureSetKey]FeatureSet
	assigned map[assignment]int // editions of the sets that nodes have
	instead  map[spoke]*Setting // what nodes said before a set gave them something else
}

type place struct {
	level    domain.Level
	parent   domain.NodeID
	standing domain.Standing
}

// Evolve folds one event.
func (l Ladder) Evolve(e domain.Event) Ladder {
	if p, ok := e.(domain.Placed); ok {
		node, level, parent := p.Placed()
		l = l.move(node, func(p *place) { p.level, p.parent = level, parent })
	}
	if s, ok := e.(domain.Stands); ok {
		node, standing := s.Stands()
		l = l.move(node, func(p *place) { p.standing = standing })
	}
	if c, ok := e.(domain.Empowers); ok {
		who, _, _ := c.Empowers()
		l.agents = with(l.agents, domain.NodeID(who), true)
	}
	if f, ok := e.(interface{ flag() Key }); ok {
		l.flags = with(l.flags, f.flag(), l.flags[f.flag()].Evolve(e))
	}
	switch e := e.(type) {
	case SegmentDefined:
		l.segments = with(l.segments, e.Segment, true)
	case SegmentRetired:
		l.segments = with(l.segments, e.Segment, false)
	}
	return l.evolveSets(e).evolveSettings(e)
}

// knows refuses a setting that names a segment that is not there.
func (l Ladder) knows(s Setting) error {
	for i, r := range s.Rules {
		for n, c := range r.When {
			if c.Segment != "" && !l.segments[c.Segment] {
				return ErrUnknownSegment.At(fmt.Sprintf("/rules/%d/when/%d/segment", i, n), "is not a segment in use")
			}
		}
	}
	return nil
}

func (l Ladder) evolveSettings(e domain.Event) Ladder {
	switch e := e.(type) {
	case interface{ Said() Saying }:
		s := e.Said()
		l = l.displace(s).say(s.Node, s.Flag, &s.Setting)
		if _, known := l.places[s.Node]; !known && s.Level == domain.UserLevel {
			l = l.move(s.Node, func(p *place) { *p = place{s.Level, s.Parent, domain.Usable} })
		}
	case Cleared:
		l = l.say(e.Node, e.Flag, nil)
	case Locked:
		l = l.lock(e.Node, e.Flag, true)
	case Unlocked:
		l = l.lock(e.Node, e.Flag, false)
	}
	return l
}

func (l Ladder) lock(n domain.NodeID, k Key, on bool) Ladder {
	var s Setting
	if now := l.setting(n, k); now != nil {
		s = *now
	}
	s.Locked = on
	return l.say(n, k, &s)
}

func (l Ladder) say(n domain.NodeID, k Key, s *Setting) Ladder {
	l.settings, l.last = with(l.settings, n, l.settings[n].with(k, s)), n
	return l
}

func (l Ladder) move(n domain.NodeID, change func(*place)) Ladder {
	p := l.places[n]
	change(&p)
	l.places = with(l.places, n, p)
	return l
}

// with is the map with one more entry; the map itself stays as it is, because
// whoever holds the old state holds the old map.
func with[K comparable, V any](m map[K]V, k K, v V) map[K]V {
	c := make(map[K]V, len(m)+1)
	maps.Copy(c, m)
	c[k] = v
	return c
}

// Owner tells whose the node is that the command was about.
func (l Ladder) Owner() (o domain.Owner) {
	for _, n := range l.line(l.last) {
		switch l.places[n].level {
		case domain.IntegratorLevel:
			o.Integrator = domain.IntegratorID(n)
		case domain.TenantLevel:
			o.Tenant = domain.TenantID(n)
		}
	}
	return o
}

// line lists the nodes from the platform down to n, as far as they are known.
func (l Ladder) line(n domain.NodeID) []domain.NodeID {
	var up []domain.NodeID
	for range 4 {
		if n == "" {
			break
		}
		up = append(up, n)
		n = l.parent(n)
	}
	slices.Reverse(up)
	return up
}

func (l Ladder) parent(n domain.NodeID) domain.NodeID { return l.places[n].parent }

// setting is what a node says about a flag, nil if nothing.
func (l Ladder) setting(n domain.NodeID, k Key) *Setting {
	s := l.settings[n].of(k)
	if s == nil {
		return nil
	}
	c := *s
	return &c
}

// layers are what the nodes above n say about a flag to everybody, from the
// platform down.
func (l Ladder) layers(n domain.NodeID, k Key) []cascade.Layer {
	var out []cascade.Layer
	for _, a := range l.line(l.parent(n)) {
		if s := l.setting(a, k); s != nil {
			out = append(out, s.Layer(l.level(a), a).Layer)
		}
	}
	return out
}

func (l Ladder) level(n domain.NodeID) domain.Level {
	if n == domain.PlatformID {
		return domain.PlatformLevel
	}
	return l.places[n].level
}
