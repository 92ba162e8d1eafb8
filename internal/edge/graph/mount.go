package graph

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/go-chi/chi/v5"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/reeve-platform/reeve/internal/edge"
)

// A Surface is what [Mount] serves: the generated schema, and what it is
// answered from.
type Surface struct {
	Schema    graphql.ExecutableSchema
	Entries   []edge.Served
	Relations []Relation
}

// Mount serves POST and GET /graphql, the latter for queries only, and the
// schema at /schema.graphql. The headers of a request mean what they mean for
// REST. A document that was executed is answered with 200 and its errors inside;
// one that was not, with 200 too, or with the status of the error if the caller
// accepts application/graphql-response+json (GraphQL over HTTP, section 6.4).
func Mount(r chi.Router, o edge.Options, s Surface) {
	shape := shapeOf(s.Entries, s.Relations)
	srv, sdl := newServer(o, s), []byte(shape.print())
	srv.guard(limits{shape.most(s.Relations), o.Opaque})
	r.Post("/graphql", srv.post)
	r.Get("/graphql", srv.get)
	r.Get("/schema.graphql", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(sdl)
	})
}

// A server executes documents.
type server struct {
	exec      *executor.Executor
	entries   map[string]edge.Served
	relations map[relationKey]Relation
	logger    *slog.Logger
	timeout   time.Duration
}

// parsed is how many documents are kept parsed. Programs send the same few.
const parsed = 1000

func newServer(o edge.Options, surface Surface) *server {
	s := &server{
		exec: executor.New(surface.Schema), entries: map[string]edge.Served{}, relations: map[relationKey]Relation{},
		logger: cmp.Or(o.Logger, slog.Default()), timeout: cmp.Or(o.Timeout, 30*time.Second),
	}
	for _, e := range surface.Entries {
		s.entries[e.Name] = e
	}
	for _, r := range surface.Relations {
		s.relations[relationKey{r.parent, r.Field}] = r
	}
	return s
}

// guard sets up how documents are executed, and which are not.
func (s *server) guard(l limits) {
	valid := lru.New[*ast.QueryDocument](parsed)
	s.exec.SetQueryCache(valid)
	s.exec.SetParserTokenLimit(maxTokens)
	s.exec.SetDisableSuggestion(true)
	s.exec.SetErrorPresenter(s.present)
	s.exec.SetRecoverFunc(func(_ context.Context, p any) error { return panicked(p) })
	s.exec.Use(sieve{valid})
	s.exec.Use(extension.Introspection{}) // closed by limits
	s.exec.Use(l)
	s.exec.AroundFields(absentIsNull)
}

// absentIsNull answers null where the JSON of REST leaves a member out.
func absentIsNull(ctx context.Context, next graphql.Resolver) (any, error) {
	v, err := next(ctx)
	if err != nil || v == nil || !mayBeAbsent(graphql.GetFieldContext(ctx).Field) || !reflect.ValueOf(v).IsZero() {
		return v, err
	}
	return nil, nil
}

// mayBeAbsent is not said of JSON, in which false and 0 are values like others.
func mayBeAbsent(f graphql.CollectedField) bool {
	return f.Definition != nil && !f.Definition.Type.NonNull && f.Definition.Type.Name() != "JSON" && !strings.HasPrefix(f.ObjectDefinition.Name, "__")
}

// post asks who is there before it reads what may be much.
func (s *server) post(w http.ResponseWriter, r *http.Request) {
	if _, err := edge.CallerOf(r); err != nil {
		edge.Refuse(w, r, err)
		return
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		edge.Refuse(w, r, edge.ErrMediaType)
		return
	}
	body, err := edge.ReadBody(http.MaxBytesReader(w, r.Body, maxBody), maxBody)
	if err != nil {
		edge.Refuse(w, r, err)
		return
	}
	s.serve(w, r, body)
}

func (s *server) get(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	body := map[string]any{"query": q.Get("query"), "operationName": q.Get("operationName")}
	if text := q.Get("variables"); text != "" {
		variables, err := edge.ReadBody(strings.NewReader(text), maxBody)
		if err != nil {
			edge.Refuse(w, r, err)
			return
		}
		body["variables"] = variables
	}
	s.serve(w, r, body)
}

// serve executes what a request says. Members nobody knows are left alone:
// clients send extensions of their own.
func (s *server) serve(w http.ResponseWriter, r *http.Request, body map[string]any) {
	call, err := edge.RequestFrom(r)
	if err != nil {
		edge.Refuse(w, r, err)
		return
	}
	params := &graphql.RawParams{Headers: r.Header}
	params.Query, _ = body["query"].(string)
	params.OperationName, _ = body["operationName"].(string)
	params.Variables, _ = body["variables"].(map[string]any)
	ctx, cancel := context.WithTimeout(r.Context(), s.timeout)
	defer cancel()
	v := &visit{server: s, r: r, call: call, followers: map[relationKey]follower{}}
	res, err := s.execute(context.WithValue(graphql.StartOperationTrace(ctx), visitKey{}, v), params)
	if err != nil {
		if errors.Is(err, edge.ErrMethodNotAllowed) {
			w.Header().Set("Allow", http.MethodPost)
		}
		edge.Refuse(w, r, err)
		return
	}
	v.respond(w, res)
}

// execute is all that takes room.
func (s *server) execute(ctx context.Context, params *graphql.RawParams) (*graphql.Response, error) {
	v := visitOf(ctx)
	leave, err := edge.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	op, errs := s.exec.CreateOperationContext(ctx, params)
	if errs != nil {
		if err := edge.Charge(v.r, refusedPrice-1); err != nil {
			return nil, err
		}
		errs = errs[:min(len(errs), maxErrors)]
		return s.exec.DispatchError(graphql.WithOperationContext(ctx, op), errs), nil
	}
	if v.r.Method == http.MethodGet && op.Operation.Operation != ast.Query {
		return nil, edge.ErrMethodNotAllowed
	}
	if err := edge.Charge(v.r, v.price-1); err != nil {
		return nil, err
	}
	next, ctx := s.exec.DispatchOperation(ctx, op)
	return next(ctx), nil
}
