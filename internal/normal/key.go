// Package normal says when two spellings are one. Uniqueness across streams
// rests on it alone: whoever compares names compares their keys.
package normal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/reeve-platform/reeve/domain"
)

// ErrName: a name that people could not tell from another, or not see at all.
var ErrName = &domain.Error{Kind: domain.Invalid, Code: "unusable-name", Detail: "the name is empty, or has characters that cannot be seen or told apart"}

// invisible is roughly the property Default_Ignorable_Code_Point (Unicode 5.21):
// what a reader never sees and two names must not differ by.
var invisible = []*unicode.RangeTable{unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector}

// Key returns the form under which a name is compared: compatibility characters,
// case, invisible characters and runs of white space make no difference (NFKC
// with full case folding, Unicode Standard Annex #15 and chapter 3.13). A key is
// its own key. Key fails with ErrName for names that have nothing to read, hold
// control or unassigned characters, or mix scripts that look alike.
func Key(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", ErrName.With("the name is not UTF-8")
	}
	key, stable := fold(s), false
	for range rounds {
		s, key = key, fold(key)
		if stable = s == key; stable {
			break
		}
	}
	if !stable {
		return "", ErrName.With("the name has no stable form")
	}
	if err := check(key); err != nil {
		return "", err
	}
	return key, nil
}

// rounds is how often fold is repeated at most; text that people write is
// stable after one or two.
const rounds = 8

// fold is repeated until nothing changes, as each of its steps can make new work
// for another.
func fold(s string) string {
	s = strings.Map(seen, norm.NFKC.String(s))
	s = norm.NFKC.String(cases.Fold().String(s))
	return strings.Join(strings.FieldsFunc(s, blank), " ")
}

// seen drops what is invisible. It also raises Cherokee letters, which
// cases.Fold would turn to and fro.
func seen(r rune) rune {
	switch {
	case unicode.In(r, invisible...):
		return -1
	case unicode.Is(unicode.Cherokee, r):
		return unicode.ToUpper(r)
	}
	return r
}

// blank is what separates words. Control characters that do are left for check.
func blank(r rune) bool { return unicode.Is(unicode.Zs, r) }

func check(key string) error {
	readable := false
	for _, r := range key {
		if !unicode.IsGraphic(r) {
			return ErrName.With("the name has control or unassigned characters")
		}
		readable = readable || unicode.IsLetter(r) || unicode.IsNumber(r)
	}
	if !readable {
		return ErrName.With("the name has no letter and no digit")
	}
	if mixed(key) {
		return ErrName.With("the name mixes alphabets whose letters look alike")
	}
	return nil
}

// alike are the alphabets that share shapes, such as Latin a and Cyrillic а. A
// name keeps to one of them (Unicode Technical Standard #39, section 5); Latin
// beside Chinese, Japanese, Korean, Arabic and so on is fine.
var alike = []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic}

func mixed(key string) bool {
	var found *unicode.RangeTable
	for _, r := range key {
		for _, script := range alike {
			if !unicode.Is(script, r) {
				continue
			}
			if found != nil && found != script {
				return true
			}
			found = script
		}
	}
	return false
}
