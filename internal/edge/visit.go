package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// A visit is one request on its way through, with what it is known by.
type visit struct {
	id, trace string
	began     time.Time
	failure   error
	header    http.Header // of the answer
	dialect   Dialect     // nil for problems

	guard     Guard
	admission sync.Once
	caller    Caller
	suspect   Caller // whom the credential names, let in or not; nil if nobody
	denied    error
	toll      toll
	refused   func(Refusal) // nil if nobody wants to know
}

type visitKey struct{}

func visitOf(ctx context.Context) *visit {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return v
	}
	return &visit{}
}

// TraceID is what ties together everything that belongs to the request of ctx:
// the trace of its traceparent header, or else the id of the request.
func TraceID(ctx context.Context) string { return visitOf(ctx).trace }

var (
	requestID   = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	traceparent = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$`)
)

func newVisit(r *http.Request, o Options) *visit {
	v := &visit{id: r.Header.Get("X-Request-Id"), began: time.Now(), guard: o.Guard, refused: o.Refused}
	for path, d := range o.Dialects {
		if strings.HasPrefix(r.URL.Path, path) {
			v.dialect = d
		}
	}
	if v.id == "" || !requestID.MatchString(v.id) {
		v.id = newID()
	}
	if v.trace = traceOf(r.Header.Get("Traceparent")); v.trace == "" {
		v.trace = v.id
	}
	return v
}

// newID is a UUID of version 7: such ids come in the order of time, and an index over
// them, such as the audit log's of what belongs together, grows at its end.
func newID() string {
	if id, err := uuid.NewV7(); err == nil {
		return id.String()
	}
	return uuid.NewString()
}

// traceOf is the trace id of a W3C trace context header, empty if it is not valid.
func traceOf(header string) string {
	const noTrace, noSpan = "00000000000000000000000000000000", "0000000000000000"
	if header == "" {
		return ""
	}
	m := traceparent.FindStringSubmatch(header)
	if m == nil || header[:2] == "ff" || m[1] == noTrace || m[2] == noSpan {
		return ""
	}
	return m[1]
}

// recover answers a panic with a problem, unless the answer has begun.
func (v *visit) recover(w middleware.WrapResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	v.failure = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	if w.Status() == 0 {
		Refuse(w, r, v.failure)
	}
}

func (v *visit) end(o Options, w middleware.WrapResponseWriter, r *http.Request) {
	v.toll.end()
	route, took, status := routeOf(r), time.Since(v.began), w.Status()
	if status == 0 {
		status = http.StatusOK // net/http answers so when nothing was written
	}
	o.Observe(methodOf(r)+" "+route, status, took)
	if v.failure == nil && !o.Logger.Enabled(r.Context(), slog.LevelDebug) {
		return
	}
	line := []any{"id", v.id, "trace", v.trace, "method", methodOf(r), "route", route, "status", status,
		"ms", float64(took.Microseconds()) / 1000, "bytes", w.BytesWritten(), "from", sourceIP(r)}
	level := slog.LevelDebug // what goes well is counted, and told to those who ask
	if v.failure != nil {
		level = severity(v.failure)
		line = append(line, "code", Told(v.failure).Code, "error", v.failure.Error())
	}
	o.Logger.Log(r.Context(), level, "request", line...)
}

// methodOf is the method, if it is one that we serve or refuse by name: figures
// are kept for each, so callers must not be able to make up new ones.
func methodOf(r *http.Request) string {
	switch r.Method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return r.Method
	}
	return "other"
}

// severity: what is the caller's fault, such as hanging up, is no news.
func severity(err error) slog.Level {
	if errors.Is(err, context.Canceled) {
		return slog.LevelInfo
	}
	switch Told(err).Kind {
	case domain.Internal:
		return slog.LevelError
	case domain.Unavailable:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}
