package access

import (
	"slices"

	"github.com/reeve-platform/reeve/domain"
)

// A place is where in the tree a node hangs, and how it stands by itself.
type place struct {
	level    domain.Level
	parent   domain.NodeID
	standing domain.Standing
}

// grown is the tree with what an event says about a node.
func grown(nodes map[domain.NodeID]place, e domain.Event) map[domain.NodeID]place {
	if e, ok := e.(domain.Placed); ok {
		node, level, parent := e.Placed()
		p := nodes[node]
		p.level, p.parent = level, parent
		nodes = with(nodes, node, p)
	}
	if e, ok := e.(domain.Stands); ok {
		node, standing := e.Stands()
		p := nodes[node]
		p.standing = standing
		nodes = with(nodes, node, p)
	}
	return nodes
}

// line lists the nodes from the platform down to n, as far as they are known.
func (a Access) line(n domain.NodeID) []domain.NodeID {
	var up []domain.NodeID
	for range 4 {
		if n == "" {
			break
		}
		up = append(up, n)
		n = a.nodes[n].parent
	}
	slices.Reverse(up)
	return up
}

// level of a node. The platform needs no history to be known.
func (a Access) level(n domain.NodeID) domain.Level {
	if n == domain.PlatformID {
		return domain.PlatformLevel
	}
	return a.nodes[n].level
}

// open refuses nodes at which nothing can be arranged: those that do not exist,
// users among them, and those that are kept for the record only.
func (a Access) open(n domain.NodeID) error {
	if l := a.level(n); l == "" || l == domain.UserLevel {
		return domain.ErrNodeNotFound
	}
	if s := a.nodes[n].standing; s == domain.Closed || s == domain.Ended {
		return ErrNodeClosed
	}
	return nil
}

// histories names whatever tells what a node is and where it hangs, from what is
// known so far, and the access of the nodes above it.
func (a Access) histories(n domain.NodeID) (names []domain.StreamID) {
	if n == domain.PlatformID {
		return nil
	}
	names = append(names, domain.IntegratorStream(domain.IntegratorID(n)), domain.TenantStream(domain.TenantID(n)))
	for _, above := range a.line(a.nodes[n].parent) {
		names = append(names, Stream(above))
		if above != domain.PlatformID {
			names = append(names, domain.IntegratorStream(domain.IntegratorID(above))) // which leads on to the platform
		}
	}
	return names
}

// find gives the role of a key at a node. The highest definition counts, so that
// nobody below can give a key another meaning.
func (a Access) find(k Key, at domain.NodeID) (Ref, Definition, error) {
	if b, ok := builtIn(k); ok {
		return Ref{Role: k}, b.Definition, nil
	}
	for _, n := range a.line(at) {
		ref := Ref{k, n}
		switch r, ok := a.roles[ref]; {
		case ok && r.retired:
			return ref, r.Definition, ErrRoleGone
		case ok:
			return ref, r.Definition, nil
		}
	}
	return Ref{}, Definition{}, ErrRoleNotFound
}

// restricted reports whether a role is shut out by a node on the line to n.
func (a Access) restricted(r Ref, n domain.NodeID) bool {
	return slices.ContainsFunc(a.line(n), func(above domain.NodeID) bool {
		return len(a.allowed[above]) > 0 && !slices.Contains(a.allowed[above], r)
	})
}
