package edge

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// values are all that a request may hold: what was read from a body or a parameter,
// and what Go callers give.
func values() *rapid.Generator[any] {
	leaf := rapid.OneOf(
		rapid.String().AsAny(), rapid.Bool().AsAny(), rapid.Just(any(nil)), rapid.Float64Range(-1e20, 1e20).AsAny(), rapid.Int().AsAny(),
		rapid.Just(any(json.Number("1e3"))), rapid.Just(any(json.Number(""))), rapid.Just(any(time.Unix(1, 5).UTC())), rapid.Just(any(map[string]any(nil))), rapid.Just(any([]any(nil))),
		rapid.SampledFrom([]any{"<&>", "\u2028", "a\"b\\", "\x7f", "\xff", "\n", "é"}))
	return rapid.Custom(func(t *rapid.T) any { return nested(t, leaf, 3) })
}

func nested(t *rapid.T, leaf *rapid.Generator[any], depth int) any {
	switch kind := rapid.IntRange(0, 3).Draw(t, "kind"); {
	case depth == 0 || kind < 2:
		return leaf.Draw(t, "leaf")
	case kind == 2:
		list := make([]any, rapid.IntRange(0, 4).Draw(t, "items"))
		for i := range list {
			list[i] = nested(t, leaf, depth-1)
		}
		return list
	}
	obj := map[string]any{}
	for range rapid.IntRange(0, 4).Draw(t, "members") {
		obj[rapid.String().Draw(t, "name")] = nested(t, leaf, depth-1)
	}
	return obj
}

// Fingerprints that are in the log were made by encoding/json.
func TestCanonicalIsWhatJSONWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := values().Draw(t, "value")
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
		if got := canonical(v); string(got) != string(bytes.TrimSuffix(want.Bytes(), []byte("\n"))) {
			t.Fatalf("%s is written as %s", want.Bytes(), got)
		}
	})
}

func TestWhatIsNoJSONHasNoCanonicalForm(t *testing.T) {
	for _, v := range []any{func() {}, map[string]any{"a": make(chan int)}, []any{"a", json.Number("x")}} {
		if b := canonical(v); b != nil {
			t.Errorf("%T is written as %s", v, b)
		}
	}
}
