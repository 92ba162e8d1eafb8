package foreign

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/reeve-platform/reeve/domain/flag"
)

// A flagd file is as flagd.dev/schema/v0/flags.json has it.
type flagdFile struct {
	Flags      map[string]flagdFlag `json:"flags"`
	Evaluators map[string]any       `json:"$evaluators"`
}

type flagdFlag struct {
	State          string                     `json:"state"`
	Variants       map[string]json.RawMessage `json:"variants"`
	DefaultVariant *string                    `json:"defaultVariant"`
	Targeting      any                        `json:"targeting"`
	Metadata       map[string]any             `json:"metadata"`
}

func (im *Import) flagd(text []byte) error {
	var file flagdFile
	if err := decode(text, &file); err != nil {
		return err
	}
	if err := counted(len(file.Flags)); err != nil {
		return err
	}
	for _, key := range sortedKeys(file.Flags) {
		s := &logic{sketch{Import: im, flag: Flag{Key: flag.Key(key)}}, file.Evaluators}
		s.read(file.Flags[key])
		s.finish()
	}
	return nil
}

// A logic is a sketch of a flag whose rules are JsonLogic (jsonlogic.com), with the
// operations that flagd adds (flagd.dev/reference/flag-definitions).
type logic struct {
	sketch
	shared map[string]any // evaluators, by name
}

func (s *logic) read(f flagdFlag) {
	s.typed(f.Variants)
	standard, there := "", false
	if f.DefaultVariant != nil {
		standard = *f.DefaultVariant
		_, there = f.Variants[standard]
	}
	switch {
	case s.flag.Type == flag.Boolean:
		s.flag.Off = json.RawMessage("false")
	case there:
		s.flag.Off = f.Variants[standard]
	}
	if s.others.variant = standard; !there {
		s.others = outcome{lost: "without a default variant, the default in the code counts"}
	}
	if f.State != "ENABLED" {
		s.flag.Draft = true
		s.suppose("state", "the default in the code is "+string(s.offValue()), "the flag is a draft, which is that")
	}
	if len(f.Metadata) > 0 {
		s.suppose("metadata", "nobody reads the metadata of evaluations", "it is left out")
	}
	if m, ok := f.Targeting.(map[string]any); f.Targeting != nil && (!ok || len(m) > 0) {
		s.branch(f.Targeting, "targeting", always)
	}
}

// offValue is that of the flag, or what it will be.
func (s *sketch) offValue() json.RawMessage {
	if s.flag.Off != nil {
		return s.flag.Off
	}
	switch s.flag.Type {
	case flag.String:
		return json.RawMessage(`""`)
	case flag.Number:
		return json.RawMessage("0")
	case flag.Boolean:
		return json.RawMessage("false")
	}
	return json.RawMessage("null")
}

// branch adds rules for what somebody is given whom a condition holds for.
func (s *logic) branch(node any, path string, when expr) {
	add := func(path string, when expr, o outcome) { s.rules = append(s.rules, rule{path, "", when, o, false}) }
	node, why := s.resolve(node)
	if why != "" {
		add(path, when, outcome{lost: why})
		return
	}
	op, args := operation(node)
	switch {
	case node == nil:
		add(path, when, s.others)
	case op == "if" && len(args) > 1:
		for i := 0; i+1 < len(args); i += 2 {
			s.branch(args[i+1], fmt.Sprintf("%s/if/%d", path, i+1), all(when, s.expr(args[i])))
		}
		if len(args)%2 == 1 {
			s.branch(args[len(args)-1], fmt.Sprintf("%s/if/%d", path, len(args)-1), when)
		} else {
			add(path+"/if", when, s.others)
		}
	case op == "fractional":
		add(path+"/fractional", when, s.fractional(args, path+"/fractional"))
	case op == "":
		add(path, when, s.variant(node))
	case !s.truth(node):
		add(path, when, outcome{lost: "what it comes to names a variant, and is no truth"})
	default:
		add(path, all(when, s.expr(node)), s.variant(true))
		add(path, when, s.variant(false))
	}
}

