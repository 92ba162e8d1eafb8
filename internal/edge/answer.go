package edge

import (
	"context"
	"errors"
	"strings"

	"github.com/reeve-platform/reeve/domain"
)

// An Outcome is how a kind of failure looks from outside.
type Outcome struct {
	Status  int    // HTTP
	GraphQL string // extensions.code
	Exit    int    // of the command line, after sysexits(3)
	RPC     uint32 // status code of gRPC
	Retry   bool   // the same request may succeed later, without being changed
}

// outcomes is the one table from kind to everything the outside sees.
var outcomes = map[domain.Kind]Outcome{
	domain.Internal:        {500, "INTERNAL", 1, 13, false},
	domain.Malformed:       {400, "MALFORMED", 65, 3, false},
	domain.Invalid:         {422, "BAD_USER_INPUT", 65, 3, false},
	domain.Unauthenticated: {401, "UNAUTHENTICATED", 77, 16, false},
	domain.Forbidden:       {403, "FORBIDDEN", 77, 7, false},
	domain.NotFound:        {404, "NOT_FOUND", 66, 5, false},
	domain.Conflict:        {409, "CONFLICT", 75, 9, false},
	domain.Stale:           {412, "STALE", 75, 10, false},
	domain.Gone:            {410, "GONE", 75, 9, false},
	domain.Locked:          {423, "LOCKED", 75, 9, false},
	domain.Exhausted:       {429, "EXHAUSTED", 73, 8, true},
	domain.Unavailable:     {503, "UNAVAILABLE", 69, 14, true},
}

// exact are the few codes for which HTTP has a status of its own. Repeating
// such a request never helps.
var exact = map[string]int{
	"method-not-allowed":     405,
	"request-timeout":        408,
	"payload-too-large":      413,
	"append-too-large":       413,
	"unsupported-media-type": 415,
}

// AnswerTo says how a kind of failure looks from outside.
func AnswerTo(k domain.Kind) Outcome { return outcomes[k] }

// OutcomeOf says how err looks from outside, by its code where HTTP knows that
// better than the kind does.
func OutcomeOf(err error) Outcome {
	e := Told(err)
	o := outcomes[e.Kind]
	if status, ok := exact[e.Code]; ok {
		o.Status, o.Retry = status, false
	}
	return o
}

var (
	// ErrInternal: the fault is ours. What it was is in our log only.
	ErrInternal = &domain.Error{Kind: domain.Internal, Code: "internal", Detail: "something went wrong on our side"}
	// ErrTimeout: the answer was not ready when the time for it was over.
	ErrTimeout = &domain.Error{Kind: domain.Unavailable, Code: "timeout", Detail: "the answer was not ready in time"}
)

// Told is what the outside may know of err: an error of ours without its cause,
// and ErrInternal in place of everything else.
func Told(err error) *domain.Error {
	e, ok := domain.AsError(err)
	switch {
	case ok && e.Kind != domain.Internal:
		return e
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return ErrTimeout
	}
	return ErrInternal
}

// A Problem is the body of an answer to a failed request (RFC 9457).
type Problem struct {
	Type    string              `json:"type" format:"uri-reference" doc:"Names the kind of problem; stable."`
	Title   string              `json:"title" doc:"The kind of problem in words."`
	Status  int                 `json:"status" doc:"The status of the answer."`
	Detail  string              `json:"detail,omitempty" doc:"This case in words."`
	Code    string              `json:"code" doc:"What programs should look at; stable."`
	TraceID string              `json:"traceId,omitempty" doc:"What to quote when asking for help."`
	Errors  []domain.FieldError `json:"errors,omitempty" doc:"Where in the request."`
}

// ProblemOf words err for the outside. The text of internal errors and of causes
// stays inside.
func ProblemOf(err error, traceID string) Problem {
	e := Told(err)
	return Problem{
		Type: "/problems/" + e.Code, Title: title(e.Code), Status: OutcomeOf(e).Status,
		Detail: e.Detail, Code: e.Code, TraceID: traceID, Errors: e.Fields,
	}
}

// title makes "Tenant not active" of tenant-not-active: the same for every
// problem of the type, as RFC 9457 section 3.1.3 asks.
func title(code string) string {
	if code == "" {
		return ""
	}
	words := strings.ReplaceAll(code, "-", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}
