package verbs_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

func TestFlagsBecomeARequest(t *testing.T) {
	for name, c := range map[string]struct{ args, line, body string }{
		"path by flag":         {"house get --house " + acme, "GET /v1/houses/" + acme, ""},
		"path by place":        {"house get " + acme, "GET /v1/houses/" + acme, ""},
		"both":                 {"house paint-room hall --house " + acme + " --colour red", "PUT /v1/houses/" + acme + "/rooms/hall", `{"colour":"red"}`},
		"in order":             {"house paint-room h r --colour red", "PUT /v1/houses/h/rooms/r", `{"colour":"red"}`},
		"escaped":              {"house paint-room a/b {house} --coats 1", "PUT /v1/houses/a%2Fb/rooms/%7Bhouse%7D", `{"coats":1}`},
		"no body":              {"house sell h", "POST /v1/houses/h/sell", ""},
		"an enum is not ours":  {"house paint-room h r --colour mauve", "PUT /v1/houses/h/rooms/r", `{"colour":"mauve"}`},
		"numbers":              {"house paint-room h r --max-use=9007199254740993 --coats=x", "PUT /v1/houses/h/rooms/r", `{"coats":"x","maxUse":9007199254740993}`},
		"truth alone":          {"house paint-room h r --glossy --coats 2", "PUT /v1/houses/h/rooms/r", `{"coats":2,"glossy":true}`},
		"truth said":           {"house paint-room h r --glossy=false", "PUT /v1/houses/h/rooms/r", `{"glossy":false}`},
		"truth mistaken":       {"house paint-room h r --glossy=perhaps", "PUT /v1/houses/h/rooms/r", `{"glossy":"perhaps"}`},
		"lists":                {"house paint-room h r --tags a --tags b,c --marks 1,2", "PUT /v1/houses/h/rooms/r", `{"marks":[1,2],"tags":["a","b","c"]}`},
		"an empty list":        {"house paint-room h r --tags= --parts []", "PUT /v1/houses/h/rooms/r", `{"parts":[],"tags":[]}`},
		"structs":              {`house paint-room h r --parts {"name":"a"} --parts [{"name":"b"},{"name":"c"}]`, "PUT /v1/houses/h/rooms/r", `{"parts":[{"name":"a"},{"name":"b"},{"name":"c"}]}`},
		"a free value":         {`house paint-room h r --value {"a":1.50}`, "PUT /v1/houses/h/rooms/r", `{"value":{"a":1.50}}`},
		"a free null":          {`house paint-room h r --value null`, "PUT /v1/houses/h/rooms/r", `{"value":null}`},
		"a map":                {`house paint-room h r --options {"a":[]}`, "PUT /v1/houses/h/rooms/r", `{"options":{"a":[]}}`},
		"its own reason":       {"house paint-room h r --reason why", "PUT /v1/houses/h/rooms/r", `{"reason":"why"}`},
		"an empty text":        {"house build --name=", "POST /v1/houses", `{"name":""}`},
		"query":                {"house list --limit 3 --colour red --colour green --after a&b", "GET /v1/houses?after=a%26b&colour=red&colour=green&limit=3", ""},
		"across":               {"house list --scope platform --limit 3", "GET /v1/houses?limit=3&scope=platform", ""},
		"a scope is not ours":  {"house list --scope=everything", "GET /v1/houses?scope=everything", ""},
		"a number that is not": {"house list --limit many", "GET /v1/houses?limit=many", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTown(t, ok(`{}`))
			if _, _, err := reeve(t, s.URL, strings.Fields(c.args)...); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(sent{Line: c.line, Body: c.body}, sent{Line: s.asked[0].Line, Body: s.asked[0].Body}); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestFlagsBecomeHeaders(t *testing.T) {
	s := newTown(t, ok(`{}`))
	for _, args := range []string{"house sell h --idempotency-key k --if-match 3 --reason because", "house get h --min-position 7", "house list --scope platform --reason audit"} {
		if _, _, err := reeve(t, s.URL, strings.Fields(args)...); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]string{}
	for _, name := range []string{"Idempotency-Key", "If-Match", "Reeve-Reason"} {
		got[name] = s.asked[0].Header.Get(name)
	}
	got["Reeve-Min-Position"], got["across"] = s.asked[1].Header.Get("Reeve-Min-Position"), s.asked[2].Header.Get("Reeve-Reason")
	want := map[string]string{"across": "audit", "Idempotency-Key": "k", "If-Match": `"3"`, "Reeve-Reason": "because", "Reeve-Min-Position": "7"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

// What cannot even be sent is refused as the server would refuse it.
func TestRefusedHere(t *testing.T) {
	s := newTown(t, ok(`{}`))
	for args, want := range map[string]*domain.Error{
		"house get":                                  edge.ErrInvalidRequest,
		"house paint-room h":                         edge.ErrInvalidRequest,
		"house get h --house h":                      edge.ErrInvalidRequest,
		"house paint-room h r --value red":           edge.ErrMalformedJSON,
		`house paint-room h r --value 1,"x":2`:       edge.ErrMalformedJSON,
		`house paint-room h r --value {"a":1,"a":1}`: edge.ErrMalformedJSON,
		`house paint-room h r --parts {`:             edge.ErrMalformedJSON,
	} {
		_, _, err := reeve(t, s.URL, strings.Fields(args)...)
		if e, ok := domain.AsError(err); !ok || e.Code != want.Code || edge.AnswerTo(e.Kind).Exit != 65 {
			t.Errorf("%s: %v", args, err)
		}
	}
	if len(s.asked) > 0 {
		t.Fatal("it was sent")
	}
}
