package verbs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/verbs"
)

const (
	acme = "6f9619ff-8b86-4011-b42d-00c04fc964ff"
	page = `{"items":[{"id":"a","name":"Acme","tags":["x","y"],"open":true,"parts":[{"name":"p"}]}],"next":"n1"}`
)

type (
	part struct {
		Name string `json:"name" doc:"Name."`
	}
	paint struct {
		House   domain.TenantID            `json:"house" path:"house" doc:"The house."`
		Room    string                     `json:"room" path:"room" doc:"The room."`
		Colour  string                     `json:"colour" enum:"red,green" doc:"Which."`
		Coats   *int                       `json:"coats,omitempty" doc:"How many."`
		Glossy  bool                       `json:"glossy,omitempty" doc:"Whether it shines."`
		Due     *time.Time                 `json:"due,omitempty" doc:"When."`
		Tags    []string                   `json:"tags,omitempty" doc:"Words."`
		Marks   []int                      `json:"marks,omitempty" doc:"Numbers."`
		Parts   []part                     `json:"parts,omitempty" doc:"Parts."`
		Value   json.RawMessage            `json:"value,omitempty" doc:"Anything, such as $5."`
		Options map[string]json.RawMessage `json:"options,omitempty" doc:"Several."`
		MaxUse  int64                      `json:"maxUse,omitempty" doc:"Limit."`
		Reason  string                     `json:"reason,omitempty" doc:"Its own reason."`
	}
	build struct {
		Name string `json:"name" doc:"Name."`
	}
	houseByID struct {
		House domain.TenantID `json:"house" path:"house" doc:"The house."`
	}
	housesBy struct {
		Limit  int      `json:"limit,omitempty" query:"limit" maximum:"200" default:"50" doc:"How many."`
		After  string   `json:"after,omitempty" query:"after" doc:"Cursor."`
		Colour []string `json:"colour,omitempty" query:"colour" enum:"red,green" doc:"Only these."`
	}
	row struct {
		ID       string    `json:"id"`
		Name     string    `json:"name"`
		Tags     []string  `json:"tags"`
		Open     bool      `json:"open"`
		Built    time.Time `json:"built"`
		Parts    []part    `json:"parts"`
		Internal string    `json:"-"`
	}
	list struct {
		Items []row  `json:"items"`
		Next  string `json:"next,omitempty"`
	}
)

func entry[I, O any](name, route string, writes bool) edge.Served {
	return edge.Served{Name: name, Route: route, Summary: "Summary of " + name + ".", Writes: writes, Input: reflect.TypeFor[I](), Output: reflect.TypeFor[O]()}
}

var catalog = []edge.Served{
	entry[paint, domain.Receipt]("paintHouseRoom", "PUT /v1/houses/{house}/rooms/{room}", true),
	entry[build, domain.Receipt]("buildHouse", "POST /v1/houses", true),
	entry[houseByID, domain.Receipt]("sellHouse", "POST /v1/houses/{house}/sell", true),
	entry[houseByID, row]("house", "GET /v1/houses/{house}", false),
	entry[housesBy, list]("houses", "GET /v1/houses", false),
	entry[housesBy, list]("housePaints", "GET /v1/house-paints", false),
	entry[housesBy, row]("valueHouse", "GET /v1/value", false),
	entry[housesBy, list]("gardenLog", "GET /v1/log", false),
	entry[housesBy, row]("gardenEntries", "GET /v1/entries", false),
}

// A sent request is what arrived at the server.
type sent struct {
	Line, Body string
	Header     http.Header
}

// A town is a server that remembers what it was asked and answers from a list,
// the last answer again and again.
type town struct {
	*httptest.Server
	mu      sync.Mutex // a caller that was hung up on is back before we are done
	asked   []sent
	answers []func(http.ResponseWriter)
}

func newTown(t *testing.T, answers ...func(http.ResponseWriter)) *town {
	s := &town{answers: answers}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.asked = append(s.asked, sent{r.Method + " " + r.RequestURI, string(body), r.Header})
		answer := s.answers[0]
		if len(s.answers) > 1 {
			s.answers = s.answers[1:]
		}
		s.mu.Unlock()
		answer(w)
	}))
	t.Cleanup(s.Close)
	return s
}

func says(status int, mediaType, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func ok(body string) func(http.ResponseWriter) { return says(200, "application/json", body) }

func problem(status int, code string) func(http.ResponseWriter) {
	return says(status, "application/problem+json; charset=utf-8", `{"code":"`+code+`","detail":"Because.","traceId":"t1","errors":[{"pointer":"/a","detail":"wrong"}]}`)
}

// reeve runs one command line.
func reeve(t *testing.T, server string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, chatter bytes.Buffer
	parser := grammar(t, &out, &chatter)
	parsed, err := parser.Parse(append(args, "--server", server))
	if err != nil {
		t.Fatal(err)
	}
	err = parsed.Run()
	return out.String(), chatter.String(), err
}

func grammar(t *testing.T, out, chatter io.Writer) *kong.Kong {
	t.Helper()
	options, err := verbs.Grammar(catalog)
	if err != nil {
		t.Fatal(err)
	}
	options = append(options, kong.BindTo(context.Background(), (*context.Context)(nil)), kong.Bind(&verbs.Terminal{Out: out, Err: chatter}),
		kong.Name("reeve"), kong.Writers(out, chatter), kong.Exit(func(int) {}))
	parser, err := kong.New(&struct{}{}, options...)
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

func TestNames(t *testing.T) {
	want := map[string]string{
		"paintHouseRoom": "house paint-room", "buildHouse": "house build", "sellHouse": "house sell", "house": "house get", "houses": "house list",
		"housePaints": "house paints", "gardenLog": "garden-log list", "gardenEntries": "garden-entries get", "valueHouse": "house value",
	}
	if diff := cmp.Diff(want, verbs.Names(catalog)); diff != "" {
		t.Fatal(diff)
	}
}

func TestNamesMustDiffer(t *testing.T) {
	if _, err := verbs.Grammar(append(catalog[:len(catalog):len(catalog)], catalog[0])); err == nil {
		t.Fatal("two entries share a name")
	}
}
