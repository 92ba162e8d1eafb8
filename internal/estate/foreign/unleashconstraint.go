package foreign

import (
	"encoding/json"
	"regexp"
	"strconv"

	"github.com/reeve-platform/reeve/domain/flag"
)

// constraints must all hold.
func constraints(s *sketch, path string, list []unleashConstraint) expr {
	e := all()
	for _, c := range list {
		one := constraint(s, path, c)
		if c.Inverted {
			one = not(one)
		}
		e.of = append(e.of, one)
	}
	return e
}

// contextOf is the attribute that a field of a context is here.
func contextOf(s *sketch, path, name string) (attribute, why string) {
	switch name {
	case "userId":
		s.suppose(path, "the user id is the targeting key", "it is compared with that")
		return "key", ""
	case "appName", "environment":
		s.suppose(path, "contexts have an attribute "+quote(name)+", as the clients of Unleash add one by themselves", "it is compared with that")
	case "currentTime":
		return "", "the time of an evaluation is no attribute"
	case "key":
		return "", "an attribute cannot be called \"key\""
	}
	return name, exists(name).why
}

var unleashOperators = map[string]flag.Operator{
	"IN": flag.In, "NOT_IN": flag.In, "STR_CONTAINS": flag.Contains, "STR_STARTS_WITH": flag.StartsWith, "STR_ENDS_WITH": flag.EndsWith,
	"NUM_EQ": flag.In, "NUM_GT": flag.GT, "NUM_GTE": flag.GTE, "NUM_LT": flag.LT, "NUM_LTE": flag.LTE,
	"DATE_AFTER": flag.After, "DATE_BEFORE": flag.Before,
	"SEMVER_EQ": flag.SemverEq, "SEMVER_GT": flag.SemverGT, "SEMVER_LT": flag.SemverLT,
}

// constraint compares a field, a missing one as Reeve does: it does not hold, and
// holds where it is inverted.
func constraint(s *sketch, path string, c unleashConstraint) expr {
	name, why := contextOf(s, path, c.Context)
	op, known := unleashOperators[c.Operator]
	switch {
	case why != "":
		return lost(why)
	case !known:
		return lost("there is nothing like " + quote(c.Operator))
	case c.Operator == "IN":
		return atom(name, op, loose(c.Values)...)
	case c.Operator == "NOT_IN":
		return not(atom(name, op, loose(c.Values)...))
	case op == flag.Contains || op == flag.StartsWith || op == flag.EndsWith:
		return affixes(name, op, c)
	case c.Value == nil:
		return lost("the constraint has no value")
	case c.Operator[:4] == "NUM_":
		if _, err := strconv.ParseFloat(*c.Value, 64); err != nil || !json.Valid([]byte(*c.Value)) {
			return lost(quote(*c.Value) + " is no number")
		}
		s.suppose(path, "the attribute "+quote(name)+" is a number", "a text that reads like one is none")
		return atom(name, op, json.RawMessage(*c.Value))
	}
	return atom(name, op, quoted(*c.Value))
}

// affixes compare texts. Where case does not count, that takes an expression.
func affixes(name string, op flag.Operator, c unleashConstraint) expr {
	if !c.CaseInsensitive {
		return atom(name, op, words(c.Values...)...)
	}
	var values []string
	for _, v := range c.Values {
		e := regexp.QuoteMeta(v)
		switch op {
		case flag.StartsWith:
			e = "^" + e
		case flag.EndsWith:
			e += "$"
		}
		values = append(values, "(?i)"+e)
	}
	return atom(name, flag.Matches, words(values...)...)
}

// loose are texts, and the numbers and truths that read the same: all fields of a
// context are texts there.
func loose(texts []string) (values []json.RawMessage) {
	for _, t := range texts {
		values = append(values, quoted(t))
		if f, err := strconv.ParseFloat(t, 64); t == "true" || t == "false" || err == nil && strconv.FormatFloat(f, 'f', -1, 64) == t && json.Valid([]byte(t)) {
			values = append(values, json.RawMessage(t))
		}
	}
	return values
}
