package flag

import (
	"slices"
	"sync/atomic"
)

// Lists are what a node that says much says about each flag, by number: a table of
// leaves, each of a few flags, which are there for those only that it says something
// about. So a node that says little of many flags takes little, and one that comes to
// say something about one flag more need not be copied. One writer adds while any
// number of readers look things up; what was there stays for them.
type lists []atomic.Pointer[leaf]

// A leaf has the lists of flags whose numbers follow each other, nil where there is
// none.
type leaf [ofLeaf]atomic.Pointer[[]mark]

const ofLeaf = 16 // flags

// of is the list of a flag, nil if there is none.
func (all lists) of(flag uint32) []mark {
	if int(flag/ofLeaf) >= len(all) {
		return nil
	}
	l := all[flag/ofLeaf].Load()
	if l == nil {
		return nil
	}
	if list := l[flag%ofLeaf].Load(); list != nil {
		return *list
	}
	return nil
}

// add is the lists with one version more. It is the same ones where these reach as far.
func (all lists) add(n mark) lists {
	all = all.reaching(n.flag())
	all.set(n.flag(), append(all.of(n.flag()), n)) // whoever reads does not look behind the end that it had
	return all
}

// reaching is the same lists in a table that has room for a flag.
func (all lists) reaching(flag uint32) lists {
	need := int(flag/ofLeaf) + 1
	if need <= len(all) {
		return all
	}
	next := make(lists, max(need, 2*len(all)))
	for i := range all {
		next[i].Store(all[i].Load())
	}
	return next
}

// set puts a list in the place of the one that was there. The table has room for it.
func (all lists) set(flag uint32, list []mark) {
	l := all[flag/ofLeaf].Load()
	if l == nil {
		l = &leaf{}
		all[flag/ofLeaf].Store(l)
	}
	l[flag%ofLeaf].Store(&list)
}

// each yields the lists in the order of flags.
func (all lists) each(yield func(flag uint32, list []mark) bool) {
	for i := range all {
		l := all[i].Load()
		if l == nil {
			continue
		}
		for n := range l {
			if list := l[n].Load(); list != nil && !yield(uint32(i*ofLeaf+n), *list) {
				return
			}
		}
	}
}

// until is a copy of the lists up to a position, to add others to.
func (all lists) until(position uint64) lists {
	next := make(lists, len(all))
	for flag, list := range all.each {
		for len(list) > 0 && list[len(list)-1].position() > position {
			list = list[:len(list)-1]
		}
		if len(list) > 0 {
			next.set(flag, slices.Clip(list))
		}
	}
	return next
}
