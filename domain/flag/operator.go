package flag

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"strings"
)

// A compiler makes of a condition's values what an attribute is held against.
// Wants says what the value at place bad should have been; empty if all are well.
type compiler func(values []json.RawMessage) (match func(any) bool, bad int, wants string)

var compilers = map[Operator]compiler{
	In:         compileIn,
	StartsWith: texts(strings.HasPrefix),
	EndsWith:   texts(strings.HasSuffix),
	Contains:   texts(strings.Contains),
	Matches:    read(expression, "a regular expression as RE2 knows them, of at most 1,000 letters", textOf, func(s string, e *regexp.Regexp) bool { return e.MatchString(s) }),
	LT:         read(number, "a number", numberOf, func(a, b float64) bool { return a < b }),
	LTE:        read(number, "a number", numberOf, func(a, b float64) bool { return a <= b }),
	GT:         read(number, "a number", numberOf, func(a, b float64) bool { return a > b }),
	GTE:        read(number, "a number", numberOf, func(a, b float64) bool { return a >= b }),
	Before:     read(parsed(parseInstant), "an instant such as 2026-06-01T12:00:00Z", attribute(parseInstant), func(a, b instant) bool { return a.compare(b) < 0 }),
	After:      read(parsed(parseInstant), "an instant such as 2026-06-01T12:00:00Z", attribute(parseInstant), func(a, b instant) bool { return a.compare(b) > 0 }),
	SemverEq:   read(parsed(parseSemver), "a version such as 1.2.3", attribute(parseSemver), func(a, b semver) bool { return a.compare(b) == 0 }),
	SemverLT:   read(parsed(parseSemver), "a version such as 1.2.3", attribute(parseSemver), func(a, b semver) bool { return a.compare(b) < 0 }),
	SemverGT:   read(parsed(parseSemver), "a version such as 1.2.3", attribute(parseSemver), func(a, b semver) bool { return a.compare(b) > 0 }),
	CIDR:       read(parsed(parseNetwork), "a network such as 10.0.0.0/8", attribute(parseAddress), func(a netip.Addr, n netip.Prefix) bool { return n.Contains(a) }),
}

// read makes a compiler of how a value is read, how an attribute is read, and how
// the two compare.
func read[V, A any](value func(json.RawMessage) (V, bool), wants string, attribute func(any) (A, bool), compare func(A, V) bool) compiler {
	return func(values []json.RawMessage) (func(any) bool, int, string) {
		list := make([]V, len(values))
		for i, raw := range values {
			v, ok := value(raw)
			if !ok {
				return nil, i, wants
			}
			list[i] = v
		}
		return func(a any) bool {
			x, ok := attribute(a)
			for i := 0; ok && i < len(list); i++ {
				if compare(x, list[i]) {
					return true
				}
			}
			return false
		}, 0, ""
	}
}

func texts(compare func(s, with string) bool) compiler {
	return read(text, "a text", textOf, compare)
}

// parsed reads a value that is a text of some form.
func parsed[V any](parse func(string) (V, bool)) func(json.RawMessage) (V, bool) {
	return func(raw json.RawMessage) (v V, ok bool) {
		s, ok := text(raw)
		if !ok {
			return v, false
		}
		return parse(s)
	}
}

// attribute reads an attribute that is a text of some form.
func attribute[A any](parse func(string) (A, bool)) func(any) (A, bool) {
	return func(v any) (a A, ok bool) {
		s, ok := textOf(v)
		if !ok {
			return a, false
		}
		return parse(s)
	}
}

func text(raw json.RawMessage) (s string, ok bool) {
	var p *string
	if json.Unmarshal(raw, &p) != nil || p == nil {
		return "", false
	}
	return *p, true
}

func number(raw json.RawMessage) (f float64, ok bool) {
	var p *float64
	if json.Unmarshal(raw, &p) != nil || p == nil {
		return 0, false
	}
	return *p, true
}

func expression(raw json.RawMessage) (*regexp.Regexp, bool) {
	s, ok := text(raw)
	if !ok || len(s) > 1000 {
		return nil, false
	}
	e, err := regexp.Compile(s)
	return e, err == nil
}

// parseAddress reads an IP address. An IPv4 address that is written as an IPv6
// one is the same address. Zones are of no use here. They would allocate, and so would
// an error for what cannot be an address.
func parseAddress(s string) (netip.Addr, bool) {
	if len(s) > 45 || strings.Trim(s, "0123456789abcdefABCDEF:.") != "" || strings.IndexByte(s, ':') < 0 && strings.Count(s, ".") != 3 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil
}

// parseNetwork reads a network, or an address, which is a network of one.
func parseNetwork(s string) (netip.Prefix, bool) {
	if a, ok := parseAddress(s); ok {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err == nil
}

// compileIn looks values up: a thousand cost as much as one.
func compileIn(values []json.RawMessage) (func(any) bool, int, string) {
	words, numbers, truths := map[string]bool{}, map[float64]bool{}, map[bool]bool{}
	for i, raw := range values {
		var v any
		_ = json.Unmarshal(raw, &v) // what cannot be read is nothing, which is refused
		switch v := v.(type) {
		case string:
			words[v] = true
		case float64:
			numbers[v] = true
		case bool:
			truths[v] = true
		default:
			return nil, i, "a text, a number, true or false"
		}
	}
	return func(a any) bool {
		if b, ok := a.(bool); ok {
			return truths[b]
		}
		if s, ok := textOf(a); ok {
			return words[s]
		}
		n, ok := numberOf(a)
		return ok && numbers[n]
	}, 0, ""
}
