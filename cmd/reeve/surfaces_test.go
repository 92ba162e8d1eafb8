package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/verbs"
)

// A wanted command is asked for with an input, under its JSON names.
type wanted struct {
	edge.Served
	in  map[string]any
	key string
}

// A verdict is what a command came to, on any surface.
type verdict struct {
	Code    string // of the error
	Status  int    // as HTTP counts
	Receipt domain.Receipt
	Shown   string // of a preview, without instants
}

// previews reports whether the command is only looked at.
func (c wanted) previews() bool { return strings.HasSuffix(c.Name, "Preview") }

// hear reads the answer of a command that was not refused.
func (c wanted) hear(t *testing.T, v *verdict, answer []byte) {
	t.Helper()
	v.Status = http.StatusOK
	if !c.previews() {
		decode(t, answer, &v.Receipt)
		return
	}
	var shown struct {
		Preview, Position, Facts, Affected, Targeted any
		Changes, Shadowed                            []map[string]any
	}
	decode(t, answer, &shown)
	for _, row := range slices.Concat(shown.Changes, shown.Shadowed) {
		if row["from"] == nil {
			t.Errorf("no instant in %v", row)
		}
		for name, value := range row {
			if outcome, ok := value.(map[string]any); ok {
				maps.DeleteFunc(outcome, func(_ string, v any) bool { return v == nil || v == "" }) // GraphQL names what is not there
			}
			if name == "from" || value == nil || value == "" {
				delete(row, name)
			}
		}
	}
	b, err := json.Marshal(shown)
	if err != nil {
		t.Fatal(err)
	}
	v.Shown = string(b)
}

// surfaces are the ways in.
var surfaces = []struct {
	name string
	ask  func(*world, *testing.T, wanted) verdict
}{{"REST", (*world).askREST}, {"GraphQL", (*world).askGraphQL}, {"command line", (*world).askVerb}}

func (w *world) askREST(t *testing.T, c wanted) verdict {
	t.Helper()
	method, path, _ := strings.Cut(c.Route, " ")
	body, query, form := map[string]any{}, url.Values{}, edge.FormOf(c.Input)
	for name, v := range c.in {
		m, _ := form.Member(name)
		switch {
		case strings.Contains(path, "{"+name+"}"):
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(fmt.Sprint(v)))
		case m.In == "query":
			query.Set(name, fmt.Sprint(v))
		default:
			body[name] = v
		}
	}
	status, answer := w.post(t, method, path+"?"+query.Encode(), c.key, body)
	v := verdict{Status: status}
	var problem edge.Problem
	decode(t, answer, &problem)
	if v.Code = problem.Code; v.Code == "" {
		c.hear(t, &v, answer)
	}
	return v
}

func (w *world) askGraphQL(t *testing.T, c wanted) verdict {
	t.Helper()
	input, fields := strings.ToUpper(c.Name[:1])+strings.TrimSuffix(c.Name[1:], "Preview")+"Input", "stream revision position events id"
	if c.previews() {
		place, outcome := "flag node level integrator tenant from", "{ value variant reason cause level }"
		fields = "preview position facts affected { flags integrators tenants users } changes { " + place + " before " + outcome + " after " + outcome + " } shadowed { " + place + " ruling by } targeted"
	}
	document := fmt.Sprintf("mutation($input: %s!, $key: String) { %s(input: $input, idempotencyKey: $key) { %s } }", input, c.Name, fields)
	_, answer := w.post(t, http.MethodPost, "/graphql", "", map[string]any{"query": document, "variables": map[string]any{"input": c.in, "key": c.key}})
	var got struct {
		Data   map[string]json.RawMessage
		Errors []struct {
			Extensions struct {
				Code   string
				Status int
			}
		}
	}
	decode(t, answer, &got)
	if len(got.Errors) > 0 {
		return verdict{Code: got.Errors[0].Extensions.Code, Status: got.Errors[0].Extensions.Status}
	}
	var v verdict
	c.hear(t, &v, got.Data[c.Name])
	return v
}

// askVerb reads the status back from the exit code, as far as that goes.
func (w *world) askVerb(t *testing.T, c wanted) verdict {
	t.Helper()
	exit, out, other := w.command(append(c.args(), "--idempotency-key="+c.key, "-o", "json"))
	if exit == 0 {
		var v verdict
		c.hear(t, &v, []byte(out))
		return v
	}
	code := regexp.MustCompile(`(?m)^reeve: ([a-z-]+): `).FindStringSubmatch(other)
	if code == nil {
		t.Fatalf("%v: exit %d\n%s", c.args(), exit, other)
	}
	return verdict{Code: code[1], Status: exit}
}

var hump = regexp.MustCompile(`[A-Z]`)

// args is the command line that says the same.
func (c wanted) args() []string {
	args, form := strings.Fields(verbs.Names(catalogues())[c.Name]), edge.FormOf(c.Input)
	for _, m := range form.Members {
		v, given := c.in[m.Name]
		list, many := v.([]any)
		if !many {
			list = []any{v}
		}
		s := form.Resolve(m.Schema)
		if s.Type == huma.TypeArray {
			s = form.Resolve(s.Items)
		}
		flag := "--" + hump.ReplaceAllStringFunc(m.Name, func(h string) string { return "-" + strings.ToLower(h) }) + "="
		for _, v := range list {
			if given {
				args = append(args, flag+text(s, v))
			}
		}
	}
	return args
}

