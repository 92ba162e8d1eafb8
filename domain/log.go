package domain

import (
	"strconv"

	"github.com/google/uuid"
)

// A Proposed event is a fact on its way into the log. Its ID is deterministic
// (see [EventID]), so that the log itself recognises a retry.
type Proposed struct {
	ID    uuid.UUID
	Event Event
}

// A Page is a contiguous piece of the log: every event after position From up
// to and including To. Events that belong to the log server itself are left out,
// so a page may hold none.
type Page struct {
	From, To uint64
	Events   []Recorded
}

// eventNamespace keeps our UUIDv5 values apart from everybody else's.
var eventNamespace = uuid.MustParse("6f1d3d0a-52f1-5c6e-9d0b-7a2f6f2b7c11")

// EventID is the UUIDv5 (RFC 9562 section 5.5) of the index-th fact that the
// command named key recorded in its scope. Asking twice gives the same id.
func EventID(scope, key string, index int) uuid.UUID {
	return uuid.NewSHA1(eventNamespace, []byte(scope+"\x00"+key+"\x00"+strconv.Itoa(index)))
}

var (
	// ErrRaced: somebody else appended first; nothing of ours was written.
	ErrRaced = &Error{Kind: Conflict, Code: "revision-conflict", Detail: "the stream moved on while the command was deciding; try again"}
	// ErrOutcomeUnknown: the append may or may not have happened. Read the
	// stream again, or retry with the same idempotency key.
	ErrOutcomeUnknown = &Error{Kind: Unavailable, Code: "outcome-unknown", Detail: "the log did not answer in time; retry with the same Idempotency-Key"}
	// ErrLogUnavailable: the log cannot be reached; nothing was written.
	ErrLogUnavailable = &Error{Kind: Unavailable, Code: "log-unavailable", Detail: "the event log cannot be reached"}
	// ErrLogFull: the log has no room for more; nothing was written, and reading
	// goes on. The same command succeeds once there is space again.
	ErrLogFull = &Error{Kind: Unavailable, Code: "log-full", Detail: "the event log has no room left; nothing was written"}
	// ErrAppendTooLarge: the facts of one command do not fit into one append.
	ErrAppendTooLarge = &Error{Kind: Exhausted, Code: "append-too-large", Detail: "the command records more than one append may hold"}
)
