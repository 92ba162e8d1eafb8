package flag

import (
	"hash/maphash"
	"sync/atomic"
)

// A register finds things by their keys. One writer adds to it while any number of
// readers look things up, without a lock. Nothing is ever taken out. It is a hash
// table with open addressing; a fuller one takes its place when it gets full. One
// that lies over another holds what differs from that, which it leaves as it is.
type register[K comparable, T any] struct {
	hash  func(K) uint64
	keyOf func(*T) K
	table atomic.Pointer[[]atomic.Pointer[T]]
	begun atomic.Bool
	count int // of the writer
	under *register[K, T]
}

// seed keeps whoever chooses keys from choosing them into one place.
var seed = maphash.MakeSeed()

func newRegister[K comparable, T any](hash func(K) uint64, keyOf func(*T) K) *register[K, T] {
	r := &register[K, T]{hash: hash, keyOf: keyOf}
	r.table.Store(new(make([]atomic.Pointer[T], 16)))
	return r
}

// empty reports whether nothing was ever put in.
func (r *register[K, T]) empty() bool { return !r.begun.Load() }

// over is an empty register that lies over this one.
func (r *register[K, T]) over() *register[K, T] {
	next := newRegister(r.hash, r.keyOf)
	next.under = r
	next.begun.Store(r.begun.Load())
	return next
}

// get is the thing with a key, nil if there is none.
func (r *register[K, T]) get(k K) *T {
	if t := r.own(k); t != nil || r.under == nil {
		return t
	}
	return r.under.get(k)
}

// own is the thing with a key, as far as the register itself holds it.
func (r *register[K, T]) own(k K) *T {
	table := *r.table.Load()
	mask := uint64(len(table) - 1)
	for at := r.hash(k) & mask; ; at = (at + 1) & mask {
		if t := table[at].Load(); t == nil || r.keyOf(t) == k {
			return t
		}
	}
}

// add puts in a thing whose key is not there yet.
func (r *register[K, T]) add(t *T) {
	table := *r.table.Load()
	if 4*(r.count+1) > 3*len(table) {
		fuller := make([]atomic.Pointer[T], 2*len(table))
		for i := range table {
			if old := table[i].Load(); old != nil {
				r.put(fuller, old)
			}
		}
		table = fuller
		r.table.Store(&fuller)
	}
	r.put(table, t)
	r.begun.Store(true)
	r.count++
}

// set puts in a thing, in the place of the one with the same key if there is one.
func (r *register[K, T]) set(t *T) {
	k, table := r.keyOf(t), *r.table.Load()
	mask := uint64(len(table) - 1)
	for at := r.hash(k) & mask; ; at = (at + 1) & mask {
		switch old := table[at].Load(); {
		case old == nil:
			r.add(t)
			return
		case r.keyOf(old) == k:
			table[at].Store(t)
			return
		}
	}
}

func (r *register[K, T]) put(table []atomic.Pointer[T], t *T) {
	mask := uint64(len(table) - 1)
	at := r.hash(r.keyOf(t)) & mask
	for table[at].Load() != nil {
		at = (at + 1) & mask
	}
	table[at].Store(t)
}

// each yields everything that the register itself holds, in no order.
func (r *register[K, T]) each(yield func(*T) bool) {
	table := *r.table.Load()
	for i := range table {
		if t := table[i].Load(); t != nil && !yield(t) {
			return
		}
	}
}
