package edge

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"github.com/reeve-platform/reeve/domain"
)

var (
	// ErrRouteNotFound: nothing is served under the path.
	ErrRouteNotFound = &domain.Error{Kind: domain.NotFound, Code: "route-not-found", Detail: "nothing is served under this path"}
	// ErrMethodNotAllowed: the path is served, but not with this method.
	ErrMethodNotAllowed = &domain.Error{Kind: domain.Malformed, Code: "method-not-allowed", Detail: "the path is not served with this method"}
	// ErrMediaType: a body is not application/json.
	ErrMediaType = &domain.Error{Kind: domain.Malformed, Code: "unsupported-media-type", Detail: "a body must be application/json"}
	// ErrMalformedQuery: the query string is not one.
	ErrMalformedQuery = &domain.Error{Kind: domain.Malformed, Code: "malformed-query", Detail: "the query string cannot be read"}
)

// REST serves entries on r, together with their description at /openapi.json and
// /openapi.yaml. It must be called before anything else is mounted on r: from
// then on every request of r has an id and a log line, and unknown routes are
// refused with problems. It panics on an entry whose route and input disagree.
func REST(r chi.Router, o Options, entries ...Served) huma.API {
	o = o.defaults()
	r.Use(receive(o))
	r.NotFound(func(w http.ResponseWriter, r *http.Request) { Refuse(w, r, ErrRouteNotFound) })
	r.MethodNotAllowed(notAllowed(r))
	api := huma.NewAPI(document(o), humachi.NewAdapter(r))
	for _, e := range entries {
		t := newRoute(e, o)
		op := t.operation(api.OpenAPI())
		api.OpenAPI().AddOperation(op)
		api.Adapter().Handle(op, func(ctx huma.Context) {
			r, w := humachi.Unwrap(ctx)
			t.serve(w, r)
		})
	}
	describe(r, api.OpenAPI())
	return api
}

// describe serves the document, written once, at the first question: other
// surfaces may still add to it until then.
func describe(r chi.Router, doc *huma.OpenAPI) {
	serve := func(path, mediaType string, write func() ([]byte, error)) {
		once := sync.OnceValues(write)
		r.Get(path, func(w http.ResponseWriter, r *http.Request) {
			b, err := once()
			if err != nil {
				Refuse(w, r, err)
				return
			}
			w.Header().Set("Content-Type", mediaType)
			_, _ = w.Write(b)
		})
	}
	serve("/openapi.json", "application/openapi+json", func() ([]byte, error) { return json.Marshal(doc) })
	serve("/openapi.yaml", "application/openapi+yaml", doc.YAML)
}

func notAllowed(routes chi.Routes) http.HandlerFunc {
	methods := []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	return func(w http.ResponseWriter, r *http.Request) {
		allowed := slices.DeleteFunc(slices.Clone(methods), func(m string) bool {
			return !routes.Match(chi.NewRouteContext(), m, r.URL.EscapedPath())
		})
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		Refuse(w, r, ErrMethodNotAllowed)
	}
}

// A route is an entry where it is mounted.
type route struct {
	Served
	Options
	form         *Form
	method, path string
}

func newRoute(e Served, o Options) *route {
	t := &route{Served: e, Options: o, form: FormOf(e.Input)}
	t.method, t.path, _ = strings.Cut(e.Route, " ")
	for _, name := range t.parameters() {
		if _, ok := t.form.Member(name); !ok {
			panic("entry " + e.Name + ": " + e.Input.String() + " has no member for {" + name + "}")
		}
	}
	for _, m := range t.form.Members {
		if m.In == "path" && t.place(m) != "path" {
			panic("entry " + e.Name + ": the route has no {" + m.Name + "}")
		}
	}
	return t
}

