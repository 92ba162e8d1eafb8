package testkit

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/reeve-platform/reeve/domain"
)

// Conceals expects an event to keep texts from those who only audit it.
func Conceals(t testing.TB, e domain.Discreet, texts ...string) {
	t.Helper()
	b, err := json.Marshal(e.Discreetly())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range texts {
		if strings.Contains(string(b), s) {
			t.Errorf("%T tells %q", e, s)
		}
	}
}
