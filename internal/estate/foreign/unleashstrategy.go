package foreign

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/reeve-platform/reeve/domain/flag"
)

// A feature is a flag of Unleash while it is read. It is on for whomever one of its
// strategies is for; where it has variants, its value is that of one of them.
type feature struct {
	sketch
	leash *leash
}

// vary gives the flag its type: a truth, or what the payloads of its variants are.
func (s *feature) vary(f unleashFeature) {
	variants := map[string]json.RawMessage{}
	for _, v := range s.everyVariant(f) {
		if was, taken := variants[v.Name]; taken && string(was) != string(payload(v)) {
			s.off("variants", "two variants called "+quote(v.Name)+" have different values")
		}
		variants[v.Name] = payload(v)
	}
	if len(variants) == 0 {
		s.typed(map[string]json.RawMessage{"on": json.RawMessage("true"), "off": json.RawMessage("false")})
		s.flag.Off = json.RawMessage("false")
		return
	}
	s.typed(variants)
	s.flag.Off = s.offValue()
	s.lose("variants", "it can be asked whether it is on, beside its variant", "it has the values of its variants only, and is "+string(s.flag.Off)+" while it is off")
}

func (s *feature) everyVariant(f unleashFeature) []unleashVariant {
	every := slices.Clone(f.Variants)
	for _, st := range f.Strategies {
		every = append(every, st.Variants...)
	}
	return every
}

// payload is the value of a variant: its name, if it has none.
func payload(v unleashVariant) json.RawMessage {
	if v.Payload == nil {
		return quoted(v.Name)
	}
	raw := json.RawMessage(v.Payload.Value)
	if (v.Payload.Type == "json" || v.Payload.Type == "number") && json.Valid(raw) {
		return raw
	}
	return quoted(v.Payload.Value)
}

// A strategy is for a share of those whom a condition holds for.
type strategy struct {
	path, title string
	when        expr
	share       uint64 // in thousandths of a percent
	by, salt    string
	variants    []unleashVariant
}

// strategies makes rules of them. One is enough, but the first rule that matches
// counts; so those that are for everybody whom they are for come first, and larger
// shares before smaller ones.
func (s *feature) strategies(f unleashFeature) {
	var list []strategy
	own := false // variants
	for i, st := range f.Strategies {
		if !st.Disabled {
			list, own = append(list, s.strategy(fmt.Sprintf("strategies/%d", i), st)), own || len(st.Variants) > 0
		}
	}
	if len(f.Strategies) == 0 {
		list = append(list, strategy{path: "strategies", when: always, share: flag.Whole})
	}
	if !own {
		slices.SortStableFunc(list, func(a, b strategy) int { return cmp.Compare(b.share, a.share) })
	}
	s.overlapping(list, own)
	for _, one := range list {
		if len(one.variants) == 0 {
			one.variants = f.Variants
		}
		s.add(one, !own)
	}
}

// overlapping tells where somebody whom two strategies are for hears the first only.
func (s *feature) overlapping(list []strategy, ordered bool) {
	for i, a := range list {
		for _, b := range list[i+1:] {
			if a.share < flag.Whole && a.share > 0 && b.share > 0 && (ordered || a.by != b.by || a.salt != b.salt) {
				s.narrow(a.path, "whom it is for and whose share it is not may still be in "+b.path, "whoever it is for hears nothing of the other")
			}
		}
	}
}

// add makes rules of a strategy: one for each override of a variant, and one for
// everybody else.
func (s *feature) add(st strategy, enough bool) {
	if st.share == 0 {
		return
	}
	for _, v := range st.variants {
		for _, o := range v.Overrides {
			name, why := contextOf(&s.sketch, st.path, o.Context)
			when := lost(why)
			if why == "" {
				when = all(st.when, atom(name, flag.In, loose(o.Values)...))
			}
			s.rules = append(s.rules, rule{st.path + "/variants/" + v.Name, st.title, when, s.part(st, []string{v.Name}, []uint64{1}), false})
		}
	}
	s.rules = append(s.rules, rule{st.path, st.title, st.when, s.served(st), enough})
}

func (s *feature) served(st strategy) outcome {
	if len(st.variants) == 0 {
		if s.flag.Type != flag.Boolean || s.flag.Variants["on"] == nil {
			return outcome{lost: "it has no variants, and others have"}
		}
		return s.part(st, []string{"on"}, []uint64{1})
	}
	var names []string
	var weights []uint64
	sum := uint64(0)
	for _, v := range st.variants {
		w, err := strconv.ParseUint(v.Weight.String(), 10, 31)
		if err != nil {
			return outcome{lost: "the weight of the variant " + quote(v.Name) + " is no number"}
		}
		if by := stickinessOf(v.Stickiness); by != st.by && st.by != "" && st.share < flag.Whole || by != stickinessOf(st.variants[0].Stickiness) {
			s.lose(st.path+"/variants", "variants are dealt out by another attribute than the strategy", "one attribute tells subjects for both")
		}
		names, weights, sum = append(names, v.Name), append(weights, w), sum+w
	}
	if sum == 0 || len(names) > 50 {
		return outcome{lost: "a split takes 1 to 50 shares"}
	}
	if st.by == "" || st.share == flag.Whole {
		st.by = stickinessOf(st.variants[0].Stickiness)
	}
	return s.part(st, names, weights)
}

