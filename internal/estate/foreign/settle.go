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
	graph := flag.Graph{}
	for _, f := range im.Flags {
		graph = graph.Evolve(flag.Defined{Flag: f.Key, Definition: f.Definition})
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
	for im.spread() {
	}
}

// spread leaves off what depends on another flag being off that is off only because
// it could not be carried over. It reports whether there was such a flag.
func (im *Import) spread() (found bool) {
	off := map[flag.Key]json.RawMessage{}
	for _, f := range im.Flags {
		if f.doubt {
			off[f.Key] = f.Off
		}
	}
	for i := range im.Flags {
		f := &im.Flags[i]
		for n, p := range f.Prerequisites {
			v, doubted := off[p.Flag]
			if !doubted || f.Draft || !cascade.Same(v, im.valueOf(p)) {
				continue
			}
			f.Draft, f.doubt, found = true, true, true
			im.lost(string(f.Key), fmt.Sprintf("prerequisites/%d", n), "the other flag was not off, and is", "the flag stays a draft, which is off")
		}
	}
	return found
}

func (im *Import) valueOf(p flag.Prerequisite) json.RawMessage {
	for _, f := range im.Flags {
		if f.Key == p.Flag && p.Variant != "" {
			return f.Variants[p.Variant]
		}
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
