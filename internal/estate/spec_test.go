package estate_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/internal/estate"
)

// Whatever JSON says, YAML says the same, also where JSON is no YAML.
func TestYAMLSaysWhatJSONSays(t *testing.T) {
	for _, text := range []string{`"\ud83d\ude00"`, `"a\/b"`, "\"\u007f\"", `{"a":[1,2.5,null,true,"yes"]}`, `1e3`, `""`, `[]`, `null`, `"\u003c"`} {
		var want, got any
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		n := estate.YAML(json.RawMessage(text))
		if err := n.Decode(&got); err != nil {
			t.Fatal(text, err)
		}
		back, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(back, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(text, diff)
		}
	}
	if n := estate.YAML(nil); n.Kind != 0 {
		t.Error("nothing is something:", n)
	}
}
