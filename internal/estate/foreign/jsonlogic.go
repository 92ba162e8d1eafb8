package foreign

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/reeve-platform/reeve/domain/flag"
)

// expr reads a condition.
func (s *logic) expr(node any) expr {
	node, why := s.resolve(node)
	if why != "" {
		return lost(why)
	}
	if b, ok := node.(bool); ok {
		return map[bool]expr{true: always, false: never}[b]
	}
	op, args := operation(node)
	read, known := operations[op]
	if !known {
		return lost("there is nothing like " + quote(op))
	}
	return read(s, op, args)
}

// operations are the conditions that are known.
var operations map[string]func(s *logic, op string, args []any) expr

func init() { // for conditions are read by what reads conditions
	operations = map[string]func(*logic, string, []any) expr{
		"and": (*logic).junction, "or": (*logic).junction, "if": (*logic).choice,
		"!": (*logic).negation, "!!": (*logic).negation, "var": (*logic).variable,
		"==": (*logic).equal, "===": (*logic).equal, "!=": (*logic).equal, "!==": (*logic).equal,
		"<": (*logic).order, "<=": (*logic).order, ">": (*logic).order, ">=": (*logic).order,
		"in": (*logic).in, "starts_with": (*logic).affix, "ends_with": (*logic).affix, "sem_ver": (*logic).version,
	}
}

func (s *logic) junction(op string, args []any) expr {
	of := make([]expr, len(args))
	for i := range args {
		of[i] = s.expr(args[i])
	}
	if op == "or" {
		return anyOf(of...)
	}
	return all(of...)
}

func (s *logic) choice(_ string, args []any) expr {
	if len(args) != 3 {
		return lost("a choice is a condition and two others")
	}
	c := s.expr(args[0])
	switch {
	case c.form == isLost:
		return c
	case c.size > maxSpent: // it is said twice
		return lost(orTooMany(""))
	}
	return anyOf(all(c, s.expr(args[1])), all(not(c), s.expr(args[2])))
}

func (s *logic) negation(op string, args []any) expr {
	if len(args) != 1 {
		return lost("a truth is one condition")
	}
	if op == "!" {
		return not(s.expr(args[0]))
	}
	return s.expr(args[0])
}

// variable holds for what counts as true: everything but nothing, false, 0 and "".
func (s *logic) variable(_ string, args []any) expr {
	o := s.operand(map[string]any{"var": args})
	if o.attribute == "" {
		return lost(orElse(o.why, "it is no condition"))
	}
	empty := []json.RawMessage{json.RawMessage("false"), json.RawMessage("0"), json.RawMessage(`""`)}
	return all(exists(o.attribute), not(atom(o.attribute, flag.In, empty...)))
}

// An operand is an attribute or a value.
type operand struct {
	attribute string
	value     any
	why       string // it is neither
}

func (s *logic) operand(node any) operand {
	node, why := s.resolve(node)
	if why != "" {
		return operand{why: why}
	}
	op, args := operation(node)
	switch {
	case op == "":
		return operand{value: node}
	case op != "var" || len(args) != 1:
		return operand{why: "there is nothing like " + quote(op) + " in a comparison"}
	}
	switch name, _ := args[0].(string); {
	case name == "targetingKey":
		return operand{attribute: "key"}
	case name == "$flagd.flagKey":
		return operand{value: s.name()}
	case name == "" || name == "key" || strings.HasPrefix(name, "$flagd.") || strings.Contains(name, "."):
		return operand{why: "there is nothing like the variable " + quote(fmt.Sprint(args[0]))}
	default:
		return operand{attribute: name}
	}
}

// pair reads two operands, one of which must be an attribute; swapped if it is the second.
func (s *logic) pair(args []any) (name string, value any, swapped bool, why string) {
	if len(args) != 2 {
		return "", nil, false, "a comparison has two sides"
	}
	a, b := s.operand(args[0]), s.operand(args[1])
	switch {
	case a.why != "" || b.why != "":
		return "", nil, false, orElse(a.why, b.why)
	case a.attribute != "" && b.attribute == "":
		return a.attribute, b.value, false, ""
	case b.attribute != "" && a.attribute == "":
		return b.attribute, a.value, true, ""
	}
	return "", nil, false, "one side of a comparison is an attribute, and the other is not"
}

func (s *logic) equal(op string, args []any) expr {
	name, v, _, why := s.pair(args)
	if why != "" {
		return lost(why)
	}
	e := not(exists(name))
	if v != nil {
		raw, ok := scalar(v)
		if !ok {
			return lost("an attribute is compared with what is neither text, number nor truth")
		}
		if text, isText := v.(string); len(op) == 2 && (!isText || numeric(text)) {
			s.suppose("targeting", "the attribute "+quote(name)+" is of the type of "+string(raw), "another type is not converted")
		}
		e = atom(name, flag.In, raw)
	}
	if op[0] == '!' {
		return not(e)
	}
	return e
}