// parameters are the names in the route, in its order.
func (t *route) parameters() (names []string) {
	for step := range strings.SplitSeq(t.path, "/") {
		if name, ok := strings.CutPrefix(step, "{"); ok {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

// place is where a member is sent: the route decides, then its tag. What a GET
// takes can only be in the query string.
func (t *route) place(m Member) string {
	switch {
	case strings.Contains(t.path, "{"+m.Name+"}"):
		return "path"
	case m.In == "query", t.method == http.MethodGet:
		return "query"
	}
	return "body"
}

func (t *route) serve(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), t.Timeout)
	defer cancel()
	answer, err := t.answer(ctx, w, r)
	if err != nil {
		Refuse(w, r, err)
		return
	}
	b, err := json.Marshal(answer.Body)
	if err != nil {
		Refuse(w, r, err)
		return
	}
	t.respond(w, answer, b)
}

func (t *route) answer(ctx context.Context, w http.ResponseWriter, r *http.Request) (Answer, error) {
	call, err := RequestFrom(r)
	if err != nil {
		return Answer{}, err
	}
	obj, err := t.object(w, r)
	if err != nil {
		return Answer{}, err
	}
	if call.Keyed {
		call.Meta.Fingerprint = Fingerprint(t.Name, obj)
	}
	return t.Call(ctx, BindObject(obj), call)
}

func (t *route) respond(w http.ResponseWriter, a Answer, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Reeve-Position", strconv.FormatUint(a.Position, 10))
	if n, ok := revision(a.Body); ok {
		h.Set("ETag", strconv.Quote(strconv.FormatUint(n, 10)))
	}
	w.WriteHeader(t.success())
	_, _ = w.Write(append(body, '\n'))
}

func (t *route) success() int {
	if t.Creates {
		return http.StatusCreated
	}
	return http.StatusOK
}

// revision is the revision of the stream that an answer is about, if it is
// about one.
func revision(body any) (uint64, bool) {
	switch b := body.(type) {
	case domain.Receipt:
		return b.Revision, true
	case interface{ StreamRevision() uint64 }:
		return b.StreamRevision(), true
	}
	return 0, false
}

// object gathers the members of a request from path, query string and body. A
// member has one place only and is refused in any other.
func (t *route) object(w http.ResponseWriter, r *http.Request) (map[string]any, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, ErrMalformedQuery
	}
	obj, err := t.body(w, r)
	if err != nil {
		return nil, err
	}
	refusal := *ErrInvalidRequest
	for name := range obj {
		if m, ok := t.form.Member(name); ok && t.place(m) != "body" {
			refusal = *refusal.At(pointer([]string{name}), "belongs in the "+t.place(m))
		}
	}
	for name, texts := range query {
		m, ok := t.form.Member(name)
		switch {
		case !ok && name == scopeParameter: // read by RequestFrom
		case !ok || t.place(m) != "query":
			refusal = *refusal.At(pointer([]string{name}), "is not a parameter that is known here")
		case len(texts) > 1 && t.form.Resolve(m.Schema).Type != huma.TypeArray:
			refusal = *refusal.At(name, "is given twice")
		default:
			obj[name] = t.form.Value(m, texts...)
		}
	}
	if len(refusal.Fields) > 0 {
		return nil, &refusal
	}
	return obj, t.fromPath(r, obj)
}

func (t *route) fromPath(r *http.Request, obj map[string]any) error {
	for _, name := range t.parameters() {
		text, err := url.PathUnescape(chi.URLParam(r, name))
		if err != nil {
			return ErrRouteNotFound
		}
		m, _ := t.form.Member(name)
		obj[name] = t.form.Value(m, text)
	}
	return nil
}

// body reads the body, if there is one.
func (t *route) body(w http.ResponseWriter, r *http.Request) (map[string]any, error) {
	if r.Body == nil || r.ContentLength == 0 {
		return map[string]any{}, nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return nil, ErrMediaType
	}
	return ReadBody(http.MaxBytesReader(w, r.Body, t.MaxBody), t.MaxBody)
}
