package flag

import (
	"hash/maphash"
	"sync/atomic"
)

// A register finds things by their keys. One writer adds to it while any number of
// readers look things up, without a lock. Nothing is ever taken out. It is a hash
// table with open addressing, of numbers in a series; a fuller one takes its place
// when it gets full. A register that lies over another holds what differs from that,
// which it leaves as it is.
type register[K comparable, T any] struct {
	hash   func(K) uint64
	keyOf  func(*T) K
	table  atomic.Pointer[[]atomic.Uint32] // 0 where there is nothing
	things series[T]
	begun  atomic.Bool
	keys   int // of the writer
	under  *register[K, T]
}

// seed keeps whoever chooses keys from choosing them into one place.
var seed = maphash.MakeSeed()

func newRegister[K comparable, T any](hash func(K) uint64, keyOf func(*T) K) *register[K, T] {
	r := &register[K, T]{hash: hash, keyOf: keyOf}
	r.table.Store(new(make([]atomic.Uint32, 16)))
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
	_, t := r.seek(*r.table.Load(), k)
	if t != nil || r.under == nil {
		return t
	}
	return r.under.get(k)
}

// own is the thing with a key, as far as the register itself holds it.
func (r *register[K, T]) own(k K) *T {
	_, t := r.seek(*r.table.Load(), k)
	return t
}

// seek is the place of a key in a table, and the thing there if it is not free.
func (r *register[K, T]) seek(table []atomic.Uint32, k K) (*atomic.Uint32, *T) {
	mask := uint64(len(table) - 1)
	for at := r.hash(k) & mask; ; at = (at + 1) & mask {
		number := table[at].Load()
		if number == 0 {
			return &table[at], nil
		}
		if t := r.things.at(number); r.keyOf(t) == k {
			return &table[at], t
		}
	}
}

// set puts in a thing, which is filled before anybody finds it, in the place of the
// one with the same key if there is one. That stays for those who know it.
func (r *register[K, T]) set(k K, fill func(*T)) *T {
	t := r.things.next()
	fill(t)
	place, old := r.seek(*r.table.Load(), k)
	if old == nil {
		r.keys++
		place, _ = r.seek(r.roomy(), k)
	}
	place.Store(r.things.count)
	r.begun.Store(true)
	return t
}

// roomy is a table that has room for all keys.
func (r *register[K, T]) roomy() []atomic.Uint32 {
	table := *r.table.Load()
	if 4*r.keys <= 3*len(table) {
		return table
	}
	fuller := make([]atomic.Uint32, 2*len(table))
	for i := range table {
		if number := table[i].Load(); number != 0 {
			place, _ := r.seek(fuller, r.keyOf(r.things.at(number)))
			place.Store(number)
		}
	}
	r.table.Store(&fuller)
	return fuller
}

// each yields everything that the register itself holds, in no order.
func (r *register[K, T]) each(yield func(*T) bool) {
	table := *r.table.Load()
	for i := range table {
		if number := table[i].Load(); number != 0 && !yield(r.things.at(number)) {
			return
		}
	}
}
