package normal_test

import (
	"errors"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/internal/normal"
)

func TestSpellingsThatAreOne(t *testing.T) {
	for _, group := range [][]string{
		{"acme", "Acme", "ACME", "ａｃｍｅ", "acme\u200b", "\u2060ac\u00adme", "acme ", "\u00a0acme", "𝐀𝖈𝗺𝚎", "ac\ufe0fme", "a\u034fcme"},
		{"straße ag", "STRASSE  AG", "Strasse\u3000ag"},
		{"café", "cafe\u0301", "CAFÉ"},
		{"ς", "Σ", "σ"},
		{"ﬁne", "FINE"},
		{"Ꭰ", "ꭰ"},
		{"アクメ", "ｱｸﾒ"},
		{"acme 株式会社", "ACME\u2003株式会社"},
	} {
		want, err := normal.Key(group[0])
		if err != nil {
			t.Fatalf("%q: %v", group[0], err)
		}
		for _, s := range group[1:] {
			if got, err := normal.Key(s); got != want || err != nil {
				t.Errorf("%q: got %q, %v; want %q", s, got, err, want)
			}
		}
	}
}

func TestNamesThatDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, s := range []string{"acme", "acme ag", "acmé", "acme-1", "акме", "αcme"[2:], "acme1"} {
		key, err := normal.Key(s)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if other, dup := seen[key]; dup {
			t.Errorf("%q and %q have the same key", s, other)
		}
		seen[key] = s
	}
}

func TestNamesThatAreRefused(t *testing.T) {
	for name, s := range map[string]string{
		"nothing":                   "",
		"only blanks":               " \u00a0\u3000",
		"only invisible characters": "\u200b\u200d\ufeff",
		"only a combining accent":   "\u0301",
		"only punctuation":          "--",
		"a line break":              "ac\nme",
		"a null byte":               "acme\x00",
		"not UTF-8":                 "acme\xff",
		"private use":               "acme\ue000",
		"Cyrillic a in Latin":       "\u0430cme",
		"Greek o in Latin":          "acme c\u03bf",
		"Greek and Cyrillic":        "\u03b1\u0430",
	} {
		t.Run(name, func(t *testing.T) {
			if key, err := normal.Key(s); !errors.Is(err, normal.ErrName) {
				t.Fatalf("got %q, %v", key, err)
			}
		})
	}
}

func TestAKeyIsItsOwnKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, err := normal.Key(rapid.String().Draw(t, "name"))
		if err != nil {
			return
		}
		if again, err := normal.Key(key); again != key || err != nil {
			t.Fatalf("key of %q is %q, %v", key, again, err)
		}
	})
}

func TestEveryLettersKeyIsItsOwnKey(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		key, err := normal.Key(string(r))
		if !unicode.IsLetter(r) || err != nil {
			continue // a few letters are marks in disguise
		}
		if again, err := normal.Key(key); again != key || err != nil {
			t.Fatalf("%U: key of %q is %q, %v", r, key, again, err)
		}
	}
}

func FuzzKey(f *testing.F) {
	f.Add("ａｃｍｅ\u200b")
	f.Fuzz(func(t *testing.T, s string) {
		key, err := normal.Key(s)
		if err != nil {
			return
		}
		if again, err := normal.Key(key); again != key || err != nil {
			t.Fatalf("key of %q is %q, %v", key, again, err)
		}
	})
}
