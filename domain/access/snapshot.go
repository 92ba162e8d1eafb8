package access

import (
	"math"
	"slices"

	"github.com/reeve-platform/reeve/domain"
)

// A snapshot is the model at one position. It never changes: nodes, roles and
// principals are numbered or hang in persistent maps, and a new snapshot shares
// what an event leaves alone.
type snapshot struct {
	position   uint64
	index      *trie[uint32] // of nodes, by id
	tree       list[link]    // of nodes: what every decision looks at
	spots      list[spot]    // of nodes: the rest
	roleAt     *trie[uint32] // of roles, by ref
	roles      list[roleSpot]
	principals *trie[*principal]
	identities *trie[domain.UserID] // by issuer and subject
}

// A link hangs a node under its parent. It is small, so that the way up from any
// node of a large tree lies in the processor's cache. A node that something was
// said of before it was placed has no level, and is as good as unknown.
type link struct {
	parent   uint32
	level    level
	standing uint8 // index into standings
	shuts    bool  // some roles do not count here and below
}

// A level is a rung of the tree, from 1.
type level uint8

const (
	unplaced level = iota
	onTop
	atIntegrator
	atTenant
	atUser
)

// A spot is what decisions seldom ask of a node.
type spot struct {
	id      domain.NodeID
	allowed []uint32 // roles that count here and below, if the node shuts others out
}

// standings are numbered by how little is left of a node's use. A node that has
// not stood at all yet is nothing to rely on.
var standings = []domain.Standing{domain.Absent, domain.Usable, domain.Pending, domain.Barred, domain.Closed, domain.Ended}

// Numbers of the standings in which what is granted at a node counts: already
// before the node is in use, so that it can be prepared.
const (
	usable  = 1
	pending = 2
)

const none = math.MaxUint32 // no node, or no role

// A roleSpot is a role. Built-in ones are at no node.
type roleSpot struct {
	ref     Ref
	at      uint32
	what    domain.Permissions
	retired bool
}

// A principal is everything that somebody was given, and never changes either.
type principal struct {
	node    uint32 // of a user; none for clients and keys
	at      uint32 // where a client or a key is, or was, registered; none for users
	grants  []grant
	knowers []knower // of what a client or a key proves itself by
}

// A grant is a role at a node, or what a client or a key was registered with.
type grant struct {
	node  uint32
	role  uint32             // none for a registration
	what  domain.Permissions // of a registration
	until int64              // in Unix milliseconds, exclusive
}

// begin is the model of an empty log.
func begin() *snapshot {
	s := &snapshot{}
	for _, b := range BuiltIns {
		i := s.role(Ref{Role: b.Key})
		s.roles = s.roles.with(i, roleSpot{ref: Ref{Role: b.Key}, at: none, what: b.Permissions})
	}
	return s
}

// with is the snapshot after an event.
func (s *snapshot) with(r domain.Recorded) *snapshot {
	next := *s
	next.position = r.Position
	next.learn(r.Event, r.Meta)
	return &next
}

// learn changes a snapshot that nobody has seen yet.
func (s *snapshot) learn(e domain.Event, m domain.Meta) {
	s.grow(e)
	switch e := e.(type) {
	case RoleDefined:
		s.define(Ref{e.Role, e.Node}, e.Permissions, false)
	case RoleRetired:
		s.define(Ref{e.Role, e.Node}, 0, true)
	case RoleSetRestricted:
		s.restrict(e)
	case RoleGranted:
		s.give(string(e.User), grant{s.node(e.Node), s.role(e.Ref), 0, untilOf(e.Terms)})
	case RoleRevoked:
		s.give(string(e.User), grant{node: s.node(e.Node), role: s.role(e.Before.Ref)})
	case domain.Empowers:
		who, at, what := e.Empowers()
		if i, ok := s.index.get(who); !ok || s.tree.at(i).level == unplaced || s.registered(who) { // a node is nobody's credential
			s.register(who, grant{s.node(at), none, what, math.MaxInt64}, s.behind(m))
		}
	case domain.Appoints:
		s.register(string(e.Appoints()), grant{s.node(domain.PlatformID), none, domain.PermissionsOf(domain.AllPermissions...), math.MaxInt64}, nil)
	case domain.Rearms:
		who, before := e.Rearms()
		s.rearm(who, before, m)
	}
}

// grow learns what any event says about the tree and who its users are.
func (s *snapshot) grow(e domain.Event) {
	if e, ok := e.(domain.Placed); ok {
		id, level, parent := e.Placed()
		s.place(id, levelOf(level), parent)
	}
	if e, ok := e.(domain.Stands); ok {
		id, standing := e.Stands()
		s.link(s.node(id), func(l *link) { l.standing = uint8(slices.Index(standings, standing)) })
	}
	if e, ok := e.(domain.Houses); ok {
		s.house(e.Houses())
	}
	if e, ok := e.(domain.Identifies); ok {
		if user, issuer, subject := e.Identifies(); user != "" {
			s.identities = s.identities.set(issuer+"\x00"+subject, user)
		}
	}
}

