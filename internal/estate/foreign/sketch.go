package foreign

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
)

// A sketch is a flag while it is read.
type sketch struct {
	*Import
	flag   Flag
	rules  []rule
	others outcome         // what whoever no rule is for gets
	spent  int             // on what was read of it
	told   bool            // that subjects are dealt out anew
	offs   map[string]bool // variants that are the off value
}

// A rule is what those whom a condition holds for are given.
type rule struct {
	path, name string
	when       expr
	gives      outcome
	enough     bool // all others would give the same: without it, some get the off value
}

// An outcome is a variant, a split, or neither, which is the off value.
type outcome struct {
	variant string
	split   *flag.Split
	lost    string // why it cannot be carried over
}

func (s *sketch) name() string { return string(s.flag.Key) }

func (s *sketch) lose(path, what, instead string)    { s.lost(s.name(), path, what, instead) }
func (s *sketch) suppose(path, what, instead string) { s.assume(s.name(), path, what, instead) }

// off leaves the flag a draft, and says why if that is a loss.
func (s *sketch) off(path, what string) {
	s.flag.Draft, s.flag.doubt = true, true
	s.lose(path, what, "the flag stays a draft, which is off")
}

// dealt says, once for the flag, what every percentage has to say.
func (s *sketch) dealt(path string) {
	if !s.told {
		s.lose(path, "subjects are dealt out by another hash", "the shares are as large as they were, and who is in them is drawn anew")
	}
	s.told = true
}

// narrow says that some are given the off value who were not. What depends on the
// flag being off may then not be on.
func (s *sketch) narrow(path, what, instead string) {
	s.flag.doubt = true
	s.lose(path, what, instead)
}

// excessive leaves the flag off, with nothing said to anybody, if there is more about
// it than Reeve could take, so that nothing is spent on it.
func (s *sketch) excessive(rules, prerequisites int) bool {
	size := 0
	for _, v := range s.flag.Variants {
		size += len(v)
	}
	if rules <= maxRules && prerequisites <= maxPrerequisites && size <= maxSize {
		return false
	}
	s.rules, s.others = nil, outcome{}
	s.off("", fmt.Sprintf("it has more than %d rules, %d prerequisites or 64 KiB of values", maxRules, maxPrerequisites))
	return true
}

// Limits of what Reeve takes.
const (
	maxRules         = 100
	maxPrerequisites = 20
	maxSize          = 64 << 10 // of all values, in bytes
)

// finish makes the flag of the sketch and adds it.
func (s *sketch) finish() {
	if s.flag.Off == nil {
		s.flag.Off = s.offValue()
	}
	if !s.excessive(len(s.rules), 0) {
		s.spot()
	}
	rules := s.carried()
	var split *flag.Split
	plain := s.others.variant
	if split = s.others.split; s.others.lost != "" {
		s.off("fallback", s.others.lost)
	}
	d := &s.flag.Definition
	d.Default = d.Off
	switch {
	case len(rules) == 0 && split == nil && plain != "":
		d.Default = d.Variants[plain]
	case len(rules) > 0 || split != nil:
		s.flag.Override = &flag.Override{Node: domain.PlatformID, Flag: s.flag.Key, Variant: plain, Rules: rules, Split: split}
	}
	if s.accepted() {
		s.Flags = append(s.Flags, s.flag)
	}
}

// carried are the rules that can be said here. Whom one that cannot was for gets
// what is said after it; unless that is no more than before, the flag is left off.
func (s *sketch) carried() (out []flag.Rule) {
	for i, r := range s.rules {
		groups, why := r.when.groups()
		if why = cmp.Or(why, r.gives.lost); why != "" {
			s.leaveOut(i, why)
			continue
		}
		for n, g := range groups {
			made := flag.Rule{Name: s.title(out, r.name, n), When: g, Split: r.gives.split}
			if made.Split == nil {
				made.Variant = s.given(r.gives)
			}
			out = append(out, made)
		}
		if slices.ContainsFunc(groups, func(g []flag.Condition) bool { return len(g) == 0 }) {
			out = out[:len(out)-1] // it is for everybody, so nothing comes after it
			s.others = outcome{variant: s.given(r.gives), split: r.gives.split}
			if r.gives.split != nil {
				s.others.variant = ""
			}
			break
		}
	}
	return out
}

// given is the variant that an outcome comes to; that of the off value if it is none.
func (s *sketch) given(o outcome) string {
	if o.variant != "" || o.split != nil {
		return o.variant
	}
	return s.variantOf(s.flag.Off)
}

func (s *sketch) variantOf(v json.RawMessage) string {
	for _, name := range sortedKeys(s.flag.Variants) {
		if cascade.Same(s.flag.Variants[name], v) {
			return name
		}
	}
	s.flag.Variants["off"] = v // for a rule must give something that has a name
	return "off"
}

func (s *sketch) leaveOut(i int, why string) {
	r := s.rules[i]
	s.narrow(r.path, why, "the rule is left out")
	if r.enough {
		return
	}
	after := []outcome{s.others}
	for _, later := range s.rules[i+1:] {
		after = append(after, later.gives)
	}
	if slices.ContainsFunc(after, func(o outcome) bool { return !s.within(o, r.gives) }) {
		s.off(r.path, "those whom the rule was for would be given something else")
	}
}

// spot finds the variants that are the off value.
func (s *sketch) spot() {
	s.offs = map[string]bool{}
	for name, v := range s.flag.Variants {
		s.offs[name] = cascade.Same(v, s.flag.Off)
	}
}

// within reports whether an outcome gives nobody anything but the off value, or what
// the other one gives to all.
func (s *sketch) within(o, other outcome) bool {
	fits := func(variant string) bool {
		return variant == "" || s.offs[variant] || other.split == nil && other.lost == "" && variant == other.variant
	}
	if o.split == nil {
		return o.lost != "" || fits(o.variant)
	}
	return !slices.ContainsFunc(o.split.Shares, func(sh flag.Share) bool { return sh.Weight > 0 && !fits(sh.Variant) })
}

// title is a name that no rule has yet.
func (s *sketch) title(rules []flag.Rule, name string, n int) string {
	if name = strings.TrimLeft(strings.ToValidUTF8(name, ""), "#"); name == "" {
		return ""
	}
	if r := []rune(name); len(r) > 60 {
		name = string(r[:60])
	}
	if n > 0 {
		name = fmt.Sprintf("%s (%d)", name, n+1)
	}
	for base, i := name, 2; slices.ContainsFunc(rules, func(r flag.Rule) bool { return r.Name == name }); i++ {
		name = fmt.Sprintf("%s, %d", base, i)
	}
	return name
}

// plain writes a value anew, so that no member of an object is there twice.
func plain(raw json.RawMessage) json.RawMessage {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return raw
	}
	text, err := json.Marshal(v)
	if err != nil {
		return raw
	}
	return text
}

// typed gives the definition its variants, and the type that all of them are of.
func (s *sketch) typed(variants map[string]json.RawMessage) {
	for name, raw := range variants {
		variants[name] = plain(raw)
	}
	s.flag.Variants = variants
	s.flag.Type = flag.JSON
	for _, t := range []flag.Type{flag.Boolean, flag.String, flag.Number} {
		if len(variants) > 0 && !slices.ContainsFunc(sortedKeys(variants), func(k string) bool { return !t.Has(variants[k]) }) {
			s.flag.Type = t
		}
	}
}
