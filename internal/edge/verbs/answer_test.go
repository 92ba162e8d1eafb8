package verbs_test

import (
	"bytes"
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/verbs"
)

func TestProblemsBecomeErrors(t *testing.T) {
	for status, want := range map[int]struct {
		kind domain.Kind
		exit int
	}{
		400: {domain.Malformed, 65}, 401: {domain.Unauthenticated, 77}, 403: {domain.Forbidden, 77}, 404: {domain.NotFound, 66}, 405: {domain.Malformed, 65},
		409: {domain.Conflict, 75}, 410: {domain.Gone, 75}, 412: {domain.Stale, 75}, 413: {domain.Exhausted, 73}, 415: {domain.Malformed, 65},
		422: {domain.Invalid, 65}, 423: {domain.Locked, 75}, 429: {domain.Exhausted, 73}, 500: {domain.Internal, 1}, 503: {domain.Unavailable, 69},
	} {
		s := newTown(t, problem(status, "some-code"))
		_, _, err := reeve(t, s.URL, "house", "sell", "h")
		e, ok := domain.AsError(err)
		if !ok || e.Kind != want.kind || e.Code != "some-code" || edge.AnswerTo(e.Kind).Exit != want.exit || len(e.Fields) != 1 || (len(s.asked) > 1) != (status == 503) {
			t.Errorf("%d: %+v after %d requests", status, err, len(s.asked))
		}
	}
}

func TestOtherAnswersAreNoneOfReeves(t *testing.T) {
	for _, answer := range []func(http.ResponseWriter){says(200, "text/html", "<html>"), says(502, "text/html", "<html>"), says(404, "application/json", `{"code":"x"}`), problem(500, "")} {
		s := newTown(t, answer)
		if _, _, err := reeve(t, s.URL, "house", "get", "h"); !isCode(err, verbs.ErrUnexpectedAnswer) {
			t.Fatal(err)
		}
	}
}

func isCode(err error, want *domain.Error) bool {
	e, ok := domain.AsError(err)
	return ok && e.Code == want.Code
}

func TestServerUnreachable(t *testing.T) {
	s := newTown(t, ok(`{}`))
	s.Close()
	_, _, err := reeve(t, s.URL, "house", "sell", "h")
	if !isCode(err, verbs.ErrUnreachable) || edge.AnswerTo(domain.KindOf(err)).Exit != 69 {
		t.Fatal(err)
	}
}

// Who asks too often is told to wait, and waits.
func TestARateLimitIsWaitedFor(t *testing.T) {
	s := newTown(t, problem(429, "rate-limited"), problem(503, "overloaded"), ok(`{"revision":1}`))
	if _, _, err := reeve(t, s.URL, "house", "sell", "h"); err != nil || len(s.asked) != 3 {
		t.Fatal(err, len(s.asked))
	}
}

// An outcome that stays unknown is asked for again under the same key.
func TestUnknownOutcomeIsRepeatedUnderOneKey(t *testing.T) {
	drop := func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }
	s := newTown(t, problem(503, "outcome-unknown"), drop, ok(`{"revision":1}`))
	if _, _, err := reeve(t, s.URL, "house", "sell", "h"); err != nil {
		t.Fatal(err)
	}
	key := s.asked[0].Header.Get("Idempotency-Key")
	if len(s.asked) != 3 || key == "" || s.asked[1].Header.Get("Idempotency-Key") != key || s.asked[2].Header.Get("Idempotency-Key") != key {
		t.Fatal(s.asked)
	}
}

func TestUnknownOutcomeTellsItsKey(t *testing.T) {
	s := newTown(t, problem(503, "outcome-unknown"))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := verbs.NewClient(s.URL).Send(ctx, verbs.Call{Method: "POST", Path: "/", Header: http.Header{"Idempotency-Key": {"k-17"}}})
	if !isCode(err, domain.ErrOutcomeUnknown) || !strings.Contains(err.Error(), "k-17") {
		t.Fatal(err)
	}
}

