package flag

import (
	"cmp"
	"testing"

	"pgregory.net/rapid"
)

// A mark holds what it was made of, up to the last flag and position that there are,
// and marks are in the order of flags, then positions.
func TestAMarkHoldsItAll(t *testing.T) {
	flags := rapid.OneOf(rapid.Uint32Range(0, (1<<20-1)), rapid.SampledFrom([]uint32{0, 1, 1<<12 - 1, 1 << 12, (1<<20 - 1) - 1, (1<<20 - 1)}))
	positions := rapid.OneOf(rapid.Uint64Range(0, lastPosition), rapid.SampledFrom([]uint64{0, 1<<32 - 1, 1 << 32, 1<<32 + 1, lastPosition - 1, lastPosition}))
	rapid.Check(t, func(t *rapid.T) {
		f, p, w := flags.Draw(t, "flag"), positions.Draw(t, "position"), rapid.Uint32().Draw(t, "words")
		m := markOf(f, p, w)
		if m.flag() != f || m.position() != p || m.words != w || m.packed() != pack(f, p) {
			t.Fatalf("flag %d at %d says %d", m.flag(), m.position(), m.words)
		}
		g, q := flags.Draw(t, "other flag"), positions.Draw(t, "other position")
		if cmp.Compare(m.packed(), markOf(g, q, 0).packed()) != cmp.Or(cmp.Compare(f, g), cmp.Compare(p, q)) {
			t.Fatalf("%d at %d and %d at %d are not in order", f, p, g, q)
		}
	})
}

// What a draft says has numbers of its own, also if the book under it goes on.
func TestWordsOfADraft(t *testing.T) {
	saying := func(by string) said { return said{Setting: Setting{Variant: by}} }
	var book words
	for range 2 * ofBlock {
		book.add(saying("the book"))
	}
	draft := book.over()
	further := draft.over()
	for range 2 * ofBlock {
		book.add(saying("the book, later"))
		draft.add(saying("the draft"))
		further.add(saying("the draft of a draft"))
	}
	for number := uint32(1); number <= 4*ofBlock; number++ {
		want := [3]string{"the book", "the book", "the book"}
		if number > 2*ofBlock {
			want = [3]string{"the book, later", "the draft", "the draft of a draft"}
		}
		if got := [3]string{book.of(number).Variant, draft.of(number).Variant, further.of(number).Variant}; got != want {
			t.Errorf("%d: %q, want %q", number, got, want)
		}
	}
}
