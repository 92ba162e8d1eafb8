package access

// A list is a growing list that stays as it is when something is added or
// replaced, as a [trie] does. Its zero value is empty.
type list[V any] struct {
	shelves [][]*[pageSize]V
	size    uint32
}

const (
	pageBits  = 6 // of values, which are found in one step
	shelfBits = 8 // of pages
	pageSize  = 1 << pageBits
	shelfSize = 1 << shelfBits
)

// at is the value at an index below the size.
func (l *list[V]) at(i uint32) *V {
	return &l.shelves[i>>(pageBits+shelfBits)][i>>pageBits%shelfSize][i%pageSize]
}

// with is the list with a value at an index, which is at most the size.
func (l list[V]) with(i uint32, v V) list[V] {
	s, p := int(i>>(pageBits+shelfBits)), int(i>>pageBits%shelfSize)
	l.shelves = copied(l.shelves, s)
	l.shelves[s] = copied(l.shelves[s], p)
	page := new([pageSize]V)
	if before := l.shelves[s][p]; before != nil {
		*page = *before
	}
	page[i%pageSize] = v
	l.shelves[s][p] = page
	l.size = max(l.size, i+1)
	return l
}

// copied is a copy of a slice that has room for an index, at most one more.
func copied[T any](s []T, i int) []T {
	c := make([]T, max(len(s), i+1))
	copy(c, s)
	return c
}
