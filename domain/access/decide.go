package access

import (
	"slices"
	"strings"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// A Verdict is the answer to whether somebody may do something somewhere. Its
// zero value allows nothing and tells nothing.
type Verdict uint8

// The verdicts.
const (
	Unseen    Verdict = iota // must not learn whether there is such a node
	Forbidden                // may know of the node, and lacks a permission
	Allowed
)

// String names the verdict.
func (v Verdict) String() string { return [...]string{"unseen", "forbidden", "allowed"}[v] }

// deepest is how many nodes lie between the platform and a user at most, both
// included.
const deepest = 4

// A route is the nodes from one of them, which is step 0, up to the platform.
type route struct {
	steps [deepest]uint32 // none where the route is shorter
	size  int
	alive int  // from which step on all nodes may be used
	shuts bool // some node on it lets not every role count
}

// find is the step that a node is at; -1 if it is not on the route.
func (r *route) find(n uint32) int {
	switch n {
	case r.steps[0]:
		return 0
	case r.steps[1]:
		return 1
	case r.steps[2]:
		return 2
	case r.steps[3]:
		return 3
	}
	return -1
}

// follow finds the way from a node. It fails for nodes that do not exist, and for
// those whose way up does not end at the platform.
func (s *snapshot) follow(id domain.NodeID, r *route) bool {
	i, ok := s.index.get(string(id))
	return ok && s.climb(i, r)
}

// climb fills in a route that its caller holds: to hand one back would cost as
// much as to find it.
func (s *snapshot) climb(i uint32, r *route) (ok bool) {
	*r = route{steps: [deepest]uint32{none, none, none, none}}
	for i != none {
		l := s.tree.at(i)
		if r.size == deepest || l.level == unplaced {
			return false
		}
		r.steps[r.size] = i
		r.size++
		if !l.stands() {
			r.alive = r.size
		}
		r.shuts = r.shuts || l.shuts
		ok, i = l.level == onTop, l.parent
	}
	return ok
}

func (l *link) stands() bool { return l.standing == usable || l.standing == pending }

// Decide says whether a principal, by its id, has all of the permissions at a
// node at an instant.
func (m *Model) Decide(who string, need domain.Permissions, at domain.NodeID, when time.Time) Verdict {
	return m.now.Load().decide(who, need, at, when)
}

func (s *snapshot) decide(who string, need domain.Permissions, at domain.NodeID, when time.Time) Verdict {
	p, ok := s.principals.get(who)
	if !ok {
		return Unseen
	}
	var r route
	if !s.follow(at, &r) {
		return Unseen
	}
	switch held := s.held(p, &r, when.UnixMilli()); {
	case held == 0:
		return Unseen
	case held.Has(need):
		return Allowed
	}
	return Forbidden
}

// held is what a principal may do at the start of a route: what it was given on
// the way up, where that counts.
func (s *snapshot) held(p *principal, r *route, now int64) (held domain.Permissions) {
	home, ok := s.home(p)
	if !ok {
		return 0
	}
	a, b, c, d := r.steps[0], r.steps[1], r.steps[2], r.steps[3] // in registers: most grants are elsewhere
	for i := range p.grants {
		g := &p.grants[i]
		if g.node != a && g.node != b && g.node != c && g.node != d {
			continue
		}
		step := r.find(g.node)
		switch {
		case step < r.alive || now >= g.until:
		case g.role != none:
			held |= s.power(g, r, step, home)
		case p.outsider(r, step, now) == none:
			held |= g.what
		}
	}
	return held
}

// home is the node that a user belongs to, none for other principals. It fails
// for a user who is not active. Whether the home may be used is not asked here:
// only what was given there or below counts, and that only while it may.
func (s *snapshot) home(p *principal) (uint32, bool) {
	if p.node == none {
		return none, true
	}
	l := s.tree.at(p.node)
	return l.parent, l.standing == usable
}

// power is what a role at a step of a route lets its holder do: nothing unless
// home and role are still on the way up from there, which they are not once a
// tenant has gone to another integrator, and no node there shuts the role out.
func (s *snapshot) power(g *grant, r *route, step int, home uint32) domain.Permissions {
	role := s.roles.at(g.role)
	if home == none || r.find(home) < step || role.at != none && r.find(role.at) < step {
		return 0
	}
	if r.shuts && s.shutBy(g.role, r, step) != none {
		return 0
	}
	return role.what
}

// shutBy is the highest node at or above a step that does not let a role count.
func (s *snapshot) shutBy(role uint32, r *route, step int) (by uint32) {
	by = none
	for _, n := range r.steps[step:r.size] {
		if s.tree.at(n).shuts && !slices.Contains(s.spots.at(n).allowed, role) {
			by = n
		}
	}
	return by
}

// Scope lists the paths of the nodes at which a principal has all of the
// permissions, without those below another one.
func (m *Model) Scope(who string, need domain.Permissions, when time.Time) []string {
	s := m.now.Load()
	p, ok := s.principals.get(who)
	if !ok {
		return nil
	}
	var paths []string
	var r route
	for _, g := range p.grants {
		if !s.climb(g.node, &r) {
			continue
		}
		if held := s.held(p, &r, when.UnixMilli()); held != 0 && held.Has(need) {
			paths = append(paths, s.path(&r))
		}
	}
	slices.Sort(paths)
	return outermost(paths)
}

// outermost drops paths that lie below others, or are there twice, of a sorted
// list: what lies below comes after.
func outermost(paths []string) (out []string) {
	for _, p := range paths {
		if !slices.ContainsFunc(out, func(o string) bool { return p == o || strings.HasPrefix(p, o+"/") }) {
			out = append(out, p)
		}
	}
	return out
}

func (s *snapshot) path(r *route) string {
	ids := make([]string, 0, deepest)
	for _, n := range slices.Backward(r.steps[:r.size]) {
		ids = append(ids, string(s.spots.at(n).id))
	}
	return strings.Join(ids, "/")
}
