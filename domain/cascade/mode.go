package cascade

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strconv"
)

// A Mode says how a layer's value combines with what was decided above it.
type Mode string

// The modes. The zero value is Replace.
const (
	Replace  Mode = "replace"  // the layer's value counts
	Merge    Mode = "merge"    // objects are joined member by member, deeply
	Append   Mode = "append"   // lists are joined, without repetitions
	Restrict Mode = "restrict" // only the tighter counts: the smaller number, both booleans, the common members of lists
)

// above is what becomes of the upper layers when a lower one has its say.
func (m Mode) above() Ruling {
	if m == Merge || m == Append || m == Restrict {
		return Merged
	}
	return Overridden
}

func (m Mode) combine(upper, lower json.RawMessage) json.RawMessage {
	switch m {
	case Merge:
		return deep(upper, lower)
	case Append:
		return joined(upper, lower)
	case Restrict:
		return tighter(upper, lower)
	}
	return lower
}

// deep joins objects member by member; anything else is replaced.
func deep(upper, lower json.RawMessage) json.RawMessage {
	u, ok := object(upper)
	l, both := object(lower)
	if !ok || !both {
		return lower
	}
	for name, v := range l {
		if old, there := u[name]; there {
			v = deep(old, v)
		}
		u[name] = v
	}
	return encode(u)
}

// joined puts lists one after the other and keeps the first of equal members.
func joined(upper, lower json.RawMessage) json.RawMessage {
	u, ok := list(upper)
	l, both := list(lower)
	if !ok || !both {
		return lower
	}
	out := make([]json.RawMessage, 0, len(u)+len(l))
	for _, v := range append(u, l...) {
		if !holds(out, v) {
			out = append(out, v)
		}
	}
	return encode(out)
}

// tighter keeps what both allow. Of values that cannot be compared the upper
// counts: a lower layer may never loosen.
func tighter(upper, lower json.RawMessage) json.RawMessage {
	if a, ok := number(upper); ok {
		if b, ok := number(lower); ok && b.Cmp(a) < 0 {
			return lower
		}
		return upper
	}
	if a, ok := list(upper); ok {
		if b, ok := list(lower); ok {
			return common(a, b)
		}
		return upper
	}
	if string(trim(upper)) == "true" && string(trim(lower)) == "false" {
		return lower
	}
	return upper
}

func common(a, b []json.RawMessage) json.RawMessage {
	out := make([]json.RawMessage, 0, len(a))
	for _, v := range a {
		if holds(b, v) && !holds(out, v) {
			out = append(out, v)
		}
	}
	return encode(out)
}

// Tightens reports whether a value below one that was decided stays within it.
func Tightens(upper, lower json.RawMessage) bool {
	if a, ok := list(upper); ok {
		b, both := list(lower)
		for _, v := range b {
			both = both && holds(a, v)
		}
		return both
	}
	if a, ok := number(upper); ok {
		b, both := number(lower)
		return both && b.Cmp(a) <= 0
	}
	if text := string(trim(lower)); string(trim(upper)) == "true" && (text == "true" || text == "false") {
		return true
	}
	return Same(upper, lower)
}

// Combines reports whether a mode can combine values such as v.
func (m Mode) Combines(v json.RawMessage) bool {
	_, isList := list(v)
	_, isObject := object(v)
	_, isNumber := number(v)
	text := string(trim(v))
	switch m {
	case Replace, "":
		return true
	case Merge:
		return isObject
	case Append:
		return isList
	case Restrict:
		return isList || isNumber || text == "true" || text == "false"
	}
	return false
}

// Fits reports whether a layer's value can be combined with a fallback: it is of
// the sort that the mode takes and, where the tighter counts, of the fallback's.
func (m Mode) Fits(fallback, v json.RawMessage) bool {
	return m.Combines(v) && (m != Restrict || sort(fallback) == sort(v))
}

// sort tells objects, lists, texts, numbers, booleans and null apart.
func sort(v json.RawMessage) byte {
	switch b := trim(v); {
	case len(b) == 0:
		return 0
	case b[0] == '-' || '0' <= b[0] && b[0] <= '9':
		return '0'
	case b[0] == 'f':
		return 't'
	default:
		return b[0]
	}
}

func trim(v json.RawMessage) []byte { return bytes.TrimSpace(v) }

func object(v json.RawMessage) (m map[string]json.RawMessage, ok bool) {
	if b := trim(v); len(b) == 0 || b[0] != '{' {
		return nil, false
	}
	return m, json.Unmarshal(v, &m) == nil
}

func list(v json.RawMessage) (l []json.RawMessage, ok bool) {
	if b := trim(v); len(b) == 0 || b[0] != '[' {
		return nil, false
	}
	return l, json.Unmarshal(v, &l) == nil
}

// number reads a JSON number without rounding it.
func number(v json.RawMessage) (*big.Rat, bool) {
	b := trim(v)
	if len(b) == 0 || len(b) > 64 || b[0] != '-' && (b[0] < '0' || b[0] > '9') {
		return nil, false
	}
	if bytes.ContainsAny(b, "eE") {
		f, err := strconv.ParseFloat(string(b), 64) // an exponent may name a number too long to write out
		return new(big.Rat).SetFloat64(f), err == nil
	}
	return new(big.Rat).SetString(string(b))
}

// holds compares members by their canonical spelling.
func holds(l []json.RawMessage, v json.RawMessage) bool {
	for _, o := range l {
		if Same(o, v) {
			return true
		}
	}
	return false
}

// Same reports whether two values are the same, however they are spelled.
func Same(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, isX := number(a)
	y, isY := number(b)
	if isX && isY {
		return x.Cmp(y) == 0
	}
	return isX == isY && bytes.Equal(canonical(a), canonical(b))
}

func canonical(v json.RawMessage) []byte {
	d := json.NewDecoder(bytes.NewReader(v))
	d.UseNumber()
	var x any
	if d.Decode(&x) != nil {
		return v
	}
	return encode(x)
}

func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return nil
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
