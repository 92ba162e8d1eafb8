package readapi

import "strings"

// flat reads the body of an evaluation whose context holds nothing but plain words,
// whole numbers and truth values, as nearly all do: encoding/json takes five times as
// long to find out as much. Of everything else, wrong bodies among it, it says that it
// cannot read it. What it reads is what encoding/json reads.
func flat(body string) (attributes map[string]any, ok bool) {
	f := flatReader{body}
	if !f.takes("{") || !f.takes(`"context"`) || !f.takes(":") || !f.takes("{") {
		return nil, false
	}
	attributes = make(map[string]any, 8)
	for more := !f.takes("}"); more; more = !f.takes("}") {
		if len(attributes) > 0 && !f.takes(",") {
			return nil, false
		}
		name, named := f.word()
		if _, twice := attributes[name]; twice || !named || !f.takes(":") {
			return nil, false
		}
		if attributes[name], ok = f.value(); !ok {
			return nil, false
		}
	}
	return attributes, f.takes("}") && f.skip() == ""
}

// A flatReader is what is still to be read.
type flatReader struct{ rest string }

// skip drops white space, and returns the rest.
func (f *flatReader) skip() string {
	f.rest = strings.TrimLeft(f.rest, " \t\r\n")
	return f.rest
}

// takes reads what comes next if it is this.
func (f *flatReader) takes(text string) (ok bool) {
	f.rest, ok = strings.CutPrefix(f.skip(), text)
	return ok
}

// word reads a string without anything that is written in another way than it is meant.
func (f *flatReader) word() (word string, ok bool) {
	if !f.takes(`"`) {
		return "", false
	}
	for i := range len(f.rest) {
		switch c := f.rest[i]; {
		case c == '"':
			word, f.rest = f.rest[:i], f.rest[i+1:]
			return word, true
		case c < ' ' || c > '~' || c == '\\':
			return "", false
		}
	}
	return "", false
}

// value reads a value that holds no others.
func (f *flatReader) value() (value any, ok bool) {
	switch {
	case f.takes("true"):
		return true, true
	case f.takes("false"):
		return false, true
	case f.takes("null"):
		return nil, true
	case strings.HasPrefix(f.rest, `"`):
		return f.word()
	}
	return f.number()
}

// number reads a whole number that a float64 holds exactly.
func (f *flatReader) number() (number float64, ok bool) {
	const most = 15 // digits
	n := 0
	for ; n < len(f.rest) && n <= most && f.rest[n] >= '0' && f.rest[n] <= '9'; n++ {
		number = 10*number + float64(f.rest[n]-'0')
	}
	if n == 0 || n > most || f.rest[0] == '0' && n > 1 || n < len(f.rest) && strings.ContainsRune(".eE", rune(f.rest[n])) {
		return 0, false
	}
	f.rest = f.rest[n:]
	return number, true
}
