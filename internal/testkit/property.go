package testkit

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
)

// Steady states what holds of every decision, whatever happened before, even
// what never can: a command that is decided again after its own facts adds
// nothing or is refused, and no fold and no decision panics.
func Steady[S domain.State[S]](t *testing.T, happened []domain.Event, asked []domain.Command[S]) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		var zero S
		past := rapid.SliceOf(rapid.SampledFrom(happened)).Draw(t, "past")
		cmd := rapid.SampledFrom(asked).Draw(t, "command")
		state, meta := domain.Fold(zero, past...), domain.Meta{At: Now}
		facts, err := cmd.Decide(state, meta)
		if err != nil {
			return
		}
		again, err := cmd.Decide(domain.Fold(state, facts...), meta)
		if err == nil && len(again) > 0 {
			t.Fatalf("decided %v, and then again %v", facts, again)
		}
	})
}

// walk is how many commands one random walk takes at most.
const walk = 200

// Walk states what holds of every state that commands can lead to: it begins
// with given and lets random commands happen one after the other.
func Walk[S domain.State[S]](t *testing.T, given []domain.Event, asked []domain.Command[S], holds func(S) bool) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		var zero S
		state := domain.Fold(zero, given...)
		for _, cmd := range rapid.SliceOfN(rapid.SampledFrom(asked), 0, walk).Draw(t, "commands") {
			facts, _ := cmd.Decide(state, domain.Meta{At: Now})
			state = domain.Fold(state, facts...)
			if !holds(state) {
				t.Fatalf("after %T: %+v", cmd, state)
			}
		}
	})
}
