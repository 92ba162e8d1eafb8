package edge_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/edgetest"
)

const thisWall = "PUT /v1/tenants/" + acme + "/walls/2"

func TestCommandIsBoundAndAnswered(t *testing.T) {
	s := open(t)
	r := s.ask(t, thisWall+"?dry=true", `{"colour":"red","parts":[{"name":"a","role":"green"}]}`,
		"Idempotency-Key", "key 1", "If-Match", `"6"`, "Reeve-Reason", "übermalt", "User-Agent", "brush/1",
		"X-Request-Id", "r-1", "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	if r.StatusCode != 200 || r.text != `{"stream":"wall-1","revision":7,"position":4711,"events":["Painted"]}`+"\n" {
		t.Fatal(r.StatusCode, r.text)
	}
	for name, want := range map[string]string{"ETag": `"7"`, "Reeve-Position": "4711", "X-Request-Id": "r-1", "Content-Type": "application/json", "Cache-Control": "no-store"} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if diff := cmp.Diff([]any{&paint{Tenant: acme, Wall: 2, Dry: true, Colour: "red", Parts: []part{{"a", "green"}}}}, s.inputs); diff != "" {
		t.Error(diff)
	}
	six := uint64(6)
	want := edge.Request{Caller: edgetest.Guard{As: domain.Actor{ID: "anna", Type: "user"}}, Keyed: true, IfMatch: &six, Meta: domain.Meta{CommandID: "key 1", CorrelationID: "4bf92f3577b34da6a3ce929d0e0e4736",
		Actor: domain.Actor{ID: "anna", Type: "user"}, SourceIP: "127.0.0.1", UserAgent: "brush/1", Reason: "übermalt",
		Fingerprint: edge.Fingerprint("paintWall", map[string]any{"tenant": acme, "wall": 2, "dry": true, "colour": "red", "parts": []any{map[string]any{"name": "a", "role": "green"}}})}}
	if diff := cmp.Diff(want, s.requests[0]); diff != "" {
		t.Error(diff)
	}
}

func TestCreatesAnswers201(t *testing.T) {
	s := open(t)
	if r := s.ask(t, "POST /v1/walls", `{"name":"north"}`); r.StatusCode != http.StatusCreated || r.Header.Get("ETag") != `"7"` {
		t.Fatal(r.StatusCode, r.text)
	}
	if got := s.requests[0]; got.Keyed || len(got.Meta.CommandID) != 36 || got.IfMatch != nil {
		t.Fatal(got)
	}
}

func TestQueryIsBoundAndAnswered(t *testing.T) {
	s := open(t)
	r := s.ask(t, "GET /v1/walls?limit=10&colour=red&include=parts,owner", "", "Reeve-Min-Position", "9")
	if r.StatusCode != 200 || r.Header.Get("Reeve-Position") != "12" || r.Header.Get("ETag") != `"4"` {
		t.Fatal(r.StatusCode, r.Header)
	}
	s.ask(t, "GET /v1/walls?include=owner&include=parts", "")
	want := []any{&walls{Page: Page{Limit: 10}, Colour: "red", Include: []string{"parts", "owner"}}, &walls{Include: []string{"owner", "parts"}}}
	if diff := cmp.Diff(want, s.inputs); diff != "" || s.requests[0].MinPosition != 9 {
		t.Fatal(diff, s.requests[0])
	}
}

type badInput struct {
	line, body string
	status     int
	code       string
	pointers   []string
}

