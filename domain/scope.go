package domain

import (
	"slices"
	"strings"
)

// A Scope is what a reader may see: whatever belongs to the nodes at its paths
// and below them. The zero Scope sees nothing. A path is that of [Node].
type Scope struct {
	Actor  Actor
	Paths  []string
	Reason string // why somebody looks across all tenants, if that needs one
}

// All reports whether the scope is the whole platform.
func (s Scope) All() bool {
	for _, p := range s.Paths {
		if p == string(PlatformID) {
			return true
		}
	}
	return false
}

// Covers reports whether a path is in scope.
func (s Scope) Covers(path string) bool {
	for _, p := range s.Paths {
		if rest, ok := strings.CutPrefix(path, p); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// Above reports whether a node lies above what is in scope, and is not in scope
// itself.
func (s Scope) Above(n NodeID) bool {
	above := false
	for _, p := range s.Paths {
		steps := strings.Split(p, "/")
		i := slices.Index(steps, string(n))
		if i >= 0 && s.Covers(strings.Join(steps[:i+1], "/")) {
			return false
		}
		above = above || i >= 0
	}
	return above
}
