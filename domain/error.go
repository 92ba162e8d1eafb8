package domain

import "errors"

// Kind is the small closed set of ways a request can fail. What a kind looks
// like from outside (status, exit code) is said once, at the edge.
type Kind uint8

// The kinds. A caller can act on each of them differently.
const (
	Internal        Kind = iota // our fault; details stay in our own logs
	Malformed                   // cannot be read at all
	Invalid                     // can be read and makes no sense
	Unauthenticated             // who is asking is not known
	Forbidden                   // the actor may not do this
	NotFound                    // no such thing, or not visible to the actor
	Conflict                    // the present state does not allow it
	Stale                       // the caller decided on an older revision
	Gone                        // it was, and will never be again
	Locked                      // somebody above has locked it
	Exhausted                   // a quota, rate or size limit stands in the way
	Unavailable                 // try again later
)

// An Error is a failure the caller can act on. Code is kebab-case, stable and
// documented; Detail is for people.
type Error struct {
	Kind   Kind
	Code   string
	Detail string
	Fields []FieldError // where in the request, if it is about the request
	Err    error        // cause, for errors.Is and for our logs
}

// A FieldError points into the request.
type FieldError struct {
	Pointer string `json:"pointer"` // RFC 6901, into the body; or the name of a parameter
	Detail  string `json:"detail"`
}

// Error gives code, detail and cause.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Code + ": " + e.Detail + ": " + e.Err.Error()
	}
	return e.Code + ": " + e.Detail
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is compares by code, so that an error with context is still itself.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// With returns the error with another detail, for the particulars of one case.
func (e *Error) With(detail string) *Error {
	c := *e
	c.Detail = detail
	return &c
}

// Because returns the error with its cause.
func (e *Error) Because(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

// At returns the error pointing at one place of the request.
func (e *Error) At(pointer, detail string) *Error {
	c := *e
	c.Fields = append(append([]FieldError(nil), e.Fields...), FieldError{pointer, detail})
	return &c
}

// AsError finds the first of our errors in err's chain.
func AsError(err error) (*Error, bool) { return errors.AsType[*Error](err) }

// KindOf reports the kind of err, Internal if it is none of ours.
func KindOf(err error) Kind {
	if e, ok := AsError(err); ok {
		return e.Kind
	}
	return Internal
}

// ErrTransition: the state machine has no such step from the present state.
var ErrTransition = &Error{Kind: Conflict, Code: "invalid-transition", Detail: "the present state does not allow that"}