var badInputs = map[string]badInput{
	"no body":                 {thisWall, ``, 422, "invalid-request", []string{"/colour"}},
	"an unknown member":       {thisWall, `{"colour":"red","hue":"` + canary + `"}`, 422, "invalid-request", []string{"/hue"}},
	"a case variant":          {thisWall, `{"colour":"red","Colour":"` + canary + `"}`, 422, "invalid-request", []string{"/Colour"}},
	"only a case variant":     {thisWall, `{"COLOUR":"red"}`, 422, "invalid-request", []string{"/COLOUR", "/colour"}},
	"a member of the path":    {thisWall, `{"colour":"red","tenant":"` + acme + `"}`, 422, "invalid-request", []string{"/tenant"}},
	"a member of the query":   {thisWall, `{"colour":"red","dry":true}`, 422, "invalid-request", []string{"/dry"}},
	"an ignored field":        {thisWall, `{"colour":"red","-":[],"Inner":[]}`, 422, "invalid-request", []string{"/-", "/Inner"}},
	"a nested unknown member": {thisWall, `{"colour":"red","parts":[{"name":"a","role":"red","a/b~c.d[0]":1}]}`, 422, "invalid-request", []string{"/parts/0/a~1b~0c.d[0]"}},
	"a very long name":        {thisWall, `{"colour":"red","` + strings.Repeat(canary, 9) + `":1}`, 422, "invalid-request", []string{""}},
	"not in the enum":         {thisWall, `{"colour":"` + canary + `"}`, 422, "invalid-request", []string{"/colour"}},
	"a wrong type":            {thisWall, `{"colour":["` + canary + `"]}`, 422, "invalid-request", []string{"/colour"}},
	"a null":                  {thisWall, `{"colour":null,"note":null,"parts":null}`, 422, "invalid-request", []string{"/colour", "/note", "/parts"}},
	"not an id":               {thisWall, `{"colour":"red","node":"` + canary + `","other":""}`, 422, "invalid-id", []string{"/node", "/other"}},
	"not an id, and more":     {thisWall, `{"colour":"` + canary + `","node":"x"}`, 422, "invalid-request", []string{"/colour", "/node"}},
	"a uuid of version 1":     {"PUT /v1/tenants/6f9619ff-8b86-1011-b42d-00c04fc964ff/walls/1", `{"colour":"red"}`, 422, "invalid-id", []string{"tenant"}},
	"an id in braces":         {"PUT /v1/tenants/%7B" + acme + "%7D/walls/1", `{"colour":"red"}`, 422, "invalid-id", []string{"tenant"}},
	"not a number in path":    {"PUT /v1/tenants/" + acme + "/walls/" + canary, `{"colour":"red"}`, 422, "invalid-request", []string{"wall"}},
	"too small in the path":   {"PUT /v1/tenants/" + acme + "/walls/0", `{"colour":"red"}`, 422, "invalid-request", []string{"wall"}},
	"beyond 64 bits":          {thisWall, `{"colour":"red","big":9223372036854775808}`, 422, "invalid-request", []string{"/big"}},
	"an endless exponent":     {thisWall, `{"colour":"red","big":1e999999999,"share":1e999999999}`, 422, "invalid-request", []string{"/big", "/share"}},
	"beyond eight bits":       {thisWall, `{"colour":"red","small":256}`, 422, "invalid-request", []string{"/small"}},
	"a fraction":              {thisWall, `{"colour":"red","big":1.5}`, 422, "invalid-request", []string{"/big"}},
	"a number as text":        {thisWall, `{"colour":"red","big":"1"}`, 422, "invalid-request", []string{"/big"}},
	"out of bounds":           {thisWall, `{"colour":"red","share":0}`, 422, "invalid-request", []string{"/share"}},
	"a pattern":               {thisWall, `{"colour":"red","note":"` + canary + `"}`, 422, "invalid-request", []string{"/note"}},
	"an address":              {thisWall, `{"colour":"red","mail":"=?` + canary + `?q?a?= <a@b.example>"}`, 422, "invalid-request", []string{"/mail"}},
	"a time without offset":   {thisWall, `{"colour":"red","due":"2026-01-02T03:04:05"}`, 422, "invalid-request", []string{"/due"}},
	"a time before time":      {thisWall, `{"colour":"red","due":"0000-01-01T00:00:00+14:00"}`, 422, "invalid-request", []string{"/due"}},
	"a time in the year 0":    {thisWall, `{"colour":"red","due":"0000-12-31T00:00:00Z"}`, 422, "invalid-request", []string{"/due"}},
	"a year 0 by its offset":  {thisWall, `{"colour":"red","due":"0001-01-01T00:00:00+14:00"}`, 422, "invalid-request", []string{"/due"}},
	"too many":                {thisWall, `{"colour":"red","parts":[1,2,3,4]}`, 422, "invalid-request", []string{"/parts"}},
	"wrong items":             {thisWall, `{"colour":"red","parts":[{"name":"","role":"red"},{"name":"sixsix","role":"blue"},3]}`, 422, "invalid-request", []string{"/parts/0/name", "/parts/1/name", "/parts/1/role", "/parts/2"}},
	"items twice":             {thisWall, `{"colour":"red","tags":["a","b","a"]}`, 422, "invalid-request", []string{"/tags/2"}},
	"a NUL":                   {thisWall, `{"colour":"red","value":[{"a":"\u0000` + canary + `"}],"tags":["\u0000"]}`, 422, "invalid-request", []string{"/tags/0", "/value/0/a"}},
	"a NUL in a name":         {thisWall, `{"colour":"red","labels":{"\u0000":"x"}}`, 422, "invalid-request", []string{"/labels/\x00"}},
	"a label that is no text": {thisWall, `{"colour":"red","labels":{"k":1}}`, 422, "invalid-request", []string{"/labels/k"}},
	"a member twice":          {thisWall, `{"colour":"red","colour":"` + canary + `"}`, 400, "malformed-json", []string{"/colour"}},
	"not JSON":                {thisWall, `{"colour":` + canary, 400, "malformed-json", nil},
	"a list":                  {thisWall, `["` + canary + `"]`, 400, "malformed-json", nil},
	"two bodies":              {thisWall, `{"colour":"red"}{}`, 400, "malformed-json", nil},
	"a body for a question":   {"GET /v1/walls", `{"colour":"red"}`, 422, "invalid-request", []string{"/colour"}},
	"an unknown parameter":    {"GET /v1/walls?hue=" + canary, ``, 422, "invalid-request", []string{"/hue"}},
	"a parameter twice":       {"GET /v1/walls?limit=1&limit=" + canary, ``, 422, "invalid-request", []string{"limit"}},
	"a parameter too large":   {"GET /v1/walls?limit=201&colour=" + canary, ``, 422, "invalid-request", []string{"colour", "limit"}},
	"no number":               {"GET /v1/walls?limit=", ``, 422, "invalid-request", []string{"limit"}},
	"not UTF-8":               {"GET /v1/walls?after=%ff", ``, 422, "invalid-request", []string{"after"}},
	"a NUL in a parameter":    {"GET /v1/walls?after=%00", ``, 422, "invalid-request", []string{"after"}},
	"an unknown choice":       {"GET /v1/walls?include=parts," + canary, ``, 422, "invalid-request", []string{"include"}},
	"a broken query":          {"GET /v1/walls?a=%zz" + canary, ``, 400, "malformed-query", nil},
	"a semicolon":             {"GET /v1/walls?limit=1;limit=2", ``, 400, "malformed-query", nil},
	"a parameter of a body":   {thisWall + "?colour=red", `{"colour":"red"}`, 422, "invalid-request", []string{"/colour"}},
}

