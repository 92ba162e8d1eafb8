package flag

import (
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// A note is of a key, and was put in after some others.
type note struct {
	key    uint16
	number int
}

// A register is a map, and so is one that lies over it; however keys fall together, and
// whatever takes the place of what was there.
func TestARegisterIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.SampledFrom([]uint64{1, 3, 1 << 40}).Draw(t, "width")
		r := newRegister(func(k uint16) uint64 { return uint64(k) * 0x9e3779b97f4a7c15 % width }, func(n *note) uint16 { return n.key })
		most := rapid.IntRange(0, 400).Draw(t, "most")
		held := fillIn(t, r, most, map[uint16]*note{})
		over := r.over()
		if over.empty() != r.empty() || r.empty() != (len(held) == 0) {
			t.Fatalf("empty: %v, and over it %v, of %d", r.empty(), over.empty(), len(held))
		}
		above := fillIn(t, over, most, maps.Clone(held))
		for k := range uint16(300) {
			own := above[k]
			if own == held[k] {
				own = nil
			}
			if r.get(k) != held[k] || over.get(k) != above[k] || over.own(k) != own {
				t.Fatalf("%d: %v, %v and %v; want %v and %v", k, r.get(k), over.get(k), over.own(k), held[k], above[k])
			}
		}
		seen := map[uint16]*note{}
		for n := range r.each {
			if seen[n.key] != nil {
				t.Fatalf("%d comes twice", n.key)
			}
			seen[n.key] = n
		}
		if !maps.Equal(seen, held) {
			t.Fatalf("%v; want %v", seen, held)
		}
	})
}

// fillIn sets keys in a register and in a map.
func fillIn(t *rapid.T, r *register[uint16, note], most int, held map[uint16]*note) map[uint16]*note {
	for number := range rapid.IntRange(0, most).Draw(t, "notes") {
		k := rapid.Uint16Range(0, 299).Draw(t, "key")
		old := held[k]
		was := note{}
		if old != nil {
			was = *old
		}
		held[k] = r.set(k, func(n *note) { *n = note{k, number} })
		if *held[k] != (note{k, number}) || old != nil && *old != was {
			t.Fatalf("%v took the place of %v, which was %v", *held[k], *old, was)
		}
	}
	return held
}

// Whoever looks while a register grows finds all that is there, whole, and what is
// just being put in either whole or not at all.
func TestReadersOfAGrowingRegister(t *testing.T) {
	r := newRegister(func(k uint16) uint64 { return uint64(k) }, func(n *note) uint16 { return n.key })
	told, done := make(chan uint16, 16), make(chan struct{})
	go func() {
		defer close(done)
		for k := range told {
			for i := range uint16(1000) {
				if n := r.get(i); n == nil && i <= k || n != nil && n.number != -int(i) {
					t.Errorf("%d is %v after %d", i, n, k)
					return
				}
			}
		}
	}()
	for k := range uint16(1000) {
		r.set(k, func(n *note) { *n = note{k, -int(k)} })
		select {
		case told <- k:
		case <-done:
			return
		}
	}
	close(told)
	<-done
}
