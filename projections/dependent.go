package projections

import (
	"fmt"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
)

// touched finds out what a page of events may have changed: through the segments
// that rules name, and through flags that others depend on, as well.
func (r *resolving) touched(dirty []domain.Recorded) (roots, flags []string, err error) {
	roots, flags = touchedBy(dirty)
	var changed []string
	for _, e := range dirty {
		if key := Segments.Key(e); key != "" && e.Event != nil {
			changed = append(changed, key)
		}
	}
	if len(changed) > 0 {
		named, err := collect[flagTouch](r, fmt.Sprintf(`select o.node, o.flag from %s o where o.segments && $1::text[]`, r.names("flag_overrides")), compact(changed))
		if err != nil {
			return nil, nil, err
		}
		for _, t := range named {
			roots, flags = append(roots, t.Root), append(flags, t.Flag)
		}
	}
	if len(flags) == 0 {
		return roots, flags, nil
	}
	return r.spread(roots, flags)
}

// spread adds to touches of flags those of the flags that depend on them.
func (r *resolving) spread(roots, flags []string) (_, _ []string, err error) {
	edges, err := collect[edge](r, fmt.Sprintf(`select f.key, p->>'flag' from %s f cross join lateral json_array_elements(f.prerequisites) p`, r.names("flags")))
	dependants, seen := map[string][]string{}, map[flagTouch]bool{}
	for _, e := range edges {
		dependants[e.On] = append(dependants[e.On], e.Flag)
	}
	for i := 0; i < len(flags); i++ { // which grows
		for _, d := range dependants[flags[i]] {
			if t := (flagTouch{roots[i], d}); !seen[t] {
				seen[t] = true
				roots, flags = append(roots, t.Root), append(flags, t.Flag)
			}
		}
	}
	return roots, flags, err
}

// An edge is a flag that depends on another.
type edge struct{ Flag, On string }

// follow loads what the flags in hand depend on, and what that depends on.
func (r *resolving) follow() error {
	r.known = map[flag.Key]Flag{}
	for next := r.flags; len(next) > 0; {
		var missing []string
		for _, f := range next {
			r.known[f.Key] = f
		}
		for _, f := range next {
			for _, p := range f.Prerequisites {
				if _, there := r.known[p.Flag]; !there {
					missing = append(missing, string(p.Flag))
				}
			}
		}
		if len(missing) == 0 {
			return nil
		}
		var err error
		if next, err = collect[Flag](r, fmt.Sprintf(`select %s from %s f where f.key in (select unnest($1::text[]))`, listed[Flag]("f"), r.names("flags")), compact(missing)); err != nil {
			return err
		}
	}
	return nil
}

// rows are what one flag comes to at a spot, at every time.
func (r *resolving) rows(s spot, f Flag, said map[string]flag.Layer) []ResolvedFlag {
	if s.Standing == domain.Ended {
		return nil
	}
	standing, by := Combined(s.Standing, s.By, s.Above, s.AboveBy)
	in := flag.Input{Standing: standing, Node: s.ID, Context: s.context(), Segments: r.audience, Breaks: r.breaks(s, f, said)}
	in.Prerequisites = func(k flag.Key, in flag.Input) (flag.Evaluation, error) {
		return flag.Evaluate(r.known[k].Rules(), in, s.layers(said, k)...)
	}
	var rows []ResolvedFlag
	for n, span := range flag.Timeline(f.Rules(), in, s.layers(said, f.Key)...) {
		rows = append(rows, resolved(s, f, n, span, by))
	}
	return rows
}

// breaks are when what a flag depends on may change.
func (r *resolving) breaks(s spot, f Flag, said map[string]flag.Layer) (all []time.Time) {
	on := map[flag.Key]bool{}
	for next := []Flag{f}; len(next) > 0; next = next[1:] {
		for _, p := range next[0].Prerequisites {
			if !on[p.Flag] {
				on[p.Flag], next = true, append(next, r.known[p.Flag])
				all = append(all, flag.Breaks(s.layers(said, p.Flag))...)
			}
		}
	}
	return all
}
