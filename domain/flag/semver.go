package flag

import "strings"

// A semver is a version by semver.org 2.0.0, as parts of the text it was read
// from. Build metadata is not part of it: it does not count in comparisons.
type semver struct{ major, minor, patch, pre string }

// parseSemver reads a version; a leading v is allowed for.
func parseSemver(s string) (v semver, ok bool) {
	s = strings.TrimPrefix(s, "v")
	s, build, built := strings.Cut(s, "+")
	if built && !identifiers(build, false) {
		return v, false
	}
	core, pre, early := strings.Cut(s, "-")
	if early && !identifiers(pre, true) {
		return v, false
	}
	v.pre = pre
	v.major, core, _ = strings.Cut(core, ".")
	v.minor, v.patch, _ = strings.Cut(core, ".")
	return v, numeral(v.major) && numeral(v.minor) && numeral(v.patch)
}

// compare is negative if v comes before o.
func (v semver) compare(o semver) int {
	if c := compareNumerals(v.major, o.major); c != 0 {
		return c
	}
	if c := compareNumerals(v.minor, o.minor); c != 0 {
		return c
	}
	if c := compareNumerals(v.patch, o.patch); c != 0 {
		return c
	}
	switch {
	case v.pre == o.pre:
		return 0
	case v.pre == "":
		return 1 // a release comes after everything that led to it
	case o.pre == "":
		return -1
	}
	return comparePre(v.pre, o.pre)
}

// comparePre compares identifier by identifier; numbers come before words, and
// fewer before more.
func comparePre(a, b string) int {
	for a != "" && b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		if c := compareIdentifiers(x, y); c != 0 {
			return c
		}
	}
	return len(a) - len(b)
}

func compareIdentifiers(x, y string) int {
	switch p, q := digits(x), digits(y); {
	case p && q:
		return compareNumerals(x, y)
	case p:
		return -1
	case q:
		return 1
	}
	return strings.Compare(x, y)
}

// compareNumerals compares numbers of any length that have no leading zeros.
func compareNumerals(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func numeral(s string) bool { return digits(s) && (s == "0" || s[0] != '0') }

// identifiers checks a list with dots; numbers of a pre-release have no leading zeros.
func identifiers(s string, strict bool) bool {
	for more := true; more; {
		var id string
		id, s, more = strings.Cut(s, ".")
		if id == "" || strict && digits(id) && !numeral(id) {
			return false
		}
		for i := range len(id) {
			if c := id[i]; c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
				return false
			}
		}
	}
	return true
}
