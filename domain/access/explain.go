package access

import (
	"math"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// An Explanation says why a principal may do something at a node, or why not.
type Explanation struct {
	Verdict  Verdict            `json:"-"`
	Node     domain.NodeID      `json:"node"`
	Path     string             `json:"path,omitempty"` // empty if there is no such node
	Missing  domain.Permissions `json:"missing"`        // of those that were asked for
	User     *Halt              `json:"user,omitempty"` // what keeps a user from acting at all
	Grounds  []Ground           `json:"grounds"`        // everything that the principal was given on the way to the node
	Position uint64             `json:"position"`       // in the log, at which this is true
}

// A Ground is one thing that the principal was given, and whether it counts.
type Ground struct {
	Node        domain.NodeID      `json:"node"` // it was given at
	Ref                            // empty for what a client or a key was registered with
	Permissions domain.Permissions `json:"permissions"`
	Until       *time.Time         `json:"until,omitempty"`
	Against     *Halt              `json:"against,omitempty"` // nil if it counts
}

// A Halt is why something does not count, and the node that is to blame.
type Halt struct {
	Cause Cause         `json:"cause"`
	Node  domain.NodeID `json:"node,omitempty"`
}

// A Cause is why something that was given does not count.
type Cause string

// The causes.
const (
	Ended       Cause = "ended"        // its time is over
	NotStanding Cause = "not-standing" // a node is suspended, stopped, archived or gone, or a user is not active
	OutsideHome Cause = "outside-home" // the node does not lie below the user's home any more
	Undefined   Cause = "undefined"    // the node does not lie below the one that defines the role any more
	Retired     Cause = "retired"      // the role is
	Restricted  Cause = "restricted"   // the integrator does not let the role count
	// HeldElsewhere: the client or key was registered, or its secret told anew, by
	// somebody of a node that it does not lie below any more, such as the integrator
	// that its tenant has left.
	HeldElsewhere Cause = "held-elsewhere"
)

// Explain decides as [Model.Decide] does and says what the decision rests on.
func (m *Model) Explain(who string, need domain.Permissions, at domain.NodeID, when time.Time) Explanation {
	s := m.now.Load()
	x := Explanation{Verdict: s.decide(who, need, at, when), Node: at, Missing: need, Position: s.position, Grounds: []Ground{}}
	var r route
	if !s.follow(at, &r) {
		return x
	}
	x.Path = s.path(&r)
	p, ok := s.principals.get(who)
	if !ok {
		return x
	}
	x.User = s.halted(p)
	for i := range p.grants {
		g := &p.grants[i]
		step := r.find(g.node)
		if step < 0 {
			continue
		}
		ground := s.ground(p, g, &r, step, when.UnixMilli())
		if x.User == nil && ground.Against == nil {
			x.Missing &^= ground.Permissions
		}
		x.Grounds = append(x.Grounds, ground)
	}
	return x
}

// halted is what keeps a user from acting at all.
func (s *snapshot) halted(p *principal) *Halt {
	if p.node == none {
		return nil
	}
	var r route
	ok := s.climb(p.node, &r)
	switch {
	case ok && r.alive > 0:
		return &Halt{NotStanding, s.spots.at(r.steps[r.alive-1]).id}
	case !ok || s.tree.at(p.node).standing != usable:
		return &Halt{NotStanding, s.spots.at(p.node).id}
	}
	return nil
}

func (s *snapshot) ground(p *principal, g *grant, r *route, step int, now int64) Ground {
	out := Ground{Node: s.spots.at(g.node).id, Permissions: g.what, Against: s.against(p, g, r, step, now)}
	if g.role != none {
		out.Ref, out.Permissions = s.roles.at(g.role).ref, s.roles.at(g.role).what
	}
	if g.until != math.MaxInt64 {
		until := time.UnixMilli(g.until).UTC()
		out.Until = &until
	}
	return out
}

// against is the first reason why a grant does not count, in the order in which
// people would look for one.
func (s *snapshot) against(p *principal, g *grant, r *route, step int, now int64) *Halt {
	role := s.roleOf(g)
	switch {
	case g.until <= now:
		return &Halt{Cause: Ended}
	case step < r.alive:
		return &Halt{NotStanding, s.spots.at(r.steps[r.alive-1]).id}
	case g.role == none:
		if n := p.outsider(r, step, now); n != none {
			return &Halt{HeldElsewhere, s.spots.at(n).id}
		}
		return nil
	case p.node == none || r.find(s.tree.at(p.node).parent) < step:
		return &Halt{OutsideHome, s.called(p)}
	case role.at != none && r.find(role.at) < step:
		return &Halt{Undefined, role.ref.DefinedAt}
	case role.retired:
		return &Halt{Retired, role.ref.DefinedAt}
	}
	if n := s.shutBy(g.role, r, step); n != none {
		return &Halt{Restricted, s.spots.at(n).id}
	}
	return nil
}

func (s *snapshot) roleOf(g *grant) roleSpot {
	if g.role == none {
		return roleSpot{}
	}
	return *s.roles.at(g.role)
}

// called is the home of a user, empty if it has none.
func (s *snapshot) called(p *principal) domain.NodeID {
	if p.node == none || s.tree.at(p.node).parent == none {
		return ""
	}
	return s.spots.at(s.tree.at(p.node).parent).id
}
