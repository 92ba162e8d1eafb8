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

// fixed holds what is said to be everybody's answer at a node against those of
// everybody, and tells of how many flags that is said.
func (w *world) fixed(node domain.NodeID, at time.Time, position uint64) (found int) {
	v, err := w.book.Look(Question{Node: node, At: at, Position: position})
	if err != nil {
		return 0
	}
	together := map[Key]Variance{}
	v.AllFixed(func(k Key, _ Answer, why Variance) { together[k] = why })
	for _, k := range worldFlags {
		want, why, err := v.Fixed(k)
		if all, there := together[k]; all != why || there != (err == nil) {
			w.Fatalf("%s at %s is %q alone, %v, and %q among all", k, node, why, err, all)
		}
		if err != nil || why != "" {
			continue
		}
		found++
		for _, user := range worldNodes {
			for _, who := range crowd {
				got, err := asked(w.book, k, Question{Node: node, User: domain.UserID(user), Context: &who, At: at, Position: position})
				if err != nil || got.Value != string(want.Value) || got.Reason != want.Reason || got.Position != want.Position {
					w.Fatalf("%s at %s for %s, %+v: %+v, %v; want %+v", k, node, user, who, got, err, want)
				}
			}
		}
	}
	return found
}

// crowd are some that rules and segments of the world tell apart.
var crowd = func() (all []Context) {
	for _, key := range []string{"ann", "bob", "cy", ""} {
		for _, region := range []any{"eu", "us"} {
			all = append(all, Context{Key: key, Attributes: map[string]any{"region": region}})
		}
	}
	return all
}()

// What is everybody's is nobody's other, whatever the history was; and it is not never.
func TestWhatIsFixedIsEverybodys(t *testing.T) {
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		w := &world{T: t, book: NewBook(), now: at}
		w.grow()
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			w.step()
		}
		for range 3 {
			position := rapid.SampledFrom(w.log).Draw(w.T, "as of").Position
			at := w.now.Add(time.Duration(rapid.IntRange(-60, 30).Draw(w.T, "at")) * time.Minute)
			for _, node := range worldNodes {
				found += w.fixed(node, at, position)
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
	first, second := rapid.IntRange(0, len(w.log)-1).Draw(w.T, "first"), rapid.IntRange(0, 3).Draw(w.T, "later")
	was, is := w.log[first].Position, w.log[min(first+second, len(w.log)-1)].Position
	from := w.now.Add(time.Duration(rapid.IntRange(-60, 30).Draw(w.T, "from")) * time.Minute)
	to := from.Add(time.Duration(rapid.IntRange(0, 60).Draw(w.T, "to")) * time.Minute)
	for _, node := range worldNodes {
		v, err := w.book.Look(Question{Node: node, At: to, Position: is})
		if err != nil {
			continue
		}
		keys := v.Touched(was, from)
		for _, k := range worldFlags {
			for _, who := range crowd {
				before, errBefore := asked(w.book, k, Question{Node: node, Context: &who, At: from, Position: was})
				after, errAfter := asked(w.book, k, Question{Node: node, Context: &who, At: to, Position: is})
				same := errors.Is(errBefore, errAfter) && before.Value == after.Value
				if gone := errors.Is(errAfter, ErrNotFound); !same && !gone && !slices.Contains(keys, k) {
					w.Fatalf("%s at %s for %+v was %+v %v and is %+v %v, and only %v are touched", k, node, who, before, errBefore, after, errAfter, keys)
				}
			}
		}
	}
}
