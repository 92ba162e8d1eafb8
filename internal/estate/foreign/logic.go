package foreign

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/reeve-platform/reeve/domain/flag"
)

// groups say whom something is for: it is enough that all conditions of one of them
// hold. No groups are nobody, and a group without conditions is everybody.
type groups [][]flag.Condition

var (
	everybody = groups{{}}
	nobody    = groups{}
)

// mostGroups bounds what conditions within conditions are multiplied out to.
const mostGroups = 100

// A tangle is a condition that takes more groups than there may be.
type tangle struct{}

func (tangle) Error() string { return fmt.Sprintf("takes more than %d rules to say here", mostGroups) }

func (g groups) always() bool {
	for _, all := range g {
		if len(all) == 0 {
			return true
		}
	}
	return false
}

func (g groups) or(h groups) (groups, error) {
	switch {
	case g.always() || h.always():
		return everybody, nil
	case len(g)+len(h) > mostGroups:
		return nil, tangle{}
	}
	return append(g[:len(g):len(g)], h...), nil
}

func (g groups) and(h groups) (out groups, err error) {
	if len(g)*len(h) > mostGroups {
		return nil, tangle{}
	}
	for _, a := range g {
		for _, b := range h {
			out = append(out, append(a[:len(a):len(a)], b...))
		}
	}
	return out, nil
}

// not is everybody else: whom in each group one condition does not hold for.
func (g groups) not() (out groups, err error) {
	out = everybody
	for _, all := range g {
		var one groups
		for _, c := range all {
			c.Not = !c.Not
			one = append(one, []flag.Condition{c})
		}
		if out, err = out.and(one); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// rules give what is served to whoever it is for.
func (g groups) rules(serve flag.Serving, split *flag.Split) (all []flag.Rule) {
	for _, when := range g {
		all = append(all, flag.Rule{When: when, Serving: serve, Split: split})
	}
	return all
}

// is is a condition on an attribute, with any of the values.
func is(attribute string, op flag.Operator, values ...any) flag.Condition {
	c := flag.Condition{Attribute: attribute, Op: op}
	for _, v := range values {
		b, _ := json.Marshal(v) // which came out of JSON
		c.Values = append(c.Values, b)
	}
	return c
}

func one(c flag.Condition) groups { return groups{{c}} }

// own are the names that contexts have for themselves here; attributes of these names
// are not looked at.
var own = map[string]bool{"key": true, "tenant": true, "integrator": true, "user": true}

// shares makes weights of any size those of a split, which take all of it together.
func shares(names []string, weights []float64) ([]flag.Share, bool) {
	var sum, sofar float64
	for _, w := range weights {
		if w < 0 || math.IsNaN(w) || math.IsInf(w, 0) {
			return nil, false
		}
		sum += w
	}
	if sum <= 0 || math.IsInf(sum, 0) {
		return nil, false
	}
	var out []flag.Share
	var given uint32
	for i, w := range weights {
		sofar += w
		upTo := uint32(math.Round(sofar / sum * flag.Whole))
		out = append(out, flag.Share{Serving: flag.Serving{Variant: names[i]}, Weight: upTo - given})
		given = upTo
	}
	return out, true
}
