package access

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// A Model is everything that decides who may do what, fed from the log and held
// in memory. Events are applied one after the other; each makes a new snapshot
// beside the old one and puts it in its place in one step. Questions are answered
// from whichever snapshot is there: readers take no lock, never wait for the
// writer or for each other, and never see half of an event.
type Model struct {
	writer sync.Mutex
	now    atomic.Pointer[snapshot]
}

// NewModel returns a model of an empty log, in which nobody may do anything.
func NewModel() *Model {
	m := &Model{}
	m.now.Store(begin())
	return m
}

// Apply learns one event; those that it has learned already do nothing. It fails
// on an event that this build cannot read: whoever feeds the model must stop
// then, for it may be the one that takes a right away.
func (m *Model) Apply(r domain.Recorded) error {
	if r.Err != nil {
		return domain.ErrUnreadableEvent.Because(r.Err)
	}
	m.writer.Lock()
	defer m.writer.Unlock()
	if old := m.now.Load(); r.Position > old.position {
		m.now.Store(old.with(r))
	}
	return nil
}

// Position is of the newest event that was applied.
func (m *Model) Position() uint64 { return m.now.Load().position }

// Identified gives the user whom an issuer knows by a subject.
func (m *Model) Identified(issuer, subject string) (domain.UserID, bool) {
	return m.now.Load().identities.get(issuer + "\x00" + subject)
}

// Standing is how far a node may be used once the nodes above it are considered.
// Below a node that must not be used, none may be used.
func (m *Model) Standing(n domain.NodeID) domain.Standing {
	s := m.now.Load()
	var r route
	if !s.follow(n, &r) {
		return domain.Absent
	}
	worst := uint8(usable)
	for _, i := range r.steps[:r.size] {
		standing := s.tree.at(i).standing
		if standing == 0 {
			return domain.Absent
		}
		worst = max(worst, standing)
	}
	return standings[worst]
}

// Own is how far a node may be used apart from the nodes above it.
func (m *Model) Own(n domain.NodeID) domain.Standing {
	s := m.now.Load()
	if i, ok := s.index.get(string(n)); ok {
		return standings[s.tree.at(i).standing]
	}
	return domain.Absent
}

// Registered is what a client or a key was registered with at a node.
func (m *Model) Registered(who string, at domain.NodeID) (all domain.Permissions) {
	s := m.now.Load()
	p, ok := s.principals.get(who)
	if !ok {
		return 0
	}
	for _, g := range p.grants {
		if g.role == none && s.spots.at(g.node).id == at {
			all |= g.what
		}
	}
	return all
}

// HeldElsewhere reports whether what a client or a key proves itself by is known to
// people of a node that it does not lie below any more, at an instant. What it was
// registered with does not count then.
func (m *Model) HeldElsewhere(who string, when time.Time) bool {
	s := m.now.Load()
	p, ok := s.principals.get(who)
	if !ok || len(p.knowers) == 0 {
		return false
	}
	var r route
	return s.climb(p.at, &r) && p.outsider(&r, 0, when.UnixMilli()) != none
}

// Belongs is the node that a principal belongs to, and the integrator that this is or
// hangs under: a user's home, or where a client or a key is registered. Both are empty
// for the platform, and for who is not known.
func (m *Model) Belongs(who string) (node, integrator domain.NodeID) {
	s := m.now.Load()
	p, ok := s.principals.get(who)
	if !ok {
		return "", ""
	}
	at := p.at
	if p.node != none {
		at = s.tree.at(p.node).parent
	}
	var r route
	if at == none || !s.climb(at, &r) || r.size < 2 {
		return "", ""
	}
	return s.spots.at(at).id, s.spots.at(r.steps[r.size-2]).id
}

// Granted is everything that a user was granted anywhere, whether it counts now or
// not, and the node that all of it lies at or below: the user's home.
func (m *Model) Granted(u domain.UserID) (all domain.Permissions, home domain.NodeID) {
	s := m.now.Load()
	p, ok := s.principals.get(string(u))
	if !ok {
		return 0, ""
	}
	for _, g := range p.grants {
		if g.role != none {
			all |= s.roles.at(g.role).what
		}
	}
	return all, s.called(p)
}

// Path is the ids from the platform down to a node, joined by slashes.
func (m *Model) Path(n domain.NodeID) (string, bool) {
	s := m.now.Load()
	var r route
	if !s.follow(n, &r) {
		return "", false
	}
	return s.path(&r), true
}

// Confers is what a role lets its holders do if it is granted at a node; false if
// there is no such role there.
func (m *Model) Confers(k Key, at domain.NodeID) (domain.Permissions, bool) {
	means, ok := m.Means(k, at)
	return means.Permissions, ok
}

// Means is the role that a key stands for at a node; false if there is none.
func (m *Model) Means(k Key, at domain.NodeID) (Meaning, bool) {
	if b, ok := builtIn(k); ok {
		return Meaning{Ref{Role: k}, b.Permissions}, true
	}
	s := m.now.Load()
	var r route
	if !s.follow(at, &r) {
		return Meaning{}, false
	}
	for _, n := range slices.Backward(r.steps[:r.size]) {
		if i, ok := s.roleAt.get(Ref{k, s.spots.at(n).id}.String()); ok {
			role := s.roles.at(i)
			return Meaning{role.ref, role.what}, !role.retired
		}
	}
	return Meaning{}, false
}
