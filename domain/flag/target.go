package flag

import (
	"fmt"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// A target is a flag at a node, which every command on overrides is about.
type target struct {
	node domain.NodeID
	flag Key
	home domain.TenantID // of a user who may be known elsewhere only
}

var (
	// ErrNodeNotFound: no node of the tree has that id.
	ErrNodeNotFound = domain.ErrNodeNotFound
	// ErrNodeGone: the node has ended.
	ErrNodeGone = &domain.Error{Kind: domain.Gone, Code: "node-gone", Detail: "the node has ended"}
	// ErrLocked: a node above holds a lock on the flag.
	ErrLocked = &domain.Error{Kind: domain.Locked, Code: "flag-locked", Detail: "a node above holds a lock on the flag"}
	// ErrOverrideFirst: there is nothing in force that could be locked.
	ErrOverrideFirst = &domain.Error{Kind: domain.Conflict, Code: "override-first", Detail: "only an override that is in force can be locked"}
	// ErrUnlockFirst: a locked override cannot go away.
	ErrUnlockFirst = &domain.Error{Kind: domain.Conflict, Code: "unlock-first", Detail: "the override is locked; unlock it first"}
	// ErrHome: a user's node must come with its home, and only a user's.
	ErrHome = &domain.Error{Kind: domain.Invalid, Code: "invalid-home", Detail: "home names the tenant of a user, and the node must be a user's"}
)

// stream is where all overrides of the node are decided.
func (t target) stream() domain.StreamID { return domain.StreamID("nodeflags-" + t.node) }

// reads names the flag, then whatever tells what the node is, then the overrides
// of each node above it. A node that is not known to be a user is looked for
// among all nodes even when a home is given: a home must not make a user of what
// is something else, and so lead past the locks above it. What is taken for a user
// is looked for among the users that are known, who have a home already, and among
// clients and keys, who have none.
func (t target) reads(l Ladder) []domain.StreamID {
	return append([]domain.StreamID{Stream(t.flag)}, t.surroundings(l)...)
}

// surroundings names all of that but the flag.
func (t target) surroundings(l Ladder) (names []domain.StreamID) {
	if t.node == domain.PlatformID {
		return nil
	}
	p, known := l.places[t.node]
	if !known && t.home != "" {
		p = place{level: domain.UserLevel, parent: domain.NodeID(t.home)}
	}
	if !known || p.level == domain.UserLevel {
		names = append(names, domain.UserStream(domain.UserID(t.node)), domain.ClientStream(domain.ClientID(t.node)), domain.APIKeyStream(domain.APIKeyID(t.node)))
	}
	if !known || p.level != domain.UserLevel {
		names = append(names, domain.IntegratorStream(domain.IntegratorID(t.node)), domain.TenantStream(domain.TenantID(t.node)))
	}
	if p.level == domain.UserLevel && p.parent != domain.PlatformID {
		names = append(names, domain.TenantStream(domain.TenantID(p.parent)))
	}
	return append(names, t.above(l, p.parent)...)
}

// above names the overrides of a node and of those above it, and the histories
// that lead from one to the next.
func (t target) above(l Ladder, parent domain.NodeID) (names []domain.StreamID) {
	for _, n := range l.line(parent) {
		names = append(names, domain.StreamID("nodeflags-"+n))
		if level := l.level(n); level == domain.IntegratorLevel || level == "" {
			names = append(names, domain.IntegratorStream(domain.IntegratorID(n))) // which leads on to the platform
		}
	}
	return names
}

// find checks that flag and node are there and may be configured, and gives the
// ladder with a user's node hung up where it belongs.
func (t target) find(l Ladder) (Ladder, Flag, error) {
	f := l.flags[t.flag]
	switch f.Status {
	case StatusAbsent:
		return l, f, ErrNotFound
	case StatusArchived:
		return l, f, f.refused("overridden")
	}
	if t.node == domain.PlatformID && t.home == "" {
		return l, f, nil
	}
	p, err := t.place(l)
	if err != nil {
		return l, f, err
	}
	return l.move(t.node, func(q *place) { *q = p }), f, p.configurable()
}

// place is where the target hangs. A user that has no history of its own is known
// by an override it has had, or else by the home that the command names, which
// must be a tenant. A user may be configured as long as its home may.
func (t target) place(l Ladder) (place, error) {
	p, known := l.places[t.node]
	user := p.level == domain.UserLevel
	switch {
	case l.agents[t.node]:
		return p, ErrNodeNotFound
	case t.home != "" && (t.node == domain.PlatformID || known && (!user || p.parent != domain.NodeID(t.home))):
		return p, ErrHome
	case t.home == "" && !known:
		return p, ErrNodeNotFound
	case known && !user:
		return p, nil
	case known && p.parent == domain.PlatformID:
		return p, nil
	case !known:
		p = place{level: domain.UserLevel, parent: domain.NodeID(t.home)}
	}
	home := l.places[p.parent]
	if home.level != domain.TenantLevel && (!known || home.level != domain.IntegratorLevel) {
		return p, domain.ErrTenantNotFound
	}
	p.standing = home.standing
	return p, nil
}

func (p place) configurable() error {
	switch p.standing {
	case domain.Ended:
		return ErrNodeGone
	case domain.Closed:
		return domain.ErrTransition.With("flags of a tenant that is archived or pending deletion cannot be overridden; allowed on the tenant: unarchive, request or cancel deletion")
	}
	return nil
}

// called is how a node is named to people.
func (l Ladder) called(n domain.NodeID) string {
	if n == domain.PlatformID {
		return "the platform"
	}
	return fmt.Sprintf("the %s %s", l.level(n), n)
}

// free refuses, with ErrLocked, while a node above holds a lock on the flag.
func (t target) free(l Ladder, at time.Time) error {
	for _, a := range l.line(l.parent(t.node)) {
		if s := l.setting(a, t.flag); s.phase(at) == locked {
			return ErrLocked.With(fmt.Sprintf("%s holds a lock on the flag", l.called(a)))
		}
	}
	return nil
}
