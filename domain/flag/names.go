package flag

import (
	"hash/maphash"

	"github.com/reeve-platform/reeve/domain"
)

// A naming is whose name something was from a position on. Names are given back and
// taken again, so there may be several one after the other.
type naming struct {
	name     string
	position uint64
	node     *spot // nil from when it was nobody's
	before   *naming
}

func newNames() *register[string, naming] {
	return newRegister(func(s string) uint64 { return maphash.String(seed, s) }, func(n *naming) string { return n.name })
}

// call learns what a node is called from now on.
func (b *Book) call(e domain.Called, at uint64) {
	node, was, is := e.Called()
	if was == is {
		return
	}
	s := b.spot(node)
	if held := b.names.get(was); was != "" && held != nil && held.node == s {
		b.names.set(was, func(n *naming) { *n = naming{was, at, nil, held} })
	}
	if is != "" {
		before := b.names.get(is)
		b.names.set(is, func(n *naming) { *n = naming{is, at, s, before} })
	}
}

// Called is the node that has a name, as of a position or of now if that is 0.
func (b *Book) Called(name string, position uint64) (domain.NodeID, bool) {
	if position == 0 {
		position = latest
	}
	n := b.names.get(name)
	for n != nil && n.position > position {
		n = n.before
	}
	if n == nil || n.node == nil {
		return "", false
	}
	return nodeOf(n.node.id), true
}