func TestFormsOfAnAnswer(t *testing.T) {
	for name, c := range map[string]struct{ args, answer, out string }{
		"json":  {"house get h -o json", `{"z":1.50,"a":["b"]}`, "{\n  \"z\": 1.50,\n  \"a\": [\n    \"b\"\n  ]\n}\n"},
		"yaml":  {"house get h -o yaml", `{"z":1.50,"a":["b",true,null,"true"],"o":{},"s":"\ud83d\ude00"}`, "z: 1.50\na:\n  - b\n  - true\n  - null\n  - \"true\"\no: {}\ns: \"\\U0001F600\"\n"},
		"one":   {"house get h", `{"z":1.50,"a":["b","c"],"o":{"p":1}}`, "z  1.50\na  b,c\no  {\"p\":1}\n"},
		"list":  {"house list", page, "ID  NAME  TAGS  OPEN  BUILT\na   Acme  x,y   true\n"},
		"empty": {"house list", `{"items":[]}`, "ID  NAME  TAGS  OPEN  BUILT\n"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := reeve(t, newTown(t, ok(c.answer)).URL, strings.Fields(c.args)...)
			if diff := cmp.Diff(c.out, out); err != nil || diff != "" {
				t.Fatal(err, diff)
			}
		})
	}
}

func TestListsTellThatThereIsMore(t *testing.T) {
	out, chatter, err := reeve(t, newTown(t, ok(page)).URL, "house", "list")
	if err != nil || !strings.Contains(chatter, "--after n1") || strings.Contains(out, "n1") {
		t.Fatal(err, out, chatter)
	}
}

func TestAllFollowsTheList(t *testing.T) {
	s := newTown(t, ok(page), ok(`{"items":[{"id":"b"}]}`))
	out, chatter, err := reeve(t, s.URL, "house", "list", "--all", "--colour", "red")
	want := "ID  NAME  TAGS  OPEN  BUILT\na   Acme  x,y   true\nb\n"
	if diff := cmp.Diff(want, out); err != nil || diff != "" || chatter != "" {
		t.Fatal(err, diff, chatter)
	}
	if diff := cmp.Diff([]string{"GET /v1/houses?colour=red&limit=200", "GET /v1/houses?after=n1&colour=red&limit=200"}, []string{s.asked[0].Line, s.asked[1].Line}); diff != "" {
		t.Fatal(diff)
	}
}

// A terminal shows the columns that fit, in bold if it may, and no value moves
// its cursor.
func TestTableFitsTheTerminal(t *testing.T) {
	answer := []byte(`{"items":[{"id":"1","name":"evil\u001b[2J\u202ename","tags":["` + strings.Repeat("long", 20) + `"],"open":true}]}`)
	for width, want := range map[int]string{
		1:  "ID\n1\n",
		18: "ID  NAME\n1   evil�[2J�name\n",
		31: "ID  NAME           TAGS\n1   evil�[2J�name  longlonglon…\n",
		67: "ID  NAME           TAGS\n1   evil�[2J�name  " + strings.Repeat("long", 11) + "lon…\n",
		90: "ID  NAME           TAGS" + strings.Repeat(" ", 46) + "OPEN\n1   evil�[2J�name  " + strings.Repeat("long", 11) + "lon…  true\n",
	} {
		var out bytes.Buffer
		if err := (&verbs.Terminal{Out: &out, Err: &out, Width: width}).Print("table", answer, reflect.TypeFor[list]()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%d: %s", width, diff)
		}
	}
}

// Every page of a list is asked for across all tenants, with its reason.
func TestAllIsAskedAcross(t *testing.T) {
	s := newTown(t, ok(page), ok(`{"items":[{"id":"b"}]}`))
	if _, _, err := reeve(t, s.URL, "house", "list", "--all", "--scope", "platform", "--reason", "audit"); err != nil {
		t.Fatal(err)
	}
	for _, a := range s.asked {
		if !strings.Contains(a.Line, "scope=platform") || a.Header.Get("Reeve-Reason") != "audit" {
			t.Error(a.Line, a.Header)
		}
	}
}

// Only lists can be asked across all tenants.
func TestHelpShowsWhereOneMayLookAcross(t *testing.T) {
	for verb, want := range map[string]bool{"list": true, "get": false, "sell": false} {
		var out, chatter bytes.Buffer
		_, _ = grammar(t, &out, &chatter).Parse([]string{"house", verb, "--help"})
		if got := strings.Contains(out.String(), "--scope=platform"); got != want {
			t.Errorf("%s: %v in\n%s", verb, got, out.String())
		}
	}
}

func TestHelpShowsWhatMayBeSaid(t *testing.T) {
	var out, chatter bytes.Buffer
	parser := grammar(t, &out, &chatter)
	_, _ = parser.Parse([]string{"house", "paint-room", "--help"})
	for _, want := range []string{"[<house> [<room>]]", "--colour=TEXT", "Which. One of red, green. Required.", "--parts=JSON", "--coats=N", "--due=TIME", "such as $5", "--idempotency-key=TEXT", "--output"} {
		if !strings.Contains(strings.Join(strings.Fields(out.String()), " "), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
