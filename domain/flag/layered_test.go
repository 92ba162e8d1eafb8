package flag_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/flag"
)

// keys are the flags that a platform says something about in these tests.
func keys(n int) (all []Key, facts []domain.Event) {
	for i := range n {
		k := Key(fmt.Sprintf("flag-%d", i))
		all, facts = append(all, k), append(facts, Defined{k, Definition{Type: Number, Default: j(`0`), Off: j(`0`)}})
	}
	return all, facts
}

func platformSays(k Key, v int) Overridden {
	value, _ := json.Marshal(v)
	return Overridden{Node: domain.PlatformID, Level: domain.PlatformLevel, Flag: k, Setting: Setting{Value: value}}
}

// same compares what a ladder knows with a plain map, flag by flag.
func same(t *rapid.T, l Ladder, all []Key, want map[Key]int) {
	for _, k := range all {
		facts, err := ClearOverride{domain.PlatformID, k}.Decide(l, domain.Meta{At: at})
		v, said := want[k]
		switch {
		case err != nil || len(facts) > 0 != said:
			t.Fatalf("%s: %v, %v; want %v", k, facts, err, said)
		case said && string(facts[0].(Cleared).Before.Value) != fmt.Sprint(v):
			t.Fatalf("%s: %s, want %d", k, facts[0].(Cleared).Before.Value, v)
		}
	}
}

// However much is said and taken back, in whichever of several continuations of
// one past, a ladder knows exactly the last word about each flag.
func TestEveryPastKnowsItsLastWords(t *testing.T) {
	all, defined := keys(40)
	rapid.Check(t, func(t *rapid.T) {
		ladders, words := []Ladder{domain.Fold(Ladder{}, defined...)}, []map[Key]int{{}}
		for range rapid.IntRange(1, 120).Draw(t, "facts") {
			i := rapid.IntRange(0, len(ladders)-1).Draw(t, "past")
			k := rapid.SampledFrom(all).Draw(t, "flag")
			now := map[Key]int{}
			for k, v := range words[i] {
				now[k] = v
			}
			var fact domain.Event = Cleared{Node: domain.PlatformID, Flag: k}
			delete(now, k)
			if v := rapid.IntRange(-3, 9).Draw(t, "value"); v >= 0 {
				fact, now[k] = platformSays(k, v), v
			}
			next := ladders[i].Evolve(fact)
			if len(ladders) < 4 {
				ladders, words = append(ladders, next), append(words, now)
				continue
			}
			ladders[i], words[i] = next, now
		}
		for i := range ladders {
			same(t, ladders[i], all, words[i])
		}
	})
}

func BenchmarkFoldThousandsOfOverrides(b *testing.B) {
	all, _ := keys(2000)
	var facts []domain.Event
	for i, k := range all {
		facts = append(facts, platformSays(k, i))
	}
	b.ReportAllocs()
	for b.Loop() {
		domain.Fold(Ladder{}, facts...)
	}
}
