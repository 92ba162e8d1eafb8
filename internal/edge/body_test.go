package edge_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

func TestReadBody(t *testing.T) {
	for body, want := range map[string]map[string]any{
		``:                                       {},
		`{}`:                                     {},
		" {\"a\":1} \n":                          {"a": json.Number("1")},
		`{"a":9007199254740993,"A":1e400}`:       {"a": json.Number("9007199254740993"), "A": json.Number("1e400")},
		`{"a":[{},[],null,true,"\ud83d\ude00"]}`: {"a": []any{map[string]any{}, []any{}, nil, true, "😀"}},
		`{"a":"\\ud800"}`:                        {"a": `\ud800`},
	} {
		got, err := edge.ReadBody(strings.NewReader(body), 100)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", body, err, diff)
		}
	}
}

func TestReadBodyRefuses(t *testing.T) {
	for body, pointer := range map[string]string{
		` `: "", `null`: "", `[]`: "", `"a"`: "", `1`: "", `{`: "", `{"a":1`: "", `{"a":1,}`: "", `{'a':1}`: "", `{"a":01}`: "", `{"a":NaN}`: "",
		`{} {}`: "", `{}x`: "", "\ufeff{}": "", "{\"a\":\"\xff\"}": "", "{\"\xc3\x28\":1}": "", `{"a":"\x"}`: "", "{\"a\":\"\n\"}": "",
		`{"a":"\ud800"}`: "", `{"a":"\ude00\ud83d"}`: "", `{"a":"\ud800\u0041"}`: "", `{"\udfff":1}`: "",
		`{"a":1,"a":1}`: "/a", `{"b":[{"x/y~z":{"k":1,"\u006b":2}}]}`: "/b/0/x~1y~0z/k",
		strings.Repeat(`{"a":`, 33) + `1` + strings.Repeat(`}`, 33): "", `{"a":` + strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000) + `}`: "",
	} {
		_, err := edge.ReadBody(strings.NewReader(body), 1<<20)
		e, ok := domain.AsError(err)
		if !ok || !errors.Is(err, edge.ErrMalformedJSON) || e.Kind != domain.Malformed {
			t.Errorf("%.40q: %v", body, err)
			continue
		}
		if pointer != "" && e.Fields[0].Pointer != pointer {
			t.Errorf("%q points at %+v", body, e.Fields)
		}
	}
}

func TestReadBodyNestsThirtyTwoDeep(t *testing.T) {
	if _, err := edge.ReadBody(strings.NewReader(strings.Repeat(`{"a":`, 32)+`1`+strings.Repeat(`}`, 32)), 1<<20); err != nil {
		t.Fatal(err)
	}
}

func TestReadBodyStopsAtTheLimit(t *testing.T) {
	body := `{"a":"` + strings.Repeat("x", 92) + `"}`
	if _, err := edge.ReadBody(strings.NewReader(body), int64(len(body))); err != nil {
		t.Fatal(err)
	}
	endless := io.MultiReader(strings.NewReader(body), neverending{})
	if _, err := edge.ReadBody(endless, int64(len(body))); !errors.Is(err, edge.ErrPayloadTooLarge) {
		t.Fatal(err)
	}
}

// neverending is a body without an end.
type neverending struct{}

// Read gives spaces.
func (neverending) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

func TestReadBodyThatBreaksOff(t *testing.T) {
	for cause, want := range map[error]error{io.ErrUnexpectedEOF: edge.ErrUnreadableBody, os.ErrDeadlineExceeded: edge.ErrRequestTimeout} {
		if _, err := edge.ReadBody(iotest.ErrReader(cause), 10); !errors.Is(err, want) {
			t.Error(cause, err)
		}
	}
}

// Whatever is accepted can be written and read again, and means the same.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `{"a":1,"a":2}`, `{"tenant":"` + acme + `","wall":1,"colour":"red"}`, `{"tenant":"x"}`, `{"TENANT":1}`,
		`{"value":{"a":[1,2,{"b":null}]}}`, `{"due":"2026-01-02T03:04:05+01:00"}`, `{"due":"0000-01-01T00:00:00+23:59"}`, `{"big":1e999999999}`, `{"big":-9223372036854775808}`,
		`{"small":256}`, `{"parts":[{"name":"a","role":"red"}]}`, `{"parts":[[]]}`, `{"labels":{"":""}}`, "{\"a\":\"\xff\"}", `{"a":"\ud800"}`, `{"a":"\u0000"}`, `{"a":`,
		`{"other":null}`, `{"note":"abc"}`, `{"share":0.00001}`, `{"mail":"a@b.example"}`, `{"tags":["a","a"]}`, `{"node":"platform"}`, `{"~/":1}`, ` { } `, `{"value":"</script>"}`, `{"wall":1.0}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		obj, err := edge.ReadBody(strings.NewReader(string(b)), 1<<16)
		if err != nil {
			return
		}
		if _, known := obj["tenant"]; !known {
			obj["tenant"], obj["wall"], obj["colour"] = acme, 1, "red"
		}
		var first, second paint
		if edge.BindObject(obj)(&first) != nil {
			return
		}
		written, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		again, err := edge.ReadBody(strings.NewReader(string(written)), 1<<20)
		if err == nil {
			err = edge.BindObject(again)(&second)
		}
		if diff := cmp.Diff(first, second, sameJSON, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
	})
}

// sameJSON compares what is free by meaning: escapes may differ.
var sameJSON = cmp.FilterValues(
	func(a, b json.RawMessage) bool { return len(a)+len(b) > 0 },
	cmp.Comparer(func(a, b json.RawMessage) bool {
		var x, y any
		return string(a) == string(b) || json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && cmp.Equal(x, y)
	}))
