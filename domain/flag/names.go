package flag

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	"github.com/reeve-platform/reeve/domain"
)

// A digest stands for a name. Whoever does not know the secret cannot find two names
// that have the same, nor many that lie close to each other.
type digest [16]byte

var secret = rand.Text()

func digestOf(name string) digest {
	sum := sha256.Sum256([]byte(secret + name))
	return digest(sum[:])
}

func (d digest) hash() uint64 { return binary.LittleEndian.Uint64(d[:]) }

// A naming is whose name something is from a position on.
type naming struct {
	name     digest
	position uint64
	node     *spot // nil from when it was nobody's
}

// A former is a naming that was followed by another: names are given back and taken
// again.
type former struct {
	naming
	before *former
}

func newNames() *register[digest, naming] {
	return newRegister(digest.hash, func(n *naming) digest { return n.name })
}

func newFormers() *register[digest, former] {
	return newRegister(digest.hash, func(f *former) digest { return f.name })
}

// call learns what a node is called from now on.
func (b *Book) call(e domain.Called, at uint64) {
	node, was, is := e.Called()
	if was == is {
		return
	}
	s := b.spot(node)
	if was != "" {
		if held := b.names.get(digestOf(was)); held != nil && b.lifted(held.node) == s {
			b.name(naming{digestOf(was), at, nil})
		}
	}
	if is != "" {
		b.name(naming{digestOf(is), at, s})
	}
}

// name puts a naming in the place of the one before, which is a former one before
// anybody can miss it.
func (b *Book) name(next naming) {
	if last := b.names.get(next.name); last != nil {
		before := b.formers.get(next.name)
		b.formers.set(next.name, func(f *former) { *f = former{*last, before} })
	}
	b.names.set(next.name, func(n *naming) { *n = next })
}

// Called is the node that has a name, as of a position or of now if that is 0.
func (b *Book) Called(name string, position uint64) (domain.NodeID, bool) {
	if position == 0 {
		position = latest
	}
	n := b.named(digestOf(name), position)
	if n == nil || n.node == nil {
		return "", false
	}
	return nodeOf(n.node.id), true
}

// named is the naming that counts at a position, nil if there is none.
func (b *Book) named(name digest, position uint64) *naming {
	n := b.names.get(name)
	if n == nil || n.position <= position {
		return n
	}
	for f := b.formers.get(name); f != nil; f = f.before {
		if f.position <= position {
			return &f.naming
		}
	}
	return nil
}
