package flag

import (
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// A Prerequisite is what another flag must come to, at the same node, for the same
// context and at the same instant.
type Prerequisite struct {
	Flag    Key             `json:"flag" maxLength:"128" doc:"The other flag."`
	Variant string          `json:"variant,omitempty" maxLength:"128" doc:"Name of the variant that it must come to; or give a value."`
	Value   json.RawMessage `json:"value,omitempty" doc:"Value that it must come to; or name a variant."`
}

// SetPrerequisites makes a flag depend on others: where one of them does not come
// to what it must, the flag is off.
type SetPrerequisites struct {
	Flag          Key            `json:"flag" path:"flag" doc:"The flag."`
	Prerequisites []Prerequisite `json:"prerequisites" maxItems:"20" doc:"Everything it depends on; nothing if empty."`
}

// PrerequisitesSet: the flag depends on these, and on nothing else.
type PrerequisitesSet struct {
	Flag          Key            `json:"flag"`
	Prerequisites []Prerequisite `json:"prerequisites"`
	Before        []Prerequisite `json:"before"`
}

// Change gives what it depended on before and after.
func (e PrerequisitesSet) Change() (before, after any) { return e.Before, e.Prerequisites }

var (
	// ErrPrerequisite: a flag cannot depend on that.
	ErrPrerequisite = &domain.Error{Kind: domain.Invalid, Code: "invalid-prerequisite", Detail: "a prerequisite names a flag that can be found, once, and a value or variant of it"}
	// ErrPrerequisiteCycle: a flag would depend on itself.
	ErrPrerequisiteCycle = &domain.Error{Kind: domain.Conflict, Code: "prerequisite-cycle", Detail: "a flag cannot depend on itself"}
	// ErrPrerequisiteDepth: the flags depend on each other in too long a line.
	ErrPrerequisiteDepth = &domain.Error{Kind: domain.Conflict, Code: "prerequisite-depth", Detail: "flags can depend on each other in lines of 16 at most"}
	// ErrHasDependants: others depend on the flag.
	ErrHasDependants = &domain.Error{Kind: domain.Conflict, Code: "has-dependants", Detail: "other flags depend on the flag; take it from their prerequisites first"}
)

// maxDepth is how many flags can depend on each other in a line.
const maxDepth = 16

// GraphStream is the history of which flags depend on which. It is one stream for
// all flags: two commands that together would make a cycle cannot both succeed,
// because both append to it.
const GraphStream domain.StreamID = "flaggraph-platform"

// A Graph is what prerequisites are decided on.
type Graph struct {
	flags layered[Key, Flag]
	edges layered[Key, []Prerequisite]
	by    layered[Key, layered[Key, bool]] // the flags that depend on each
}

// Evolve folds one event.
func (g Graph) Evolve(e domain.Event) Graph {
	if p, ok := e.(PrerequisitesSet); ok {
		g = g.tie(p.Flag, p.Prerequisites)
	}
	if f, ok := e.(interface{ flag() Key }); ok {
		next := g.flags.value(f.flag()).Evolve(e)
		g.flags = g.flags.with(f.flag(), &next)
	}
	return g
}

// tie has a flag depend on others, and on nothing else.
func (g Graph) tie(k Key, on []Prerequisite) Graph {
	for _, p := range g.edges.value(k) {
		left := g.by.value(p.Flag).with(k, nil)
		g.by = g.by.with(p.Flag, &left)
	}
	for _, p := range on {
		more := g.by.value(p.Flag).with(k, new(true))
		g.by = g.by.with(p.Flag, &more)
	}
	g.edges = g.edges.with(k, &on)
	return g
}

// Stream names the history of all prerequisites.
func (c SetPrerequisites) Stream() domain.StreamID { return GraphStream }

// Reads names the flag and those it is to depend on.
func (c SetPrerequisites) Reads(Graph) []domain.StreamID {
	names := []domain.StreamID{Stream(c.Flag)}
	for _, p := range c.Prerequisites {
		names = append(names, Stream(p.Flag))
	}
	return names
}

// Decide applies the rule.
func (c SetPrerequisites) Decide(g Graph, _ domain.Meta) ([]domain.Event, error) {
	f := g.flags.value(c.Flag)
	if f.Status == StatusAbsent || f.Status == StatusArchived {
		return nil, f.refused("made to depend on others")
	}
	after, err := g.complete(c.Prerequisites)
	if err != nil {
		return nil, err
	}
	before := g.edges.value(c.Flag)
	if len(before) == len(after) && (len(after) == 0 || alike(before, after)) {
		return nil, nil
	}
	g = g.tie(c.Flag, after)
	if cycle := g.cycle(c.Flag); cycle != nil {
		return nil, ErrPrerequisiteCycle.With("the flag would depend on itself: " + strings.Join(names(cycle), " depends on "))
	}
	if len(after) > 0 && g.line(c.Flag) > maxDepth {
		return nil, ErrPrerequisiteDepth
	}
	return []domain.Event{PrerequisitesSet{c.Flag, after, before}}, nil
}

// complete checks prerequisites and makes the names of variants their values.
func (g Graph) complete(given []Prerequisite) ([]Prerequisite, error) {
	out, seen := make([]Prerequisite, len(given)), map[Key]bool{}
	for i, p := range given {
		place := fmt.Sprintf("/prerequisites/%d", i)
		f := g.flags.value(p.Flag)
		if seen[p.Flag] || f.Status == StatusAbsent || f.Status == StatusArchived {
			return nil, ErrPrerequisite.At(place+"/flag", "must be a flag that can be found, and not be there twice")
		}
		seen[p.Flag] = true
		if (p.Value == nil) == (p.Variant == "") {
			return nil, ErrOneValue.At(place, "must have a value or a variant, and not both")
		}
		if p.Variant != "" {
			v, ok := f.Definition.Variants[p.Variant]
			if !ok {
				return nil, ErrVariant.At(place+"/variant", "is not a variant of that flag")
			}
			p.Value = v
		} else if !f.Definition.Type.Has(p.Value) {
			return nil, ErrValueType.At(place+"/value", "must be "+f.Definition.Type.describe())
		}
		out[i] = p
	}
	return out, nil
}

// cycle is a line of flags from one back to itself, nil if there is none. It goes
// on from each flag once: one that led nowhere does not lead anywhere later.
func (g Graph) cycle(from Key) []Key {
	tried := map[Key]bool{}
	var back func(line []Key) []Key
	back = func(line []Key) []Key {
		for _, p := range g.edges.value(line[len(line)-1]) {
			longer := append(line[:len(line):len(line)], p.Flag)
			if p.Flag == from {
				return longer
			}
			if tried[p.Flag] {
				continue
			}
			tried[p.Flag] = true
			if found := back(longer); found != nil {
				return found
			}
		}
		return nil
	}
	return back([]Key{from})
}

// line is how many flags are in the longest line that leads through one.
func (g Graph) line(through Key) int {
	return depth(g.on, through, map[Key]int{}) + depth(g.dependants, through, map[Key]int{}) - 1
}

// on are the flags that one depends on.
func (g Graph) on(k Key) iter.Seq[Key] {
	return func(yield func(Key) bool) {
		for _, p := range g.edges.value(k) {
			if !yield(p.Flag) {
				return
			}
		}
	}
}

// dependants are the flags that depend on one, in no order.
func (g Graph) dependants(k Key) iter.Seq[Key] {
	return func(yield func(Key) bool) {
		for d := range g.by.value(k).each() {
			if !yield(d) {
				return
			}
		}
	}
}

// depth is how long a line leads away from a flag, itself counted, and known what
// was found out already. A line that comes back to itself, which only a log that
// others wrote can hold, is too long.
func depth(next func(Key) iter.Seq[Key], k Key, known map[Key]int) int {
	if d, ok := known[k]; ok {
		return d
	}
	known[k] = maxDepth + 1 // for as long as it is not known: whoever comes by has come back
	deepest := 0
	for n := range next(k) {
		deepest = max(deepest, depth(next, n, known))
	}
	known[k] = deepest + 1
	return deepest + 1
}

func names(keys []Key) (texts []string) {
	for _, k := range keys {
		texts = append(texts, string(k))
	}
	return texts
}

// A Checked prerequisite is one and what the other flag came to.
type Checked struct {
	Flag  Key             `json:"flag" doc:"The other flag."`
	Wants json.RawMessage `json:"wants" doc:"What it must come to."`
	Value json.RawMessage `json:"value,omitempty" doc:"What it comes to; none if it cannot be found."`
	Met   bool            `json:"met" doc:"Whether that is the same."`
}

// An outcome is what a flag came to in one evaluation. Where it was in the line is
// part of its name: close to the end of one that is too long it may come to less.
type outcome struct {
	value json.RawMessage
	found bool
}

type askedFor struct {
	flag  Key
	depth int
}

// checked evaluates what the flag depends on, each flag once however many depend on
// it. What cannot be evaluated is not met, and neither is anything at the end of a
// line that is too long.
func (f Flag) checked(in Input) []Checked {
	var out []Checked
	in.depth++
	if in.outcomes == nil {
		in.outcomes = map[askedFor]outcome{}
	}
	for _, p := range f.Prerequisites {
		c := Checked{Flag: p.Flag, Wants: p.Value}
		if o := in.outcome(p.Flag); o.found {
			c.Value, c.Met = o.value, cascade.Same(o.value, p.Value)
		}
		out = append(out, c)
	}
	return out
}

func (in *Input) outcome(k Key) (o outcome) {
	if in.Prerequisites == nil || in.depth >= maxDepth {
		return o
	}
	name := askedFor{k, in.depth}
	if known, ok := in.outcomes[name]; ok {
		return known
	}
	if e, err := in.Prerequisites(k, *in); err == nil {
		o = outcome{e.Value, true}
	}
	in.outcomes[name] = o
	return o
}
