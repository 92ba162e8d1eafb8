package foreign

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/reeve-platform/reeve/domain/flag"
)

// A flagdFlag is one of flagd's flag definitions (https://flagd.dev/schema/v0/flags.json).
type flagdFlag struct {
	State    string                     `json:"state"`
	Variants map[string]json.RawMessage `json:"variants"`
	Default  *string                    `json:"defaultVariant"`
	Target   any                        `json:"targeting"`
	Metadata map[string]any             `json:"metadata"`
}

func readFlagd(im *importer, data []byte) error {
	var file struct {
		Flags      map[string]flagdFlag `json:"flags"`
		Evaluators map[string]any       `json:"$evaluators"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return wrong(err)
	}
	if file.Flags == nil {
		return ErrFile.At("flags", "is missing")
	}
	for _, key := range slices.Sorted(maps.Keys(file.Flags)) {
		f := file.Flags[key]
		t := &targeting{sketch: im.sketch(key), names: map[string]string{}, evaluators: file.Evaluators}
		if t.read(f); t.fits() {
			t.done()
		}
	}
	return nil
}

// A targeting is a flag's JsonLogic on its way to rules.
type targeting struct {
	*sketch
	names      map[string]string // of variants here, by what they are called there
	standard   string            // variant of everybody whom nothing else is for; "" if there is none
	evaluators map[string]any
	closed     bool // everybody has been served
}

func (t *targeting) read(f flagdFlag) {
	values := make([]json.RawMessage, 0, len(f.Variants))
	for _, name := range slices.Sorted(maps.Keys(f.Variants)) {
		values = append(values, f.Variants[name])
		if t.names[name] = t.variant(name, f.Variants[name]); t.names[name] != name {
			t.note("variants."+name, "a variant cannot be called that here", "it is called "+t.names[name])
		}
	}
	t.about.Type, t.active = typeOf(values), f.State != "DISABLED"
	if about, ok := f.Metadata["description"].(string); ok {
		t.about.Description = about
	}
	switch {
	case f.Default != nil && t.names[*f.Default] != "":
		t.standard = *f.Default
		t.about.Default = f.Variants[*f.Default]
	case f.Default != nil && *f.Default != "":
		t.lose("defaultVariant", "there is no variant "+*f.Default)
	default:
		t.lose("defaultVariant", "without one, applications fall back to a value of their own, which nobody knows here")
	}
	if t.about.Default == nil && len(values) > 0 {
		t.about.Default = values[0]
	}
	if t.about.Type != flag.Boolean {
		t.about.Off = t.about.Default // there is no value for what is off there, and an empty one would surprise
	}
	if !t.active {
		t.note("state", "applications fall back to a value of their own where a flag is disabled", "it is a draft, which comes to its off value")
	}
	if m, ok := f.Target.(map[string]any); f.Target == nil || ok && len(m) == 0 || t.lost {
		return
	}
	if err := t.branch(f.Target, everybody, "targeting", 0); err != nil {
		t.lose("targeting", err.Error())
	}
}

// deepest is how deep targeting may be nested.
const deepest = 50

var errDeep = fmt.Errorf("is nested more than %d levels deep", deepest)

// operation is the only member of an object of JsonLogic, and its arguments.
func operation(logic any) (op string, args []any, ok bool) {
	m, ok := logic.(map[string]any)
	if !ok || len(m) != 1 {
		return "", nil, false
	}
	for op, v := range m {
		if list, isList := v.([]any); isList {
			return op, list, true
		}
		return op, []any{v}, true
	}
	return "", nil, false
}

// branch serves what logic comes to, to whomever it is for. When it returns, all of
// them have been served.
func (t *targeting) branch(logic any, whom groups, at string, depth int) error {
	if depth > deepest {
		return errDeep
	}
	switch v := logic.(type) {
	case nil:
		return t.serve(t.standard, whom)
	case string:
		return t.serve(v, whom)
	case bool:
		return t.serve(fmt.Sprint(v), whom)
	}
	op, args, ok := operation(logic)
	if !ok {
		return errors.New("comes to something that is no variant")
	}
	switch op {
	case "$ref":
		next, err := t.evaluator(args)
		if err != nil {
			return err
		}
		return t.branch(next, whom, at, depth+1)
	case "if", "?:":
		return t.choose(args, whom, at, depth)
	case "fractional":
		return t.fractional(args, whom)
	}
	return fmt.Errorf("comes to what %q does, which is no variant", op)
}

// choose serves the branches of a condition, one after the other. Who was served by one
// is not asked again: the first rule that matches counts.
func (t *targeting) choose(args []any, whom groups, at string, depth int) error {
	for len(args) >= 2 {
		if t.closed {
			return nil
		}
		if of, err := t.condition(args[0], depth+1); err != nil {
			return err
		} else if of, err = whom.and(of); err != nil {
			return err
		} else if err := t.branch(args[1], of, at, depth+1); err != nil {
			return err
		}
		args = args[2:]
	}
	if len(args) == 1 {
		return t.branch(args[0], whom, at, depth+1)
	}
	return t.serve(t.standard, whom)
}

// serve gives a variant to whomever it is for.
func (t *targeting) serve(name string, whom groups) error {
	at, known := t.names[name]
	switch {
	case !known && name == t.standard:
		return errors.New("comes to no variant for some")
	case !known:
		return fmt.Errorf("comes to %q, which is no variant", name)
	case t.closed || len(whom) == 0:
	case whom.always():
		if t.closed = true; name != t.standard || len(t.setting.Rules) > 0 {
			t.setting.Variant = at
		}
	default:
		t.setting.Rules = append(t.setting.Rules, whom.rules(flag.Serving{Variant: at}, nil)...)
	}
	return nil
}

// fractional deals out shares.
func (t *targeting) fractional(args []any, whom groups) error {
	by := "key"
	if len(args) > 0 {
		if _, list := args[0].([]any); !list {
			var ok bool
			if by, ok = bucketBy(args[0]); !ok {
				return errors.New("fractional: what it buckets by is no single attribute")
			}
			args = args[1:]
		}
	}
	var names []string
	var weights []float64
	for _, arg := range args {
		share, _ := arg.([]any)
		if len(share) == 0 || len(share) > 2 {
			return errors.New("fractional: a share is a variant and a weight")
		}
		name, _ := share[0].(string)
		at, known := t.names[name]
		weight, ok := 1.0, true
		if len(share) == 2 {
			weight, ok = share[1].(float64)
		}
		if !known || !ok {
			return errors.New("fractional: a share is the name of a variant and a number")
		}
		names, weights = append(names, at), append(weights, weight)
	}
	all, ok := shares(names, weights)
	if !ok {
		return errors.New("fractional: the weights come to nothing")
	}
	t.note("targeting.fractional", "subjects are dealt out in another way here", "the shares are as large, and others are in them")
	split := &flag.Split{By: by, Shares: all}
	switch {
	case t.closed || len(whom) == 0:
	case whom.always():
		t.setting.Split, t.closed = split, true
	default:
		t.setting.Rules = append(t.setting.Rules, whom.rules(flag.Serving{}, split)...)
	}
	return nil
}

// bucketBy is the attribute that subjects are told apart by. That the flag's key is put
// before it makes no difference here, where every flag deals anew.
func bucketBy(logic any) (string, bool) {
	if name, ok := variable(logic); ok {
		return name, true
	}
	op, args, _ := operation(logic)
	if op != "cat" || len(args) != 2 {
		return "", false
	}
	if m, ok := args[0].(map[string]any); !ok || m["var"] != "$flagd.flagKey" {
		return "", false
	}
	return variable(args[1])
}

// variable is the attribute that a var names, as it is called here.
func variable(logic any) (string, bool) {
	op, args, ok := operation(logic)
	if !ok || op != "var" || len(args) != 1 {
		return "", false
	}
	name, ok := args[0].(string)
	switch {
	case !ok || name == "" || own[name] || strings.HasPrefix(name, "$flagd") || strings.Contains(name, "."):
		return "", false
	case name == "targetingKey":
		return "key", true
	}
	return name, true
}

func (t *targeting) evaluator(args []any) (any, error) {
	if len(args) == 1 {
		if name, ok := args[0].(string); ok {
			if logic, known := t.evaluators[name]; known {
				return logic, nil
			}
			return nil, fmt.Errorf("there is no evaluator %q", name)
		}
	}
	return nil, errors.New("$ref names no evaluator")
}

// condition is whom logic is true for.
func (t *targeting) condition(logic any, depth int) (groups, error) {
	if depth > deepest {
		return nil, errDeep
	}
	if b, ok := logic.(bool); ok {
		return map[bool]groups{true: everybody, false: nobody}[b], nil
	}
	op, args, ok := operation(logic)
	if !ok {
		return nil, errors.New("has a condition that is neither true nor false")
	}
	switch op {
	case "$ref":
		next, err := t.evaluator(args)
		if err != nil {
			return nil, err
		}
		return t.condition(next, depth+1)
	case "and", "or":
		return t.joined(op, args, depth)
	case "!":
		if len(args) != 1 {
			return nil, errors.New("! takes one argument")
		}
		g, err := t.condition(args[0], depth+1)
		if err != nil {
			return nil, err
		}
		return g.not()
	case "sem_ver":
		return semver(args)
	}
	return compared(op, args)
}

func (t *targeting) joined(op string, args []any, depth int) (g groups, err error) {
	join, g := groups.or, nobody
	if op == "and" {
		join, g = groups.and, everybody
	}
	for _, arg := range args {
		one, err := t.condition(arg, depth+1)
		if err != nil {
			return nil, err
		}
		if g, err = join(g, one); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// mirrored is what an operator becomes when its sides change places.
var mirrored = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!=", "===": "===", "!==": "!=="}

// compared is a comparison of an attribute with what does not change.
func compared(op string, args []any) (groups, error) {
	no := fmt.Errorf("%s: cannot be said here of these arguments", op)
	if len(args) != 2 {
		return nil, no
	}
	name, ok := variable(args[0])
	value := args[1]
	if other, turned := mirrored[op]; !ok && turned {
		name, ok = variable(args[1])
		value, op = args[0], other
	}
	if !ok {
		if part, text := args[0].(string); text && op == "in" { // a part of a text
			if name, ok = variable(args[1]); ok {
				return one(is(name, flag.Contains, part)), nil
			}
		}
		return nil, no
	}
	text, isText := value.(string)
	number, isNumber := value.(float64)
	_, isTruth := value.(bool)
	switch {
	case (op == "==" || op == "===") && (isText || isNumber || isTruth):
		return one(is(name, flag.In, value)), nil
	case (op == "!=" || op == "!==") && (isText || isNumber || isTruth):
		return one(is(name, flag.In, value)).not()
	case op == "in":
		if list, ok := value.([]any); ok && plainAll(list) {
			if len(list) == 0 {
				return nobody, nil
			}
			return one(is(name, flag.In, list...)), nil
		}
	case op == "starts_with" && isText:
		return one(is(name, flag.StartsWith, text)), nil
	case op == "ends_with" && isText:
		return one(is(name, flag.EndsWith, text)), nil
	case isNumber:
		if by, known := map[string]flag.Operator{"<": flag.LT, "<=": flag.LTE, ">": flag.GT, ">=": flag.GTE}[op]; known {
			g := one(is(name, by, number))
			if sign := map[string]bool{"<": 0 < number, "<=": 0 <= number, ">": 0 > number, ">=": 0 >= number}; sign[op] { // what is not there is 0 there
				g = append(g, []flag.Condition{{Attribute: name, Op: flag.Exists, Not: true}})
			}
			return g, nil
		}
	}
	return nil, no
}

// plainAll reports whether all values are texts, numbers or truths.
func plainAll(list []any) bool {
	return !slices.ContainsFunc(list, func(v any) bool {
		switch v.(type) {
		case string, float64, bool:
			return false
		}
		return true
	})
}

// semver is a comparison of versions.
func semver(args []any) (groups, error) {
	no := errors.New("sem_ver: cannot be said here of these arguments")
	if len(args) != 3 {
		return nil, no
	}
	name, ok := variable(args[0])
	op, _ := args[1].(string)
	version, isText := args[2].(string)
	if !ok || !isText {
		return nil, no
	}
	by := func(ops ...flag.Operator) (g groups) {
		for _, o := range ops {
			g = append(g, []flag.Condition{is(name, o, version)})
		}
		return g
	}
	switch op {
	case "=":
		return by(flag.SemverEq), nil
	case "!=": // of what is no version, it is neither the same nor another there
		return by(flag.SemverLT, flag.SemverGT), nil
	case "<":
		return by(flag.SemverLT), nil
	case "<=":
		return by(flag.SemverLT, flag.SemverEq), nil
	case ">":
		return by(flag.SemverGT), nil
	case ">=":
		return by(flag.SemverGT, flag.SemverEq), nil
	}
	return nil, fmt.Errorf("sem_ver: %s cannot be said here", op)
}