// part gives variants their shares of those whom the strategy is for.
func (s *feature) part(st strategy, names []string, weights []uint64) outcome {
	if st.share == flag.Whole && len(names) == 1 {
		return outcome{variant: names[0]}
	}
	if e := exists(cmp.Or(st.by, "key")); e.form == isLost {
		return outcome{lost: e.why}
	}
	s.dealt(st.path)
	return outcome{split: &flag.Split{By: cmp.Or(st.by, "key"), Salt: st.salt, Shares: shares(names, weights, st.share)}}
}

func (s *feature) strategy(path string, st unleashStrategy) strategy {
	out := strategy{path: path, title: st.Title, share: flag.Whole, variants: st.Variants}
	when := []expr{constraints(&s.sketch, path+"/constraints", st.Constraints)}
	for _, id := range st.Segments {
		e, there := s.leash.segments[id.String()]
		if !there {
			e = lost("it names a segment that is not in the file")
		}
		when = append(when, e)
	}
	param := func(name string) string {
		if v, ok := st.Parameters[name]; ok && v != nil {
			return fmt.Sprint(v)
		}
		return ""
	}
	switch name := cmp.Or(st.StrategyName, st.Name); name {
	case "default":
	case "userWithId":
		s.suppose(path, "the user id is the targeting key", "it is compared with that")
		when = append(when, atom("key", flag.In, words(commas(param("userIds"))...)...))
	case "remoteAddress":
		when = append(when, atom("remoteAddress", flag.CIDR, words(commas(param("IPs"))...)...))
	case "applicationHostname":
		s.lose(path, "the host that asks is known by itself", "contexts must have an attribute \"hostname\"")
		when = append(when, hostnames(commas(param("hostNames"))))
	case "flexibleRollout":
		when = append(when, out.roll(s, param("rollout"), cmp.Or(param("stickiness"), "default"), param("groupId")))
	case "gradualRolloutUserId", "gradualRolloutSessionId", "gradualRolloutRandom":
		by := map[string]string{"gradualRolloutUserId": "userId", "gradualRolloutSessionId": "sessionId", "gradualRolloutRandom": "random"}[name]
		when = append(when, out.roll(s, param("percentage"), by, param("groupId")))
	default:
		when = append(when, lost("there is no strategy "+quote(name)))
	}
	out.when = all(when...)
	return out
}

// roll makes the strategy one for a share.
func (st *strategy) roll(s *feature, percent, stickiness, group string) expr {
	p, err := strconv.ParseFloat(percent, 64)
	if err != nil || !(p >= 0 && p <= 100) {
		return lost(quote(percent) + " is no percentage")
	}
	chance := stickiness == "default" || stickiness == "random" // or whoever is not known is drawn
	if st.share, st.by = uint64(math.Round(p*1000)), stickinessOf(stickiness); st.share == flag.Whole {
		known := st.by
		if st.by = ""; chance {
			return always
		}
		return exists(known)
	}
	if stickiness == "default" {
		s.suppose(st.path, "everybody has a targeting key", "whoever has none is in no share")
	}
	if stickiness == "random" && p > 0 {
		s.lose(st.path, "each evaluation is decided by chance", "a subject always gets the same")
	}
	if group != s.name() && len(group) <= 128 {
		st.salt = group
	}
	return always
}

// stickinessOf is what a subject is told by. By default that is the user, or the
// session of one who is not known.
func stickinessOf(s string) string {
	switch s {
	case "", "default", "userId", "random":
		return "key"
	}
	return s
}

func commas(list string) (out []string) {
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

func hostnames(names []string) expr {
	for i := range names {
		names[i] = strings.ToLower(names[i])
	}
	return atom("hostname", flag.In, words(names...)...)
}

// depend makes the flag depend on another one. That it is on, and not which variant
// it has, can only be asked of one without variants.
func (s *feature) depend(path string, p unleashParent) {
	other, there := s.leash.features[p.Feature]
	many := len((&feature{}).everyVariant(other)) > 0
	switch {
	case !there:
		s.off(path, "it depends on "+quote(p.Feature)+", which is not in the file")
	case len(p.Variants) == 1 && many && (p.Enabled == nil || *p.Enabled):
		s.flag.Prerequisites = append(s.flag.Prerequisites, flag.Prerequisite{Flag: flag.Key(p.Feature), Variant: p.Variants[0]})
	case many || len(p.Variants) > 0:
		s.off(path, "it depends on whether "+quote(p.Feature)+", which has variants, is on")
	default:
		on := p.Enabled == nil || *p.Enabled
		s.flag.Prerequisites = append(s.flag.Prerequisites, flag.Prerequisite{Flag: flag.Key(p.Feature), Value: json.RawMessage(strconv.FormatBool(on))})
	}
}