func TestBadInputsAreRefused(t *testing.T) {
	s := open(t)
	for name, c := range badInputs {
		t.Run(name, func(t *testing.T) {
			r := s.ask(t, c.line, c.body)
			p := r.problem(t)
			var got []string
			for _, f := range p.Errors {
				got = append(got, f.Pointer)
			}
			if diff := cmp.Diff(c.pointers, got, cmpopts.SortSlices(strings.Compare)); r.StatusCode != c.status || p.Code != c.code || diff != "" {
				t.Errorf("%d %s %s", r.StatusCode, r.text, diff)
			}
			if strings.Contains(r.text, canary) {
				t.Errorf("the value is repeated: %s", r.text)
			}
		})
	}
	if strings.Contains(s.log.String(), canary) || len(s.inputs) > 0 {
		t.Error("a value is in the log, or a bad input was taken")
	}
}

func TestBadHeadersAreRefused(t *testing.T) {
	s := open(t)
	for name, c := range map[string]struct {
		headers []string
		code    string
	}{
		"an empty key":        {[]string{"Idempotency-Key", ""}, "invalid-idempotency-key"},
		"an endless key":      {[]string{"Idempotency-Key", strings.Repeat("k", 201)}, "invalid-idempotency-key"},
		"a key in Greek":      {[]string{"Idempotency-Key", "κ"}, "invalid-idempotency-key"},
		"two keys":            {[]string{"Idempotency-Key", "a", "Idempotency-Key", "b"}, "invalid-idempotency-key"},
		"no quotes":           {[]string{"If-Match", "3"}, "invalid-if-match"},
		"half a quote":        {[]string{"If-Match", `"3`}, "invalid-if-match"},
		"a weak tag":          {[]string{"If-Match", `W/"3"`}, "invalid-if-match"},
		"anything":            {[]string{"If-Match", "*"}, "invalid-if-match"},
		"two tags":            {[]string{"If-Match", `"3", "4"`}, "invalid-if-match"},
		"a negative revision": {[]string{"If-Match", `"-1"`}, "invalid-if-match"},
		"a huge revision":     {[]string{"If-Match", `"18446744073709551615"`}, "invalid-if-match"},
		"a word":              {[]string{"Reeve-Min-Position", "now"}, "invalid-position"},
		"a huge position":     {[]string{"Reeve-Min-Position", "18446744073709551616"}, "invalid-position"},
		"an endless reason":   {[]string{"Reeve-Reason", strings.Repeat("ü", 501)}, "invalid-reason"},
		"an unreadable one":   {[]string{"Reeve-Reason", "\xff"}, "invalid-reason"},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.ask(t, "POST /v1/walls", `{"name":"north"}`, c.headers...)
			if p := r.problem(t); r.StatusCode != 400 || p.Code != c.code {
				t.Fatal(r.StatusCode, r.text)
			}
		})
	}
}

