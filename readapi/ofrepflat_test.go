package readapi

import (
	"encoding/json"
	"reflect"
	"testing"
)

// What flat reads is what encoding/json reads, and it reads nothing that is no JSON.
func FuzzFlat(f *testing.F) {
	for body := range plainBodies {
		f.Add(body)
	}
	for _, body := range oddBodies {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, ok := flat(body)
		if !ok {
			return
		}
		var want struct {
			Context map[string]any `json:"context"`
		}
		if err := json.Unmarshal([]byte(body), &want); err != nil || !reflect.DeepEqual(got, want.Context) {
			t.Errorf("%q is read as %v, and is %v %v", body, got, want.Context, err)
		}
	})
}

var plainBodies = map[string]map[string]any{
	`{"context":{}}`: {},
	` { "context" : { "a" : "b" , "c":1,"d":true,"e":false,"f":null } } `: {"a": "b", "c": 1.0, "d": true, "e": false, "f": nil},
	`{"context":{"a":0,"b":123456789012345,"":""}}`:                       {"a": 0.0, "b": 123456789012345.0, "": ""},
}

// These are for encoding/json to read, or to refuse.
var oddBodies = []string{
	``, `{}`, `[]`, `null`, `{"context":null}`, `{"context":{}`, `{"context":{}}}`, `{"context":{},"x":1}`, `{"Context":{}}`,
	`{"context":{"a":"b",}}`, `{"context":{,"a":"b"}}`, `{"context":{"a":"b" "c":"d"}}`, `{"context":{"a":"b","a":"c"}}`,
	`{"context":{"a":"\u0062"}}`, `{"context":{"a":"é"}}`, "{\"context\":{\"a\":\"\xff\"}}", "{\"context\":{\"a\":\"\n\"}}", `{"context":{"a":"b}}`,
	`{"context":{"a":-1}}`, `{"context":{"a":1.5}}`, `{"context":{"a":1e5}}`, `{"context":{"a":01}}`, `{"context":{"a":1234567890123456}}`, `{"context":{"a":}}`, `{"context":{"a":truth}}`, `{"context":{"a":nulls}}`,
	`{"context":{"a":[]}}`, `{"context":{"a":{}}}`, `{"context":{a:"b"}}`, "\u00a0{\"context\":{}}",
}

func TestFlat(t *testing.T) {
	for body, want := range plainBodies {
		if got, ok := flat(body); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %v, %v", body, got, ok)
		}
	}
	for _, body := range oddBodies {
		if got, ok := flat(body); ok {
			t.Errorf("%q is read as %v", body, got)
		}
	}
}