func text(s *huma.Schema, v any) string {
	if s.Type != huma.TypeObject && s.Type != huma.TypeArray && s.Type != "" {
		return fmt.Sprint(v)
	}
	b, _ := json.Marshal(v)
	return string(b)
}

func (w *world) post(t *testing.T, method, path, key string, body any) (int, []byte) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(method, w.url+path, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+w.token)
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, answer
}

func decode(t *testing.T, b []byte, dst any) {
	t.Helper()
	if err := json.Unmarshal(b, dst); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
}

// same asks on every surface, beginning with the first-th, and expects one
// verdict. Under one key, the second and third are retries of the first.
func (w *world) same(t *testing.T, first int, c wanted) verdict {
	t.Helper()
	var was verdict
	for i := range surfaces {
		s := surfaces[(first+i)%len(surfaces)]
		got := s.ask(w, t, c)
		if s.name == "command line" && got.Code != "" {
			got.Status = alike(got.Status, was.Status)
		}
		if i == 0 {
			was = got
		}
		if fmt.Sprint(got) != fmt.Sprint(was) {
			t.Fatalf("%s %v\n%s: %+v\n%s: %+v", c.Name, c.in, surfaces[first%len(surfaces)].name, was, s.name, got)
		}
	}
	return was
}

// alike gives a status for an exit code: the expected one, if it has that exit
// code, else none.
func alike(exit, status int) int {
	for k := domain.Internal; k <= domain.Unavailable; k++ {
		if o := edge.AnswerTo(k); o.Exit == exit && (o.Status == status || status == 0) {
			return o.Status
		}
	}
	return 0
}

// Inputs are made from the schema of each command, so that a new one is covered
// without an edit: one with what is required, one with everything, and one for each
// member with a value that does not fit.
func TestEveryCommandIsTheSameOnEverySurface(t *testing.T) {
	w := newWorld(t)
	for n, e := range edge.With[*commands.Ledger](nil, commands.Catalog) {
		t.Run(e.Name, func(t *testing.T) {
			f := edge.FormOf(e.Input)
			w.same(t, 0, wanted{e, fitting(f, false), fmt.Sprint("least-", n)})
			w.same(t, 0, wanted{e, fitting(f, true), fmt.Sprint("most-", n)})
			if strings.HasSuffix(e.Name, "Preview") {
				return // what does not fit is refused by the same form as the command's
			}
			for name, wrong := range unfitting(f) {
				in := fitting(f, false)
				in[name] = wrong
				if v := w.same(t, 0, wanted{e, in, "wrong-" + name + fmt.Sprint(n)}); v.Code != "invalid-request" && v.Code != "invalid-id" {
					t.Errorf("%v: %+v", in, v)
				}
			}
		})
	}
}

// fitting is an input that the schema allows, and about things that do not exist.
func fitting(f *edge.Form, everything bool) map[string]any {
	in := map[string]any{}
	for _, m := range f.Members {
		if m.Required || everything {
			in[m.Name] = fits(f, m.Schema)
		}
	}
	return in
}

const nobody = "6f9619ff-8b86-4011-b42d-00c04fc964ff"

func fits(f *edge.Form, s *huma.Schema) any {
	s = f.Resolve(s)
	byFormat := map[string]any{"uuid": nobody, "node-id": nobody, "email": "desk@example.com", "date-time": "2027-01-02T03:04:05Z"}
	switch {
	case len(s.Enum) > 0:
		return s.Enum[0]
	case byFormat[s.Format] != nil:
		return byFormat[s.Format]
	}
	switch s.Type {
	case huma.TypeObject:
		obj := map[string]any{}
		for _, name := range slices.Sorted(slices.Values(s.Required)) {
			obj[name] = fits(f, s.Properties[name])
		}
		return obj
	case huma.TypeArray:
		return []any{fits(f, s.Items)}
	case huma.TypeInteger, huma.TypeNumber:
		return 7
	case huma.TypeString:
		return "example"
	}
	return true
}

// unfitting is a value for each member that its schema does not allow.
func unfitting(f *edge.Form) map[string]any {
	all := map[string]any{}
	for _, m := range f.Members {
		switch s := f.Resolve(m.Schema); {
		case s.Format == "uuid", s.Format == "node-id", s.Format == "date-time", len(s.Enum) > 0:
			all[m.Name] = "nonsense"
		case s.MaxLength != nil:
			all[m.Name] = strings.Repeat("x", *s.MaxLength+1)
		case s.Pattern != "":
			all[m.Name] = "!"
		case s.Minimum != nil:
			all[m.Name] = int(*s.Minimum) - 1
		case s.MaxItems != nil:
			all[m.Name] = slices.Repeat([]any{fits(f, s.Items)}, *s.MaxItems+1)
		}
	}
	return all
}
