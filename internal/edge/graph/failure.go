package graph

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

// ErrDocument: the document is not GraphQL, or does not fit the schema.
var ErrDocument = &domain.Error{Kind: domain.Malformed, Code: "invalid-graphql", Detail: "the document does not fit the schema"}

// A panicError is what is left of a panic. It stays inside.
type panicError struct {
	cause any
	stack []byte
}

func panicked(cause any) error { return &panicError{cause, debug.Stack()} }

// Error is for the log.
func (p *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", p.cause, p.stack) }

// present words an error for the outside, as edge.ProblemOf does for REST. What
// stays inside is logged, once.
func (s *server) present(ctx context.Context, err error) *gqlerror.Error {
	if f, ok := edge.RefusalOf(err); ok {
		f.Operation = operation(ctx)
		f.Report(visitOf(ctx).r)
	}
	out := graphql.DefaultErrorPresenter(ctx, err)
	cause := causeOf(out, err)
	told := edge.Told(cause)
	outcome := edge.OutcomeOf(told)
	if told.Kind == domain.Internal {
		s.logger.Log(ctx, slog.LevelError, "graphql", "trace", edge.TraceID(ctx), "path", out.Path.String(), "error", cause.Error())
	}
	extensions := map[string]any{"code": told.Code, "kind": outcome.GraphQL, "status": outcome.Status, "traceId": edge.TraceID(ctx)}
	if len(told.Fields) > 0 {
		extensions["errors"] = told.Fields
	}
	return &gqlerror.Error{Err: told, Message: told.Detail, Path: out.Path, Locations: out.Locations, Extensions: extensions}
}

// operation is the field under way, as the schema calls it: the name of an entry, or
// of a type and a relation of it. It is "" outside of fields.
func operation(ctx context.Context) string {
	at := graphql.GetFieldContext(ctx)
	switch {
	case at == nil || at.Field.Field == nil:
		return ""
	case at.Object == "Query" || at.Object == "Mutation":
		return at.Field.Name
	}
	return at.Object + "." + at.Field.Name
}

// causeOf finds our error behind err, or says in our words what the library
// found wrong with the document.
func causeOf(out *gqlerror.Error, err error) error {
	if e, ok := domain.AsError(err); ok {
		return e
	}
	switch code, _ := out.Extensions["code"].(string); code {
	case errcode.ParseFailed:
		if strings.Contains(out.Message, "token limit") {
			return ErrLong
		}
		return ErrDocument.With(out.Message)
	case errcode.ValidationFailed:
		return invalid(out)
	}
	return err
}

// invalid tells values that do not fit, which REST refuses too, from documents
// that make no sense. The message about a value could repeat it.
func invalid(e *gqlerror.Error) error {
	switch {
	case e.Rule == "ValuesOfCorrectType" || e.Rule == "ProvidedRequiredArguments":
		return edge.ErrInvalidRequest
	case len(e.Path) > 0 && e.Path[0] == ast.PathName("variable"):
		return edge.ErrInvalidRequest.At(pointer(e.Path[1:]), "is missing, unknown or of the wrong type")
	}
	return ErrDocument.With(e.Message)
}

// pointer is a path into the variables as RFC 6901 writes it.
func pointer(path ast.Path) string {
	var b strings.Builder
	for _, step := range path {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(fmt.Sprint(step)))
	}
	return b.String()
}
