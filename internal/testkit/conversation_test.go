package testkit_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/reeve-platform/reeve/internal/testkit"
)

// parlour is a server with little to say; it counts a fact for each POST.
func parlour(t *testing.T) testkit.Server {
	facts, mux := 0, http.NewServeMux()
	say := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && r.URL.Path != "/graphql" {
				facts++
			}
			w.Header().Set("Content-Type", kind)
			w.Header().Set("ETag", `"3"`)
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	mux.HandleFunc("/readyz", say(200, "application/json", `{"projections":[{"name":"guests","position":4,"head":4}]}`))
	mux.HandleFunc("/guests", say(200, "application/json", `{"id":"g-1","n":3,"tags":["a","b"],"none":null}`))
	mux.HandleFunc("/guests/g-1", say(200, "application/json", `{"id":"g-1"}`))
	mux.HandleFunc("/nobody", say(404, "application/problem+json", `{"code":"not-here"}`))
	mux.HandleFunc("/graphql", say(200, "application/json", `{"data":null,"errors":[{"extensions":{"code":"not-here"}}]}`))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return testkit.Server{
		URL:   s.URL,
		Facts: func(testing.TB) int { return facts },
		Run: func(args []string) (int, string, string) {
			if args[0] == "fail" {
				return 66, "", "reeve: not-here: nobody\n"
			}
			return 0, fmt.Sprintf(`{"args":%d,"last":%q}`, len(args), args[len(args)-1]), ""
		},
	}
}

func TestAConversationFailsWhereSomethingIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		pass bool
	}{
		"what is named is there":       {"GET /guests\n200 {\"n\":3,\"tags\":[\"a\",\"*\"],\"none\":null}\n", true},
		"a name stands for a value":    {"GET /guests\n200 {\"id\":\"{guest}\"}\nGET /guests/{guest}\n200 {\"id\":\"{guest}\"}\n", true},
		"a name keeps its value":       {"GET /guests\n200 {\"id\":\"{guest}\",\"n\":\"{guest}\"}\n", false},
		"another value":                {"GET /guests\n200 {\"n\":4}\n", false},
		"a value of another type":      {"GET /guests\n200 {\"n\":[3]}\n", false},
		"a list of another length":     {"GET /guests\n200 {\"tags\":[\"a\"]}\n", false},
		"a member that is not there":   {"GET /guests\n200 {\"colour\":\"*\"}\n", false},
		"a member that should not be":  {"GET /guests\n200 {\"n\":null}\n", false},
		"another status":               {"GET /guests\n201\n", false},
		"a header":                     {"GET /guests\n200\n  ETag: \"3\"\n", true},
		"another header":               {"GET /guests\n200\n  ETag: \"4\"\n", false},
		"a header that is not there":   {"GET /guests\n200\n  Age: *\n", false},
		"an error with its code":       {"GET /nobody\n404 not-here\n", true},
		"an error without its code":    {"GET /nobody\n404\n", false},
		"an error with another code":   {"GET /nobody\n404 elsewhere\n", false},
		"refused, but with a fact":     {"POST /nobody\n404 not-here\n", false},
		"a document that fails":        {"graphql query { x }\nfails not-here\n", true},
		"a document that should fail":  {"graphql query { x }\ndata {}\n", false},
		"a command line":               {"$ reeve say 'two words'\nexit 0 {\"args\":2,\"last\":\"two words\"}\n", true},
		"a command line that fails":    {"$ reeve fail\nexit 66 not-here\n  nobody\n", true},
		"with another text":            {"$ reeve fail\nexit 66 not-here\n  somebody\n", false},
		"with another exit code":       {"$ reeve fail\nexit 65 not-here\n", false},
		"nothing is awaited":           {"GET /guests\n", false},
		"nothing is awaited in time":   {"GET /guests\nGET /guests\n200\n", false},
		"an answer to nothing":         {"200\n", false},
		"something indented too early": {"  ETag: 3\n", false},
		"no JSON":                      {"GET /guests\n200 {n}\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "talk.txt")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			v := &verdict{TB: t}
			if hold(v, parlour(t), file); v.failed == c.pass {
				t.Fatalf("failed: %v", v.failed)
			}
		})
	}
}

// hold holds a conversation to its end, or to where it fails.
func hold(v *verdict, s testkit.Server, file string) {
	defer func() {
		if p := recover(); p != nil && !v.failed {
			panic(p)
		}
	}()
	testkit.Converse(v, s, file, nil)
}
