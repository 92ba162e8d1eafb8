package flag

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
)

// However maps are continued, each knows what was put in and taken out of it.
func TestLayeredMapsAreValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pasts, want := []layered[int, int]{{}}, []map[int]int{{}}
		for step := range rapid.IntRange(1, 150).Draw(t, "steps") {
			i, k := rapid.IntRange(0, len(pasts)-1).Draw(t, "past"), rapid.IntRange(0, 30).Draw(t, "key")
			now, next := maps.Clone(want[i]), pasts[i].with(k, nil)
			delete(now, k)
			if rapid.Bool().Draw(t, "there") {
				next, now[k] = pasts[i].with(k, &step), step
			}
			pasts, want = append(pasts, next), append(want, now)
		}
		for i, m := range pasts {
			got := map[int]int{}
			for k, v := range m.each() {
				if got[k] = *v; m.value(k) != *v {
					t.Fatalf("%d is %d and %d", k, *v, m.value(k))
				}
			}
			if !maps.Equal(got, want[i]) || m.of(31) != nil {
				t.Fatalf("%v, want %v", got, want[i])
			}
		}
	})
}

// tied are facts about a hub and flags that depend on it, in lines of two.
func tied(n int) (facts []domain.Event) {
	d := Definition{Type: Boolean, Default: []byte("true"), Off: []byte("false")}
	facts = append(facts, Defined{"hub", d})
	for i := range n {
		k, on := Key(fmt.Sprint("flag-", i)), []Prerequisite{{Flag: "hub", Value: []byte("true")}}
		if i%2 == 1 {
			on[0].Flag = Key(fmt.Sprint("flag-", i-1))
		}
		facts = append(facts, Defined{k, d}, PrerequisitesSet{Flag: k, Prerequisites: on})
	}
	return facts
}

// taken is how many bytes something takes altogether, those included that it gives back.
func taken(do func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc - before.TotalAlloc)
}

// Four times as many flags that depend on others take eight times as much to learn, and
// not sixteen times; and to decide about some among sixteen times as many takes four
// times as much.
func TestLargeGraphs(t *testing.T) {
	fold := func(n int) func() { return func() { domain.Fold(Graph{}, tied(n)...) } }
	if few, many := taken(fold(1000)), taken(fold(4000)); many > 11*few {
		t.Errorf("a thousand take %.0f bytes, four thousand %.0f", few, many)
	}
	hub := func(n int) func() {
		return func() { domain.Fold(Flag{}, tied(n)...) }
	}
	if few, many := taken(hub(1000)), taken(hub(4000)); many > 11*few {
		t.Errorf("a thousand dependants take %.0f bytes, four thousand %.0f", few, many)
	}
	decide := func(n int) float64 {
		g := domain.Fold(Graph{}, tied(n)...)
		return taken(func() {
			for i := range 200 {
				other := Key(fmt.Sprint("other-", i))
				g = g.Evolve(Defined{other, Definition{Type: Boolean}})
				facts, err := SetPrerequisites{other, []Prerequisite{{Flag: "flag-0", Value: []byte("true")}}}.Decide(g, domain.Meta{})
				if err != nil || len(facts) != 1 {
					t.Fatal(facts, err)
				}
				g = g.Evolve(facts[0])
			}
		})
	}
	if few, many := decide(1000), decide(16_000); many > 8*few {
		t.Errorf("among a thousand they take %.0f bytes to decide, among sixteen thousand %.0f", few, many)
	}
}

// Lines are found both ways, also once they are changed.
func TestLinesOfAGraph(t *testing.T) {
	g := domain.Fold(Graph{}, tied(4)...)
	dependants := func(k Key) []Key { return slices.Sorted(g.dependants(k)) }
	if got := dependants("hub"); !slices.Equal(got, []Key{"flag-0", "flag-2"}) {
		t.Error(got)
	}
	g = g.Evolve(PrerequisitesSet{Flag: "flag-0", Prerequisites: []Prerequisite{{Flag: "flag-3"}}})
	if got := dependants("hub"); !slices.Equal(got, []Key{"flag-2"}) || g.line("flag-2") != 5 || g.line("hub") != 5 || g.line("flag-1") != 5 {
		t.Error(got, g.line("flag-2"), g.line("hub"), g.line("flag-1"))
	}
}
