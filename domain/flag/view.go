package flag

import (
	"math"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// A Question is what a flag comes to at a node, and for whom.
type Question struct {
	Node     domain.NodeID
	User     domain.UserID // whose own overrides count, if the node is its home
	Context  *Context      // for whom rules are held, nobody in particular if nil; its nodes are those of the place, whatever it says
	At       time.Time     // instant that validities are held against
	Position uint64        // as of which; everything that is known if 0
}

// A View is a book as it was at one position, for one place. All that is asked of
// it is answered from that.
type View struct {
	book     *Book
	position uint64
	in       Input
	line     [4]*spot // by level, nil where there is none
	node     *spot
	standing uint8           // of standings
	shuts    *link           // whose standing it is
	heard    map[uint32]bool // numbers of the flags that users of the place say something about; nil if they were not looked through
}

// Look finds the place that a question is about. Errors: ErrNodeNotFound, ErrBlind.
func (b *Book) Look(q Question) (v View, err error) {
	v.book, v.position = b, b.position.Load()
	if q.Position > 0 {
		v.position = min(v.position, q.Position)
	}
	if blind := b.blind.Load(); blind != 0 && v.position >= blind {
		return v, ErrBlind
	}
	if !v.climb(q.Node) {
		return v, ErrNodeNotFound
	}
	if q.User != "" {
		v.join(q.User)
	}
	v.in = Input{Standing: standings[v.standing], Node: q.Node, At: q.At, Segments: b.audiences(v.position), Gate: b.Gate}
	if q.Context != nil {
		who := *q.Context // others may be asking with the same one
		who.Integrator, who.Tenant = domain.IntegratorID(v.Above(domain.IntegratorLevel)), domain.TenantID(v.Above(domain.TenantLevel))
		v.in.Context = &who
	}
	return v, nil
}

// Level is the rung of the tree that a node is on now, empty if there is no such
// node.
func (b *Book) Level(node domain.NodeID) domain.Level {
	if s := b.nodes.get(idOf(node)); s != nil {
		if l := s.newest.Load(); l != nil {
			return levels[l.level]
		}
	}
	return ""
}

// Home is the node that a user hangs under, as of a position or of now if that is
// 0.
func (b *Book) Home(user domain.UserID, position uint64) (domain.NodeID, bool) {
	if position == 0 {
		position = latest
	}
	s := b.nodes.get(idOf(domain.NodeID(user)))
	if s == nil {
		return "", false
	}
	l := s.as(position)
	if l == nil || levels[l.level] != domain.UserLevel || l.above == nil {
		return "", false
	}
	return nodeOf(l.above.id), true
}

// climb finds the nodes from a node up to the platform.
func (v *View) climb(node domain.NodeID) bool {
	v.node = v.book.nodes.get(idOf(node))
	for s := v.node; s != nil; {
		l := s.as(v.position)
		if l == nil || l.level == 0 {
			return s != v.node
		}
		level := int(l.level) - 1
		if v.line[level] != nil {
			return false
		}
		v.line[level] = s
		v.stands(l, level)
		s = v.book.lifted(l.above)
	}
	return v.node != nil
}

// stands combines how the node itself stands with those above it.
func (v *View) stands(l *link, level int) {
	switch {
	case v.shuts == nil:
		v.standing, v.shuts = l.standing, l
	case level == domain.IntegratorLevel.Depth():
		if standings[v.standing].Under(standings[l.standing]) != standings[v.standing] {
			v.standing, v.shuts = l.standing, l
		}
	}
}

// join adds a user whose home is the node.
func (v *View) join(user domain.UserID) {
	s := v.book.nodes.get(idOf(domain.NodeID(user)))
	if s == nil {
		return
	}
	if l := s.as(v.position); l != nil && levels[l.level] == domain.UserLevel && l.above != nil && l.above.id == v.node.id {
		v.line[domain.UserLevel.Depth()] = s
	}
}

// Position is the one that the view is as of.
func (v *View) Position() uint64 { return v.position }

// Standing is how far the node may be used, the nodes above it considered.
func (v *View) Standing() domain.Standing { return v.in.Standing }

// Above is the node at a level of the line that the view is of, itself included;
// none if there is none.
func (v *View) Above(level domain.Level) domain.NodeID {
	if s := v.line[level.Depth()]; s != nil {
		return nodeOf(s.id)
	}
	return ""
}

// Node is the place.
func (v *View) Node() domain.NodeID { return nodeOf(v.node.id) }

// Level is the rung of the tree that the place is on.
func (v *View) Level() domain.Level {
	if l := v.node.as(v.position); l != nil {
		return levels[l.level]
	}
	return ""
}

// as is the edition that counts at a position, nil if there was none.
func (e *entry) as(at uint64) *edition {
	n := e.newest.Load()
	for n != nil && n.position > at {
		n = n.before
	}
	return n
}

// as is how the node was at a position, nil if there was none.
func (s *spot) as(at uint64) *link {
	l := s.newest.Load()
	for l != nil && l.position() > at {
		l = l.before
	}
	return l
}

// stood is the position of the fact that a node stands as it does.
func (l *link) stood() uint64 {
	for l.before != nil && l.before.standing == l.standing {
		l = l.before
	}
	return l.position()
}

// latest is a position that no event has.
const latest = math.MaxUint64
