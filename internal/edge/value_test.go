package edge

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// FuzzValue compares reading at once with walking token by token, which refuses what
// is ambiguous and says where.
func FuzzValue(f *testing.F) {
	deep := strings.Repeat("[", maxDepth)
	for _, seed := range []string{
		`{}`, `null`, `{"a":1,"a":2}`, `{"a":{"b":1,"b":1}}`, `[{"a":1},{"a":1}]`, `{"a:":"\":","b\\":"{["}`, `{"":{"":1e999}}`, `{"\u0061":1,"a":2}`,
		deep + strings.Repeat("]", maxDepth), deep + "[]" + strings.Repeat("]", maxDepth), `" \\"`, `{"a":"x\\","b":":"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if !json.Valid(b) || loneSurrogate(b) {
			return
		}
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		want, wrong := (&parser{d, nil}).value()
		got, err := valueIn(b)
		if !reflect.DeepEqual(want, got) || (err == nil) != (wrong == nil) || err != nil && err.Error() != wrong.Error() {
			t.Fatalf("%s is %v, %v; walking finds %v, %v", b, got, err, want, wrong)
		}
	})
}
