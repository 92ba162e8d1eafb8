package domain

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrText: a text for people is empty, too long or not readable.
var ErrText = &Error{Kind: Invalid, Code: "invalid-text", Detail: "the text is empty, too long or cannot be read"}

// CheckText refuses, with ErrText, what cannot stand as a remark or a reason: more
// than most characters, nothing to be seen, not UTF-8, or with characters that
// control a terminal, a database (U+0000) or the direction of what follows
// ("Trojan Source", CVE-2021-42574). Tabs and line feeds are text.
func CheckText(s string, most int) error {
	return checkText(s, most, "\t\n\r")
}

// CheckName is CheckText for what stands on one line: neither tabs nor line feeds.
func CheckName(s string, most int) error {
	return checkText(s, most, "")
}

func checkText(s string, most int, layout string) error {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > most || strings.IndexFunc(s, visible) < 0 {
		return ErrText.With(fmt.Sprintf("1 to %d characters are needed", most))
	}
	for _, r := range s {
		if steers(r) && !strings.ContainsRune(layout, r) {
			return ErrText.With(fmt.Sprintf("U+%04X is not text", r))
		}
	}
	return nil
}

// visible tells what a reader sees by itself: neither space nor a mark on
// nothing, and none of the letters that are blank (U+115F, U+1160, U+3164,
// U+FFA0).
func visible(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// steers tells characters that do something instead of showing something.
func steers(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point) ||
		0x202A <= r && r <= 0x202E || 0x2066 <= r && r <= 0x2069
}
