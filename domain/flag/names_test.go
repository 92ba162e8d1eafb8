package flag_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/flag"
)

// called: a node is called something else from now on.
type called struct {
	node    domain.NodeID
	was, is string
}

func (e called) Called() (domain.NodeID, string, string) { return e.node, e.was, e.is }

// holder is whose name something was at a position.
func (c chronicle) holder(name string, position uint64) (node domain.NodeID) {
	for _, r := range c {
		e, ok := r.Event.(called)
		if !ok || r.Position > position || e.was == e.is {
			continue
		}
		if e.was == name && node == e.node {
			node = ""
		}
		if e.is == name {
			node = e.node
		}
	}
	return node
}

// A name that was given back and taken again is, at every position, the name of who
// had it then; in a draft, too.
func TestNamesAsOfThen(t *testing.T) {
	names := []string{"a", "b", "the-name-of-something-that-takes-longer-to-say"}
	maybe := rapid.SampledFrom(append([]string{""}, names...))
	rename := rapid.Custom(func(t *rapid.T) called {
		node := nodeNumber(rapid.IntRange(0, 3).Draw(t, "node"))
		return called{node, maybe.Draw(t, "was"), maybe.Draw(t, "is")}
	})
	rapid.Check(t, func(t *rapid.T) {
		b, log := NewBook(), chronicle{}
		for range rapid.IntRange(0, 40).Draw(t, "renamings") {
			if err := b.Apply(log.add(rename.Draw(t, "renaming"), at)); err != nil {
				t.Fatal(err)
			}
		}
		compare := func(what string, b *Book, log chronicle) {
			for _, name := range names {
				for _, position := range append([]uint64{0, 1}, log.positions()...) {
					as := position
					if as == 0 {
						as = 1 << 60
					}
					want := log.holder(name, as)
					if got, there := b.Called(name, position); got != want || there != (want != "") {
						t.Fatalf("%s: %q as of %d was that of %q (%v), not of %q", what, name, position, got, there, want)
					}
				}
			}
		}
		compare("the book", b, log)
		if fact := rename.Draw(t, "a draft's"); len(log) > 0 {
			last := log[len(log)-1].Position
			with := append(log[:len(log):len(log)], domain.Recorded{Event: fact, Position: last})
			d := b.Draft(domain.Meta{At: at}, fact)
			for _, name := range names {
				want := with.holder(name, last)
				if got, _ := d.Called(name, 0); got != want {
					t.Fatalf("the draft: %q is the name of %q, not of %q", name, got, want)
				}
			}
			compare("the book after the draft", b, log)
		}
	})
}

func (c chronicle) positions() (all []uint64) {
	for _, r := range c {
		all = append(all, r.Position-1, r.Position)
	}
	return all
}

func TestManyNames(t *testing.T) {
	b, log := NewBook(), chronicle{}
	name := func(n int) string { return fmt.Sprint("tenant-", n) }
	for n := range 3000 {
		if err := b.Apply(log.add(called{nodeNumber(n), "", name(n)}, at)); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 3000 {
		if got, there := b.Called(name(n), 0); !there || got != nodeNumber(n) {
			t.Errorf("%s is %q", name(n), got)
		}
		if got, there := b.Called(name(n), log[n].Position-1); there {
			t.Errorf("%s was %q before it had the name", name(n), got)
		}
	}
	if got, there := b.Called(name(3000), 0); there {
		t.Errorf("nobody's name is that of %q", got)
	}
}

// Whoever asks whose name something was does not miss it while others take the name.
func TestANameThatIsTakenWhileAsked(t *testing.T) {
	b, log := NewBook(), chronicle{}
	add := func(e domain.Event) {
		if err := b.Apply(log.add(e, at)); err != nil {
			t.Error(err)
		}
	}
	add(called{nodeNumber(0), "", "a"})
	first, done := b.Position(), make(chan struct{})
	var askers sync.WaitGroup
	for range 2 {
		askers.Go(func() {
			for {
				if got, there := b.Called("a", first); !there || got != nodeNumber(0) {
					t.Errorf("it was the name of %q, %v", got, there)
					return
				}
				select {
				case <-done:
					return
				default:
					runtime.Gosched()
				}
			}
		})
	}
	for n := range 3000 {
		add(called{nodeNumber(n % 3), "a", ""})
		add(called{nodeNumber((n + 1) % 3), "", "a"})
	}
	close(done)
	askers.Wait()
}
