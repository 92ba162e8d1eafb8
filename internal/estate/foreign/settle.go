package foreign

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
)

// settle looks at what the flags say of each other, once all are read.
func (im *Import) settle() {
	slices.SortFunc(im.Flags, func(a, b Flag) int { return compareText(a.Key, b.Key) })
	slices.SortFunc(im.Segments, func(a, b Segment) int { return compareText(a.Key, b.Key) })
	graph, tied := flag.Graph{}, map[flag.Key]bool{}
	for _, f := range im.Flags {
		for _, p := range f.Prerequisites {
			tied[f.Key], tied[p.Flag] = true, true
		}
	}
	for _, f := range im.Flags {
		if tied[f.Key] { // a graph takes longer with each flag
			graph = graph.Evolve(flag.Defined{Flag: f.Key, Definition: f.Definition})
		}
	}
	for i := range im.Flags {
		f := &im.Flags[i]
		if len(f.Prerequisites) == 0 {
			continue
		}
		set := flag.SetPrerequisites{Flag: f.Key, Prerequisites: f.Prerequisites}
		events, err := set.Decide(graph, domain.Meta{})
		if err == nil {
			err = bound(set)
		}
		if err != nil {
			f.Prerequisites, f.Draft, f.doubt = nil, true, true
			im.lost(string(f.Key), "prerequisites", "it cannot depend on that: "+said(err), "the flag depends on nothing and stays a draft, which is off")
			continue
		}
		for _, e := range events {
			graph = graph.Evolve(e)
		}
	}
	im.spread()
}

// spread leaves off what depends on another flag being off that is off only because
// it could not be carried over, and what depends on that.
func (im *Import) spread() {
	dependents, doubted := map[flag.Key][]int{}, []int(nil)
	for i, f := range im.Flags {
		for _, p := range f.Prerequisites {
			dependents[p.Flag] = append(dependents[p.Flag], i)
		}
		if f.doubt {
			doubted = append(doubted, i)
		}
	}
	for len(doubted) > 0 {
		other := im.Flags[doubted[0]]
		doubted = doubted[1:]
		for _, i := range dependents[other.Key] {
			f := &im.Flags[i]
			n := slices.IndexFunc(f.Prerequisites, func(p flag.Prerequisite) bool {
				return p.Flag == other.Key && cascade.Same(other.Off, other.valueOf(p))
			})
			if n < 0 || f.Draft {
				continue
			}
			f.Draft, f.doubt, doubted = true, true, append(doubted, i)
			im.lost(string(f.Key), fmt.Sprintf("prerequisites/%d", n), "the other flag was not off, and is", "the flag stays a draft, which is off")
		}
	}
}

// valueOf is what the flag must come to.
func (f Flag) valueOf(p flag.Prerequisite) json.RawMessage {
	if p.Variant != "" {
		return f.Variants[p.Variant]
	}
	return p.Value
}

func compareText[T ~string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// segment adds a segment, unless it cannot be carried over. It reports whether rules
// may name it.
func (im *Import) segment(s Segment, any expr) bool {
	groups, why := any.groups()
	if why == "" {
		s.Any = groups
		define := flag.DefineSegment{Key: s.Key, Description: s.Description, Membership: s.Membership}
		_, err := define.Decide(flag.Segment{}, domain.Meta{})
		if err == nil {
			err = bound(define)
		}
		if err != nil {
			why = said(err)
		}
	}
	if why != "" {
		im.lost("segment "+string(s.Key), "", why, "the segment is left out, and every rule that names it")
		return false
	}
	im.Segments = append(im.Segments, s)
	return true
}
