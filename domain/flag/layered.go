package flag

import (
	"iter"
	"slices"
)

// A layered map is a value: with one entry more, or one less, it is another, and this
// one stays as it is. What is new is kept apart until it is worth joining with the
// rest, so that folding n facts copies n times the root of n entries and not n times n:
// a platform says something about thousands of flags, and thousands depend on others.
type layered[K comparable, V any] struct {
	old, new map[K]*V // nil in new: it is not there any more
}

// of is the entry of a key, nil if there is none. It must not be changed.
func (m layered[K, V]) of(k K) *V {
	if v, ok := m.new[k]; ok {
		return v
	}
	return m.old[k]
}

// value is that of a key, the zero value if there is none.
func (m layered[K, V]) value(k K) (v V) {
	if known := m.of(k); known != nil {
		return *known
	}
	return v
}

// with has v as the entry of a key, or none if v is nil.
func (m layered[K, V]) with(k K, v *V) layered[K, V] {
	m.new = with(m.new, k, v)
	if n := len(m.new); n*n > len(m.old) {
		m.old, m.new = m.joined(), nil
	}
	return m
}

func (m layered[K, V]) joined() map[K]*V {
	all := make(map[K]*V, len(m.old)+len(m.new))
	for k, v := range m.each() {
		all[k] = v
	}
	return all
}

// sortedKeys are the keys of what is there.
func sortedKeys[V any](m layered[Key, V]) (keys []Key) {
	for k := range m.each() {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// each yields the entries that are there, in no order.
func (m layered[K, V]) each() iter.Seq2[K, *V] {
	return func(yield func(K, *V) bool) {
		for k, v := range m.new {
			if v != nil && !yield(k, v) {
				return
			}
		}
		for k, v := range m.old {
			if _, newer := m.new[k]; !newer && !yield(k, v) {
				return
			}
		}
	}
}
