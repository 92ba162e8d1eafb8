package flag

import (
	"cmp"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
)

// A mark holds what it was made of, up to the last flag and position that there are,
// and marks are in the order of flags, then positions.
func TestAMarkHoldsItAll(t *testing.T) {
	flags := rapid.OneOf(rapid.Uint32Range(0, mostFlags), rapid.SampledFrom([]uint32{0, 1, 1<<12 - 1, 1 << 12, mostFlags - 1, mostFlags}))
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

// A full book takes nothing more, nor does a draft of it, and what it is asked is not
// answered from numbers that began again.
func TestABookThatIsFull(t *testing.T) {
	node := domain.NodeID("5f0c1b52-6f0e-4b5a-8f2d-0a5d3c1f7e11")
	for name, c := range map[string]struct {
		fill  func(*Book)
		draft error // since its nodes, names and segments are numbered from 1 on
	}{
		"flags":        {func(b *Book) { b.numbered = mostFlags }, ErrBlind},
		"nodes":        {func(b *Book) { b.nodes.things.count = mostThings - 1 }, nil},
		"names":        {func(b *Book) { b.names.things.count = mostThings - 1 }, nil},
		"segments":     {func(b *Book) { b.segments.things.count = mostThings - 1 }, nil},
		"words":        {func(b *Book) { b.words.count = mostThings - 1 }, ErrBlind},
		"words of two": {func(b *Book) { b.words.before, b.words.count = mostThings-100, 99 }, ErrBlind},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBook()
			_ = b.Apply(domain.Recorded{Stream: "flag-a", Event: Defined{Flag: "a"}, Position: 1})
			w := b.Watch(domain.Meta{}, Overridden{Node: node, Flag: "a"})
			defer w.End()
			c.fill(b)
			fact := Overridden{Node: node, Flag: "b"}
			if d := b.Draft(domain.Meta{}, fact); !errors.Is(d.Err(), c.draft) || b.Err() != nil {
				t.Errorf("a draft: %v, and the book: %v", d.Err(), b.Err())
			}
			_ = b.Apply(domain.Recorded{Stream: "nodeflags-x", Event: fact, Position: 2})
			if _, err := b.Look(Question{Node: domain.PlatformID}); !errors.Is(err, ErrBlind) {
				t.Errorf("now: %v", err)
			}
			if _, err := b.Look(Question{Node: domain.PlatformID, Position: 1}); err != nil {
				t.Errorf("as of before: %v", err)
			}
			if w.Stands() {
				t.Error("a watch stands, and does not know what came")
			}
			if b.nodes.get(idOf(node)) != nil {
				t.Error("it took one more")
			}
		})
	}
}

// What several nodes say about one flag in the same way is one thing, and what one of
// them says otherwise, or about another flag, is not.
func TestWhatNodesSayAlikeIsHeldOnce(t *testing.T) {
	b := NewBook()
	one := b.intern("a", Setting{Value: []byte(`"x"`)})
	for k, s := range map[Key]Setting{"a": {Value: []byte(`"y"`)}, "b": {Value: []byte(`"x"`)}, "a\"": {Value: []byte(`"x"`)}} {
		if b.intern(k, s) == one {
			t.Errorf("%s: %+v is taken for something else", k, s)
		}
	}
	if again := b.intern("a", Setting{Value: []byte(` "x"`)}); again != one || b.words.count != 4 {
		t.Errorf("%d is %d again, of %d", one, again, b.words.count)
	}
}