func numeric(text string) bool {
	_, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return err == nil || strings.TrimSpace(text) == ""
}

func scalar(v any) (json.RawMessage, bool) {
	switch v.(type) {
	case string, bool, json.Number:
		raw, err := json.Marshal(v)
		return raw, err == nil
	}
	return nil, false
}

var (
	orders  = map[string]flag.Operator{"<": flag.LT, "<=": flag.LTE, ">": flag.GT, ">=": flag.GTE}
	swapped = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}
)

func (s *logic) order(op string, args []any) expr {
	if len(args) == 3 && op[0] == '<' {
		return all(s.order(op, args[:2]), s.order(op, args[1:]))
	}
	name, v, turned, why := s.pair(args)
	raw, ok := scalar(v)
	if _, number := v.(json.Number); why != "" || !ok || !number {
		return lost(orElse(why, "there is nothing like "+quote(op)+" but with numbers"))
	}
	if turned {
		op = swapped[op]
	}
	s.suppose("targeting", "the attribute "+quote(name)+" is there and a number", "of any other, neither that nor the opposite holds")
	return between(name, orders[op], raw)
}

func (s *logic) in(_ string, args []any) expr {
	name, v, turned, why := s.pair(args)
	list, isList := v.([]any)
	switch {
	case why != "":
		return lost(why)
	case turned: // a text in an attribute
		raw, ok := scalar(v)
		if _, text := v.(string); !ok || !text {
			return lost("only texts are looked for in attributes")
		}
		return atom(name, flag.Contains, raw)
	case !isList:
		return lost("it is looked for in what is no list")
	}
	var values []json.RawMessage
	for _, item := range list {
		raw, ok := scalar(item)
		if !ok {
			return lost("an attribute is compared with what is neither text, number nor truth")
		}
		values = append(values, raw)
	}
	return atom(name, flag.In, values...)
}

func (s *logic) affix(op string, args []any) expr {
	name, v, turned, why := s.pair(args)
	raw, _ := scalar(v)
	if _, text := v.(string); why != "" || turned || !text {
		return lost(orElse(why, op+" takes an attribute and a text"))
	}
	return atom(name, map[string]flag.Operator{"starts_with": flag.StartsWith, "ends_with": flag.EndsWith}[op], raw)
}

// version compares versions. ^ is the same major version, ~ the same minor one, too.
func (s *logic) version(_ string, args []any) expr {
	if len(args) != 3 {
		return lost("sem_ver takes an attribute, an operator and a version")
	}
	name, v, turned, why := s.pair([]any{args[0], args[2]})
	text, isText := v.(string)
	op, _ := args[1].(string)
	if why != "" || turned || !isText {
		return lost(orElse(why, "sem_ver takes an attribute, an operator and a version"))
	}
	text = whole(text)
	s.suppose("targeting", "the attribute "+quote(name)+" is a version of three parts", "no other holds")
	eq, lt, gt := atom(name, flag.SemverEq, words(text)...), atom(name, flag.SemverLT, words(text)...), atom(name, flag.SemverGT, words(text)...)
	switch op {
	case "=":
		return eq
	case "!=":
		return anyOf(lt, gt)
	case "<":
		return lt
	case "<=":
		return anyOf(lt, eq)
	case ">":
		return gt
	case ">=":
		return anyOf(gt, eq)
	case "^", "~":
		from, to := around(text, op == "~")
		return all(anyOf(atom(name, flag.SemverGT, words(from)...), atom(name, flag.SemverEq, words(from)...)), atom(name, flag.SemverLT, words(to)...))
	}
	return lost("there is nothing like " + quote(op) + " between versions")
}

// whole gives a version that leaves parts out all three.
func whole(v string) string {
	if !strings.ContainsAny(v, "-+") {
		for strings.Count(v, ".") < 2 && v != "" {
			v += ".0"
		}
	}
	return v
}

// around are the first version of a series and the first one after it. 0 is the
// pre-release that comes before all others (semver.org 2.0.0, 11.4).
func around(v string, minor bool) (from, to string) {
	parts := strings.SplitN(strings.TrimPrefix(v, "v"), ".", 3)
	if len(parts) < 3 {
		return "", ""
	}
	x, err := strconv.ParseUint(parts[0], 10, 32)
	y, other := strconv.ParseUint(parts[1], 10, 32)
	switch {
	case err != nil || other != nil:
		return "", ""
	case minor:
		return fmt.Sprintf("%d.%d.0-0", x, y), fmt.Sprintf("%d.%d.0-0", x, y+1)
	}
	return fmt.Sprintf("%d.0.0-0", x), fmt.Sprintf("%d.0.0-0", x+1)
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
