package verbs

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/reeve-platform/reeve/internal/edge"
)

// Where is the server to ask, and how long to wait for it.
type Where struct {
	Server  string        `env:"REEVE_SERVER" default:"http://127.0.0.1:8420" placeholder:"URL" group:"Call" help:"Where Reeve listens."`
	Timeout time.Duration `default:"30s" group:"Call" help:"How long to wait for the answer."`

	Credentials string `env:"REEVE_CREDENTIALS" placeholder:"FILE" group:"Call" help:"File with the client to sign in as, unless REEVE_TOKEN is set; .reeve/credentials.json if left out."`
}

// How is the form in which an answer is printed.
type How struct {
	Output string `short:"o" enum:"table,json,yaml" default:"table" group:"Call" help:"Print a table, json or yaml."`
}

// Flags that only some verbs have.
type (
	writing struct {
		IdempotencyKey *string `placeholder:"TEXT" group:"Call" help:"Name this command, so that repeating it has one effect. One is made up if left out."`
		IfMatch        *string `placeholder:"N" group:"Call" help:"Refuse if the revision is another by now."`
		Preview        *string `placeholder:"NAME" group:"Call" help:"Refuse unless this still changes what the preview of that name showed."`
	}
	reading struct {
		MinPosition *string `placeholder:"N" group:"Call" help:"Wait until the answer is not older than this position."`
	}
	because struct {
		Reason *string `placeholder:"TEXT" group:"Call" help:"Why; kept for auditors."`
	}
	across struct {
		Scope *string `placeholder:"platform" group:"Call" help:"Look across all tenants: a right of its own, which needs a --reason."`
	}
	paging struct {
		All bool `group:"Call" help:"Follow the list to its end."`
	}
)

// A verb is one entry on the command line. What it embeds depends on the entry;
// nil is nothing.
type verb struct {
	entry        edge.Served
	form         *edge.Form
	method, path string

	Members any `embed:""` // pointer to the struct of flagsOf
	Writing any `embed:""` // *writing
	Reading any `embed:""` // *reading
	Because any `embed:""` // *because
	Across  any `embed:""` // *across
	Paging  any `embed:""` // *paging
	Where
	How
}

func newVerb(e edge.Served) *verb {
	v := &verb{entry: e, form: edge.FormOf(e.Input)}
	v.method, v.path, _ = strings.Cut(e.Route, " ")
	v.Members = flagsOf(v.form, v.inPath()).Interface()
	_, own := v.form.Member("reason")
	_, list := itemOf(e.Output)
	_, pages := v.form.Member("after")
	switch {
	case !e.Writes:
		v.Reading = &reading{}
	default:
		v.Writing = &writing{}
	}
	if list && !e.Writes {
		v.Across = &across{}
	}
	if (e.Writes || list) && !own {
		v.Because = &because{}
	}
	if list && pages {
		v.Paging = &paging{}
	}
	return v
}

// inPath are the names in the route, in its order.
func (v *verb) inPath() (names []string) {
	for step := range strings.SplitSeq(v.path, "/") {
		if name, ok := strings.CutPrefix(step, "{"); ok {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

// Run asks the server and prints its answer.
func (v *verb) Run(ctx context.Context, t *Terminal) error {
	ctx, cancel := context.WithTimeout(ctx, v.Timeout)
	defer cancel()
	call, err := v.call()
	if err != nil {
		return err
	}
	client, err := v.Client()
	if err != nil {
		return err
	}
	answer, err := v.answer(ctx, client, call)
	if err != nil {
		return err
	}
	return t.Print(v.Output, answer, v.entry.Output)
}

func (v *verb) answer(ctx context.Context, c *Client, call Call) ([]byte, error) {
	if p, ok := v.Paging.(*paging); !ok || !p.All {
		return c.Send(ctx, call)
	}
	if m, ok := v.form.Member("limit"); ok && !call.Query.Has("limit") && m.Schema.Maximum != nil {
		call.Query.Set("limit", strconv.Itoa(int(*m.Schema.Maximum)))
	}
	return c.SendAll(ctx, call)
}

// call makes the request that the flags stand for.
func (v *verb) call() (Call, error) {
	obj, err := v.object()
	if err != nil {
		return Call{}, err
	}
	call := Call{Method: v.method, Path: v.path, Query: url.Values{}, Header: v.headers()}
	body := map[string]any{}
	for _, m := range v.form.Members {
		value, present := obj[m.Name]
		switch place := v.place(m); {
		case place == "path" && (!present || value == ""):
			return Call{}, edge.ErrInvalidRequest.At(m.Name, "is required")
		case place == "path":
			call.Path = strings.Replace(call.Path, "{"+m.Name+"}", url.PathEscape(fmt.Sprint(value)), 1)
		case present && place == "query":
			call.Query[m.Name] = texts(value)
		case present:
			body[m.Name] = value
		}
	}
	if len(body) > 0 {
		call.Body = body
	}
	if a, ok := v.Across.(*across); ok && a.Scope != nil {
		call.Query.Set("scope", *a.Scope)
	}
	return call, nil
}

// place is where a member is sent: the same as the server looks for it.
func (v *verb) place(m edge.Member) string {
	switch {
	case strings.Contains(v.path, "{"+m.Name+"}"):
		return "path"
	case m.In == "query", v.method == http.MethodGet:
		return "query"
	}
	return "body"
}

// object gathers what was given. Members of the path without a flag are taken
// from what stands without a name, in the order of the path.
func (v *verb) object() (map[string]any, error) {
	flags, obj := reflect.ValueOf(v.Members).Elem(), map[string]any{}
	for i, m := range v.form.Members {
		value, present, err := given(v.form, m, flags.FieldByName("M"+strconv.Itoa(i)))
		if err != nil {
			return nil, err
		}
		if present {
			obj[m.Name] = value
		}
	}
	return obj, v.fillPath(flags, obj)
}

func (v *verb) fillPath(flags reflect.Value, obj map[string]any) error {
	var nameless []string
	for i := range v.inPath() {
		if p := flags.FieldByName("P" + strconv.Itoa(i)); !p.IsNil() {
			nameless = append(nameless, p.Elem().String())
		}
	}
	for _, name := range v.inPath() {
		if _, named := obj[name]; named || len(nameless) == 0 {
			continue
		}
		m, _ := v.form.Member(name)
		obj[name], nameless = v.form.Value(m, nameless[0]), nameless[1:]
	}
	if len(nameless) > 0 {
		return edge.ErrInvalidRequest.With("more is given than the path has members")
	}
	return nil
}

// texts is how a value is written in a query string. What the server cannot read
// it shall see as it was given.
func texts(value any) (out []string) {
	list, ok := value.([]any)
	if !ok {
		return []string{fmt.Sprint(value)}
	}
	for _, item := range list {
		out = append(out, fmt.Sprint(item))
	}
	return out
}

func (v *verb) headers() http.Header {
	h := http.Header{}
	set := func(name string, value *string, quote string) {
		if value != nil {
			h.Set(name, quote+*value+quote)
		}
	}
	if w, ok := v.Writing.(*writing); ok {
		set("Idempotency-Key", w.IdempotencyKey, "")
		set("If-Match", w.IfMatch, `"`)
		set("Reeve-Preview", w.Preview, "")
	}
	if r, ok := v.Reading.(*reading); ok {
		set("Reeve-Min-Position", r.MinPosition, "")
	}
	if b, ok := v.Because.(*because); ok {
		set("Reeve-Reason", b.Reason, "")
	}
	return h
}