// truth reports whether an operation comes to true or false, and not to what one of its
// operands is.
func (s *logic) truth(node any) bool {
	node, why := s.resolve(node)
	if why != "" {
		return true // for it is lost anyway
	}
	op, args := operation(node)
	var of []any
	switch op {
	case "":
		_, ok := node.(bool)
		return ok
	case "var":
		return false
	case "and", "or":
		of = args
	case "if":
		for i := range args {
			if i%2 == 1 || i == len(args)-1 {
				of = append(of, args[i])
			}
		}
	default:
		return true
	}
	return len(of) > 0 && !slices.ContainsFunc(of, func(one any) bool { return !s.truth(one) })
}

// variant is what a text or a truth gives.
func (s *logic) variant(node any) outcome {
	name, ok := node.(string)
	if b, truth := node.(bool); truth {
		name, ok = fmt.Sprint(b), true
	}
	if _, known := s.flag.Variants[name]; !ok || !known {
		return outcome{lost: fmt.Sprintf("it gives %s, which is no variant", quote(fmt.Sprint(node)))}
	}
	return outcome{variant: name}
}

// maxSpent is how many operations are read of one flag, with what they refer to.
const maxSpent = 5000

// resolve follows references to shared evaluators.
func (s *logic) resolve(node any) (any, string) {
	for {
		if s.spent++; s.spent > maxSpent {
			return nil, fmt.Sprintf("the flag takes more than %d operations", maxSpent)
		}
		m, ok := node.(map[string]any)
		name, refers := m["$ref"].(string)
		if !ok || !refers {
			return node, ""
		}
		if node, ok = s.shared[name]; !ok {
			return nil, "there is no evaluator " + quote(name)
		}
	}
}

// operation takes a node apart; op is empty if it is a value.
func operation(node any) (op string, args []any) {
	m, ok := node.(map[string]any)
	if !ok {
		return "", nil
	}
	if len(m) != 1 {
		return "an object", nil
	}
	for name, v := range m {
		if op = name; op == "" {
			op = "an object"
		}
		if args, ok = v.([]any); !ok {
			args = []any{v}
		}
	}
	return op, args
}

// fractional reads shares: an optional subject, then pairs of a variant and a weight.
func (s *logic) fractional(args []any, path string) outcome {
	split := &flag.Split{By: "key"}
	if len(args) > 0 {
		if _, pair := args[0].([]any); !pair {
			by, salt, why := s.subject(args[0])
			if why != "" {
				return outcome{lost: why}
			}
			split.By, split.Salt, args = by, salt, args[1:]
		}
	}
	var variants []string
	var weights []uint64
	sum := uint64(0)
	for _, arg := range args {
		pair, _ := arg.([]any)
		weight, ok := weightOf(pair)
		if !ok {
			return outcome{lost: "a share is not a variant and a weight"}
		}
		given := s.variant(pair[0])
		if given.lost != "" {
			return given
		}
		variants, weights, sum = append(variants, given.variant), append(weights, weight), sum+weight
	}
	if sum == 0 || len(variants) > 50 {
		return outcome{lost: "a split takes 1 to 50 shares"}
	}
	split.Shares = shares(variants, weights, flag.Whole)
	s.dealt(path)
	s.suppose(path, "everybody has an attribute "+quote(split.By), "whoever has none gets "+string(s.offValue()))
	return outcome{split: split}
}

func weightOf(pair []any) (uint64, bool) {
	switch len(pair) {
	case 1:
		return 1, true
	case 2:
		n, _ := pair[1].(json.Number)
		w, err := n.Int64()
		return uint64(w), err == nil && w >= 0 && w < maxWeight
	}
	return 0, false
}

// subject reads by what somebody is told: an attribute, with texts before it as salt.
// The flag's key goes without saying.
func (s *logic) subject(node any) (by, salt, why string) {
	op, args := operation(node)
	if op != "cat" {
		args = []any{node}
	}
	for _, arg := range args {
		o := s.operand(arg)
		text, isText := o.value.(string)
		switch {
		case o.why != "":
			return "", "", o.why
		case o.attribute != "" && by == "":
			by = o.attribute
		case o.attribute == "" && isText && text == s.name():
		case o.attribute == "" && isText:
			salt += text
		default:
			return "", "", "a subject is one attribute"
		}
	}
	if by == "" || atom(by, flag.Exists).form == isLost {
		return "", "", "a subject is one attribute"
	}
	return by, salt, ""
}
