package auth_test

import (
	"strings"
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/auth"
)

// Whatever is sent, nothing panics, and what is read has exactly one spelling.
func FuzzReadToken(f *testing.F) {
	w := newWorld(f)
	good := w.spelled(w.goodHeader(), w.goodClaims())
	f.Add(good)
	for _, table := range []map[string]string{w.wrongAlgorithms(), w.wrongTimes(), w.wrongClaims(), w.wrongSpellings()} {
		for _, text := range table {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if auth.ReadToken(text) == nil && (strings.Count(text, ".") != 2 || strings.ContainsAny(text, "=+/ \r\n") || len(text) > 8<<10) {
			t.Errorf("%q is read", text)
		}
		if p, err := w.verifier.Token(t.Context(), text); (err == nil) != (p != auth.Principal{}) || err != nil && domain.KindOf(err) != domain.Unauthenticated {
			t.Errorf("%+v, %v", p, err)
		} else if err == nil && text != good && p.ID != string(billing) {
			t.Errorf("%q is believed to be %s", text, p.ID)
		}
	})
}

// What holds of claims holds of whatever JSON they are.
func FuzzClaims(f *testing.F) {
	w := newWorld(f)
	f.Add(w.goodClaims())
	f.Add(`{"a":{"b":[1,{"c":null}]}}`)
	f.Add(`{"exp":1e400}`)
	f.Fuzz(func(t *testing.T, claims string) {
		p, err := w.verifier.Token(t.Context(), w.spelled(w.goodHeader(), claims))
		if err == nil && (p.ID != string(billing) && p.Type == auth.Service || p.Node == "" || !p.Expires.After(noon.Add(-auth.Leeway))) {
			t.Errorf("%q: %+v", claims, p)
		}
	})
}