// house hangs a user under its home that has no history of its own. It is a node
// to act on, and nobody who acts: whoever does act already is none.
func (s *snapshot) house(user, home domain.NodeID) {
	if user == "" {
		return
	}
	i, above := s.node(user), s.node(home)
	if s.tree.at(i).level == unplaced && !s.registered(string(user)) {
		s.link(i, func(l *link) { l.level, l.parent, l.standing = atUser, above, usable })
	}
}

func levelOf(l domain.Level) level {
	switch l {
	case domain.PlatformLevel:
		return onTop
	case domain.UserLevel:
		return atUser
	}
	if l == domain.IntegratorLevel {
		return atIntegrator
	}
	return atTenant
}

// place hangs a node where it is said to hang. What an id names does not change
// its kind: a node that is one already, or a principal that has no place in the
// tree, stays what it is.
func (s *snapshot) place(id domain.NodeID, at level, parent domain.NodeID) {
	i, above := s.node(id), uint32(none)
	if parent != "" {
		above = s.node(parent)
	}
	if l := s.tree.at(i).level; l != unplaced && l != at || s.registered(string(id)) {
		return
	}
	s.link(i, func(l *link) { l.level, l.parent = at, above })
	if at == atUser {
		s.change(string(id), func(p *principal) { p.node = i })
	}
}

func (s *snapshot) link(i uint32, change func(*link)) {
	l := *s.tree.at(i)
	change(&l)
	s.tree = s.tree.with(i, l)
}

// node is the index of a node, which is made if it is new.
func (s *snapshot) node(id domain.NodeID) uint32 {
	if i, ok := s.index.get(string(id)); ok {
		return i
	}
	i := s.tree.size
	s.index, s.tree, s.spots = s.index.set(string(id), i), s.tree.with(i, link{parent: none}), s.spots.with(i, spot{id: id})
	return i
}

// role is the index of a role, which is made if it is new.
func (s *snapshot) role(ref Ref) uint32 {
	if i, ok := s.roleAt.get(ref.String()); ok {
		return i
	}
	at := uint32(none)
	if ref.DefinedAt != "" {
		at = s.node(ref.DefinedAt)
	}
	i := s.roles.size
	s.roleAt, s.roles = s.roleAt.set(ref.String(), i), s.roles.with(i, roleSpot{ref: ref, at: at})
	return i
}

// define changes a role, unless it is built in: no event can change one of those.
func (s *snapshot) define(ref Ref, what domain.Permissions, retired bool) {
	if ref.DefinedAt == "" {
		return
	}
	i := s.role(ref)
	r := *s.roles.at(i)
	r.what, r.retired = what, retired
	s.roles = s.roles.with(i, r)
}

func (s *snapshot) restrict(e RoleSetRestricted) {
	var allowed []uint32
	for _, ref := range e.After {
		allowed = append(allowed, s.role(ref))
	}
	i := s.node(e.Node)
	s.spots = s.spots.with(i, spot{e.Node, allowed})
	s.link(i, func(l *link) { l.shuts = len(allowed) > 0 })
}

// give puts a grant in the place of the one for the same key at the same node; one
// that has ended at the beginning of time is none.
func (s *snapshot) give(who string, g grant) {
	key := s.roles.at(g.role).ref.Role
	s.change(who, func(p *principal) {
		p.grants = slices.DeleteFunc(slices.Clone(p.grants), func(o grant) bool {
			return o.node == g.node && o.role != none && s.roles.at(o.role).ref.Role == key
		})
		if g.until != 0 {
			p.grants = append(p.grants, g)
		}
	})
}

// registered reports whether an id is that of a client or a key.
func (s *snapshot) registered(who string) bool {
	p, ok := s.principals.get(who)
	return ok && slices.ContainsFunc(p.grants, func(g grant) bool { return g.role == none })
}

// register replaces everything that a client or a key could do, as somebody has
// asked for whom these nodes stand. Who has nothing left stays what it was: that it
// stood behind others is not undone.
func (s *snapshot) register(who string, g grant, behind []uint32) {
	s.change(who, func(p *principal) {
		p.grants = slices.DeleteFunc(slices.Clone(p.grants), func(o grant) bool { return o.role == none })
		if g.what != 0 {
			p.grants, p.at, p.knowers = append(p.grants, g), g.node, s.known(nil, g.node, behind)
		}
	})
}

func (s *snapshot) change(who string, change func(*principal)) {
	p := principal{node: none, at: none}
	if old, ok := s.principals.get(who); ok {
		p = *old
	}
	change(&p)
	s.principals = s.principals.set(who, &p)
}

func untilOf(t Terms) int64 {
	if t.Until == nil {
		return math.MaxInt64
	}
	return t.Until.UnixMilli()
}