func TestFailuresAreProblems(t *testing.T) {
	s := open(t)
	for fail, c := range map[string]struct {
		status int
		code   string
		retry  string
	}{
		"conflict": {409, "paint-dry", ""}, "unavailable": {503, "log-unavailable", "1"}, "large": {413, "append-too-large", ""},
		"late": {503, "timeout", "1"}, "unknown": {500, "internal", ""}, "internal": {500, "internal", ""},
	} {
		t.Run(fail, func(t *testing.T) {
			r := s.ask(t, "GET /v1/walls?fail="+fail, "")
			p := r.problem(t)
			if r.StatusCode != c.status || p.Code != c.code || r.Header.Get("Retry-After") != c.retry || strings.Contains(r.text, canary) {
				t.Fatal(r.StatusCode, r.Header, r.text)
			}
		})
	}
}

func TestRoutesThatAreNotServed(t *testing.T) {
	s := open(t)
	for line, want := range map[string]string{
		"GET /v1/doors": "404 route-not-found ", "GET /": "404 route-not-found ", "GET /v1/walls/": "404 route-not-found ", "GET /v1//walls": "404 route-not-found ",
		"DELETE /v1/walls": "405 method-not-allowed GET, POST", "OPTIONS /v1/walls": "405 method-not-allowed GET, POST", "GET " + thisWall[4:]: "405 method-not-allowed PUT", "BREW /v1/walls": "405 method-not-allowed GET, POST",
	} {
		r := s.ask(t, line, "")
		if got := fmt.Sprint(r.StatusCode, " ", r.problem(t).Code, " ", r.Header.Get("Allow")); got != want {
			t.Errorf("%s: %s", line, got)
		}
	}
	if r := s.ask(t, "HEAD /v1/walls", ""); r.StatusCode != 405 || r.text != "" || r.Header.Get("Content-Type") != "application/problem+json" {
		t.Error(r.StatusCode, r.Header)
	}
}

func TestBodiesMustBeJSONOfReasonableSize(t *testing.T) {
	s := open(t, func(o *edge.Options) { o.MaxBody = 100 })
	post := func(kind, body string) reply {
		t.Helper()
		res, err := s.Client().Post(s.URL+"/v1/walls", kind, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return reply{res, ""}
	}
	for kind, want := range map[string]int{"application/json": 201, "application/json; charset=utf-8": 201, "text/plain": 415, "": 415, "application/x-www-form-urlencoded": 415, "application/json/x": 415} {
		if r := post(kind, `{"name":"north"}`); r.StatusCode != want {
			t.Errorf("%q: %d", kind, r.StatusCode)
		}
	}
	if r := s.ask(t, "POST /v1/walls", `{"name":"`+strings.Repeat("x", 100)+`"}`); r.StatusCode != 413 || r.problem(t).Code != "payload-too-large" {
		t.Error(r.StatusCode, r.text)
	}
}

func TestSlowBodiesAreGivenUp(t *testing.T) {
	s := open(t, func(o *edge.Options) { o.BodyTimeout = 20 * time.Millisecond })
	for _, path := range []string{"/v1/walls", "/bare"} {
		t.Run(path, func(t *testing.T) {
			c, err := net.Dial("tcp", s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"name\"", path)
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
			answer := make([]byte, 100)
			n, err := c.Read(answer)
			if err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 408 ") {
				t.Fatal(err, string(answer[:n]))
			}
		})
	}
}

// A body that has arrived in time leaves whoever answers all the time there is.
func TestADeadlineForTheBodyEndsWithIt(t *testing.T) {
	s := open(t, func(o *edge.Options) { o.BodyTimeout = 20 * time.Millisecond })
	if r := s.ask(t, "POST /bare", `{}`); r.StatusCode != 204 {
		t.Error(r.StatusCode, r.text)
	}
}

func TestRouteAndInputMustAgree(t *testing.T) {
	for name, route := range map[string]string{"no member": "POST /v1/{house}/walls/{tenant}/{wall}", "no place": "POST /v1/{tenant}/walls"} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("was mounted")
				}
			}()
			mountPaint(route)
		})
	}
}
