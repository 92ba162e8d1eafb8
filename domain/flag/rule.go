package flag

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// A Serving is what somebody is given: a value, or the variant that names it.
type Serving struct {
	Value   json.RawMessage `json:"value,omitempty" doc:"Value, of the flag's type; or name a variant."`
	Variant string          `json:"variant,omitempty" maxLength:"128" doc:"Name of a variant; or give a value."`
}

// A Rule is what a node says to those whom all its conditions hold for.
type Rule struct {
	Name string      `json:"name,omitempty" maxLength:"128" doc:"What explanations call it; its number if left out."`
	When []Condition `json:"when,omitempty" maxItems:"50" doc:"Conditions that must all hold; it is for everybody if there are none."`
	Serving
	Split *Split `json:"split,omitempty" doc:"Different values for shares of those, in place of one."`
}

// ErrRules: the rules of an override cannot be told apart.
var ErrRules = &domain.Error{Kind: domain.Invalid, Code: "invalid-rules", Detail: "the names of rules must differ, and none may begin with a number sign"}

// label is how explanations call a rule.
func (r Rule) label(i int) string {
	if r.Name != "" {
		return r.Name
	}
	return "#" + strconv.Itoa(i)
}

// Targeting is what a node says to whom, compiled once. It is immutable, and may
// be shared by everybody who evaluates.
type Targeting struct {
	rules []rule
	split *Split
}

type rule struct {
	label string
	tests []test
	Serving
	split *Split
}

// Targeting compiles what the setting says beside its plain value; nil if that is
// nothing. A rule that this build cannot read, because a newer one wrote it, is
// for nobody.
func (s Setting) Targeting() *Targeting {
	if len(s.Rules) == 0 && s.Split == nil {
		return nil
	}
	t := &Targeting{split: s.Split}
	for i, r := range s.Rules {
		if tests, err := compileAll(r.When, ""); err == nil {
			t.rules = append(t.rules, rule{r.label(i), tests, r.Serving, r.Split})
		}
	}
	return t
}

// A Layer is what one node says about a flag, ready to be evaluated. Its value is
// what it says to those whom nothing of its targeting is for; nil if it says
// nothing to them.
type Layer struct {
	cascade.Layer
	Targeting *Targeting
}

// A choice is what a layer says to somebody.
type choice struct {
	Serving
	rule   string // empty if none matched
	bucket int    // nobody if no split was asked
	reason Reason
}

// choose finds what the layer says: the first rule that matches, or else the
// split, or else its value. Those whom the split of a rule leaves over hear nothing.
func (l *Layer) choose(k Key, in *Input) choice {
	if l.Targeting != nil {
		for i := range l.Targeting.rules {
			if r := &l.Targeting.rules[i]; hold(r.tests, in) {
				return r.choose(k, in)
			}
		}
		if s := l.Targeting.split; s != nil {
			if bucket, share := s.serve(k, in); share != nil {
				return choice{share.Serving, "", bucket, BySplit}
			}
		}
	}
	return choice{Serving{Value: l.Value}, "", nobody, Static}
}

func (r *rule) choose(k Key, in *Input) choice {
	if r.split == nil {
		return choice{r.Serving, r.label, nobody, TargetingMatch}
	}
	bucket, share := r.split.serve(k, in)
	if share == nil {
		return choice{bucket: bucket}
	}
	return choice{share.Serving, r.label, bucket, BySplit}
}

// give checks what is to be given, and makes a variant's name its value.
func (d Definition) give(s Serving, place string) (Serving, error) {
	if (s.Value == nil) == (s.Variant == "") {
		return s, ErrOneValue.At(place, "must have a value or a variant, and not both")
	}
	if s.Variant == "" {
		return s, d.takes(s.Value, place+"/value")
	}
	v, ok := d.Variants[s.Variant]
	if !ok {
		return s, ErrVariant.At(place+"/variant", "is not a variant of the flag")
	}
	s.Value = v
	return s, d.takes(v, place+"/variant")
}

// rules checks rules and makes the names of variants in them their values.
func (d Definition) rules(given []Rule) ([]Rule, error) {
	rules, names := slices.Clone(given), map[string]bool{}
	for i, r := range rules {
		place := fmt.Sprintf("/rules/%d", i)
		if r.Name != "" && (r.Name[0] == '#' || names[r.Name]) {
			return nil, ErrRules.At(place+"/name", "is the name of another rule")
		}
		names[r.Name] = true
		if _, err := compileAll(r.When, place+"/when"); err != nil {
			return nil, err
		}
		var err error
		if rules[i], err = d.rule(r, place); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

func (d Definition) rule(r Rule, place string) (_ Rule, err error) {
	if r.Split == nil {
		r.Serving, err = d.give(r.Serving, place)
		return r, err
	}
	if r.Value != nil || r.Variant != "" {
		return r, ErrOneValue.At(place, "must have a value, a variant or a split, and no two of them")
	}
	r.Split, err = d.split(r.Split, place+"/split")
	return r, err
}
