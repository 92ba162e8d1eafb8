package flag_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/flag"
)

// fixed holds what is said to be everybody's answer against those of everybody.
func (w *world) fixed() (found bool) {
	r := rapid.SampledFrom(w.log).Draw(w.T, "as of")
	node, k := rapid.SampledFrom(worldNodes[:6]).Draw(w.T, "node"), rapid.SampledFrom(worldFlags).Draw(w.T, "flag")
	at := w.now.Add(time.Duration(rapid.IntRange(-60, 30).Draw(w.T, "at")) * time.Minute)
	v, err := w.book.Look(Question{Node: node, At: at, Position: r.Position})
	if err != nil {
		return false
	}
	want, why, err := v.Fixed(k)
	if err != nil || why != "" {
		return false
	}
	for _, user := range worldNodes {
		for _, key := range []string{"ann", "bob", "cy", ""} {
			for _, region := range []any{"eu", "us", nil} {
				who := &Context{Key: key, Attributes: map[string]any{"region": region}}
				got, err := asked(w.book, k, Question{Node: node, User: domain.UserID(user), Context: who, At: at, Position: r.Position})
				if err != nil || got.Value != string(want.Value) || got.Reason != want.Reason || got.Position != want.Position {
					w.Fatalf("%s at %s for %s, %s of %v: %+v, %v; want %+v", k, node, user, key, region, got, err, want)
				}
			}
		}
	}
	return true
}

// What is everybody's is nobody's other, whatever the history was; and it is not never.
func TestWhatIsFixedIsEverybodys(t *testing.T) {
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		w := &world{T: t, book: NewBook(), now: at}
		w.grow()
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			w.step()
		}
		for range 10 {
			if w.fixed() {
				found++
			}
		}
	})
	if found == 0 {
		t.Error("nothing is fixed")
	}
}

// Whatever comes to something else for somebody was touched.
func TestWhatChangesWasTouched(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{T: t, book: NewBook(), now: at}
		w.grow()
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			w.step()
		}
		for range 20 {
			w.touched()
		}
	})
}

func (w *world) touched() {
	first, second := rapid.IntRange(0, len(w.log)-1).Draw(w.T, "first"), rapid.IntRange(0, len(w.log)-1).Draw(w.T, "second")
	was, is := w.log[min(first, second)].Position, w.log[max(first, second)].Position
	from := w.now.Add(time.Duration(rapid.IntRange(-60, 30).Draw(w.T, "from")) * time.Minute)
	to := from.Add(time.Duration(rapid.IntRange(0, 60).Draw(w.T, "to")) * time.Minute)
	node := rapid.SampledFrom(worldNodes[:6]).Draw(w.T, "node")
	v, err := w.book.Look(Question{Node: node, At: to, Position: is})
	if err != nil {
		return
	}
	keys := v.Touched(was, from)
	for _, k := range worldFlags {
		for _, key := range []string{"ann", "bob", "cy"} {
			who := &Context{Key: key, Attributes: map[string]any{"region": "eu"}}
			before, errBefore := asked(w.book, k, Question{Node: node, Context: who, At: from, Position: was})
			after, errAfter := asked(w.book, k, Question{Node: node, Context: who, At: to, Position: is})
			same := errors.Is(errBefore, errAfter) && before.Value == after.Value
			if gone := errors.Is(errAfter, ErrNotFound); !same && !gone && !slices.Contains(keys, k) {
				w.Fatalf("%s at %s for %s was %+v %v and is %+v %v, and only %v are touched", k, node, key, before, errBefore, after, errAfter, keys)
			}
		}
	}
}
