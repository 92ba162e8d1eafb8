package flag

import (
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// Lists give back what was added to them, and a copy of them what was there by then.
func TestListsHoldItAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all lists
		want := map[uint32][]mark{}
		flags := rapid.OneOf(rapid.Uint32Range(0, 3*ofLeaf), rapid.SampledFrom([]uint32{ofLeaf - 1, ofLeaf, 1000, 1 << 14}))
		last := rapid.Uint64Range(1, 60).Draw(t, "last")
		for position := range last {
			f := flags.Draw(t, "flag")
			all = all.add(markOf(f, position, 1))
			want[f] = append(want[f], markOf(f, position, 1))
		}
		until := rapid.Uint64Range(0, last).Draw(t, "until")
		copied := all.until(until)
		for f, list := range want {
			if !slices.Equal(all.of(f), list) {
				t.Fatalf("flag %d: %v, want %v", f, all.of(f), list)
			}
			cut := slices.DeleteFunc(slices.Clone(list), func(m mark) bool { return m.position() > until })
			if !slices.Equal(copied.of(f), cut) {
				t.Fatalf("flag %d until %d: %v, want %v", f, until, copied.of(f), cut)
			}
		}
		before := -1
		for f, list := range all.each {
			if int(f) <= before || !slices.Equal(list, want[f]) {
				t.Fatalf("flag %d behind %d: %v, want %v", f, before, list, want[f])
			}
			before = int(f)
			delete(want, f)
		}
		if len(want) > 0 || all.of(1<<15) != nil {
			t.Fatalf("not told of: %v", want)
		}
	})
}

// What a node takes hangs on what it says, and not on how many flags there are; and
// when it says something about one more, what it said before is not copied.
func TestWhoSaysLittleOfManyFlagsTakesLittle(t *testing.T) {
	const flags, said = 100_000, 2 * manySayings
	var all *versions
	tables := 0
	for n := range uint32(said) {
		next := all.add(markOf((n*7919)%flags, uint64(n), 1))
		if all != nil && all.many != nil && next != all {
			tables++
		}
		all = next
	}
	leaves := 0
	table := *all.many
	for i := range table {
		if table[i].Load() != nil {
			leaves++
		}
	}
	if leaves > said || len(table) > 2*flags/ofLeaf || tables > 1 {
		t.Errorf("%d sayings take %d leaves of a table of %d, which was copied %d times", said, leaves, len(table), tables)
	}
}

// Whoever looks while others are added finds what was there before, and no half of one.
func TestListsGrowWhileTheyAreRead(t *testing.T) {
	const flags, rounds = 5 * ofLeaf, 50
	all := &versions{many: new(lists{}.add(markOf(0, 0, 1)))}
	var now sync.Map // the newest versions, as a spot has them
	now.Store(0, all)
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for range 2000 {
				v, _ := now.Load(0)
				for f, list := range v.(*versions).many.each {
					for i, m := range list {
						if m.flag() != f || m.words != 1 || i > 0 && m.position() <= list[i-1].position() {
							t.Errorf("flag %d: %v", f, list)
							return
						}
					}
				}
			}
		})
	}
	position := uint64(0)
	for range rounds {
		for f := range uint32(flags) {
			position++
			all = all.add(markOf(f, position, 1))
			now.Store(0, all)
		}
	}
	readers.Wait()
}
