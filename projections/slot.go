package projections

import "slices"

// A slot is a projection together with the table it is being written into: the
// one that is read, or one that is being built beside it.
type slot struct {
	Projection
	Description
	next bool   // beside
	bare bool   // without policies and readers, so that it can be filled by COPY
	fold folder // nil if derived
}

func newSlot(p Projection, next bool) *slot {
	s := &slot{Projection: p, Description: p.Describe(), next: next, bare: next}
	s.fold = p.folder(qualified(s.cursor()))
	return s
}

// cursor is the name of the cursor, and of the table in its schema.
func (s *slot) cursor() string {
	if s.next {
		return s.Name + beside
	}
	return s.Name
}

func (s *slot) derived() bool { return s.fold == nil }

// naming says which table a slot means by a name: a table that is built beside
// reads and writes what is built beside, where that is.
func (s *slot) naming(slots []*slot) Names {
	return func(table string) string {
		if s.next && (table == s.Name || find(slots, table+beside) != nil) {
			return qualified(table + beside)
		}
		return qualified(table)
	}
}

// sources are the slots that a derived slot is computed from.
func (s *slot) sources(slots []*slot) (from []*slot) {
	name := s.naming(slots)
	for _, o := range slots {
		if slices.Contains(s.Sources, o.Name) && name(o.Name) == qualified(o.cursor()) {
			from = append(from, o)
		}
	}
	return from
}

func find(slots []*slot, cursor string) *slot {
	i := slices.IndexFunc(slots, func(s *slot) bool { return s.cursor() == cursor })
	if i < 0 {
		return nil
	}
	return slots[i]
}

func without(slots []*slot, s *slot) []*slot {
	return slices.DeleteFunc(slices.Clone(slots), func(o *slot) bool { return o == s })
}

// inOrder puts what is derived behind what it is derived from.
func inOrder(slots []*slot) []*slot {
	slices.SortStableFunc(slots, func(a, b *slot) int {
		switch {
		case a.derived() == b.derived():
			return 0
		case a.derived():
			return 1
		}
		return -1
	})
	return slots
}
