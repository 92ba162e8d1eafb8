package domain_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/reeve-platform/reeve/domain"
)

func TestTextIsWhatPeopleCanRead(t *testing.T) {
	for name, c := range map[string]struct {
		text         string
		name, remark bool
	}{
		"a word":                    {"Łódź", true, true},
		"a picture":                 {"🚀", true, true},
		"Hebrew with a mark":        {"\u05d0\u200f!", true, true},
		"as long as allowed":        {strings.Repeat("ü", 20), true, true},
		"two lines and a tab":       {"a\r\n\tb", false, true},
		"nothing":                   {"", false, false},
		"spaces":                    {" \u00a0\u2003", false, false},
		"zero width":                {"\u200b\u2060", false, false},
		"a letter that is blank":    {"\u3164", false, false},
		"an accent on nothing":      {"\u0301", false, false},
		"one too many":              {strings.Repeat("ü", 21), false, false},
		"U+0000":                    {"a\x00", false, false},
		"an escape sequence":        {"\x1b[31mred", false, false},
		"a control of the C1 set":   {"a\u009b31m", false, false},
		"the other way round":       {"gpj.\u202eexe", false, false},
		"an isolate":                {"a\u2066b", false, false},
		"a line separator":          {"a\u2028b", false, false},
		"what is never a character": {"a\ufffe", false, false},
		"not UTF-8":                 {"a\xff", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			judged(t, "name", domain.CheckName(c.text, 20), c.name)
			judged(t, "text", domain.CheckText(c.text, 20), c.remark)
		})
	}
}

func judged(t *testing.T, as string, err error, fine bool) {
	t.Helper()
	if fine && err != nil || !fine && !errors.Is(err, domain.ErrText) {
		t.Errorf("as a %s: %v", as, err)
	}
}
