package domain

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// An Event is a fact. Its Go type is its identity in code; its registered name
// and version are its identity in the log.
type Event any

// A Change is an event that replaced one value by another. Auditors see both.
// Before is nil where nothing was there, After is nil where nothing is left.
type Change interface{ Change() (before, after any) }

// Meta says who asked, when and why. It travels beside an event, never in it,
// and is stored as the event's metadata under these JSON names.
type Meta struct {
	CommandID     string       `json:"commandId"`               // the caller's idempotency key, or one made for the call
	CorrelationID string       `json:"correlationId,omitempty"` // everything that one act of a person caused
	CausationID   string       `json:"causationId,omitempty"`   // the command or event that caused this one
	Actor         Actor        `json:"actor"`
	TenantID      TenantID     `json:"tenantId,omitempty"`     // owner of the stream, where it has one
	IntegratorID  IntegratorID `json:"integratorId,omitempty"` // owner of the stream, where it has one
	SourceIP      string       `json:"sourceIp,omitempty"`
	UserAgent     string       `json:"userAgent,omitempty"`
	Reason        string       `json:"reason,omitempty"`
	Ticket        string       `json:"ticket,omitempty"`
	At            time.Time    `json:"occurredAt"`            // UTC, milliseconds; survives a restore
	Fingerprint   string       `json:"fingerprint,omitempty"` // hash of the request, so that a reused key is told from a retry
}

// An Actor is who does something; OnBehalfOf is whom they act for, if not themselves.
type Actor struct {
	ID         string `json:"id"`
	Type       string `json:"type"` // user, service, system or anonymous
	OnBehalfOf string `json:"onBehalfOf,omitempty"`
}

// A StreamID names one ordered history: a category, a hyphen and an id, such as
// "tenant-6f9619ff-8b86-4011-b42d-00c04fc964ff". It never contains personal data,
// because names in the log outlive every erasure.
type StreamID string

// Recorded is an event together with its place in the log.
type Recorded struct {
	Event    Event // nil if the type is not in our vocabulary
	Meta     Meta
	ID       uuid.UUID
	Type     string // stored name
	Version  int    // stored schema version
	Stream   StreamID
	Revision uint64          // place in the stream, from 0
	Position uint64          // place in the whole log, above 0
	Data     json.RawMessage // the event as it was stored
	Metadata []byte          // and its metadata; nil if it was not stored
	Err      error           // why Event could not be decoded; whoever needs it must stop
}

// A State is rebuilt by folding events into its zero value.
// Evolve must ignore events it does not know and must never fail.
type State[S any] interface{ Evolve(Event) S }

// Fold replays events onto a state.
func Fold[S State[S]](s S, events ...Event) S {
	for _, e := range events {
		s = s.Evolve(e)
	}
	return s
}

// A Receipt tells a caller where its facts landed. Send Position back as
// Reeve-Min-Position to read your own write. A command that found nothing to do
// answers with the present Revision and no Events.
type Receipt struct {
	Stream   StreamID `json:"stream"`
	Revision uint64   `json:"revision"` // of the last event of the stream
	Position uint64   `json:"position"` // of the last event written
	Events   []string `json:"events"`   // stored names of the facts recorded
	ID       string   `json:"id,omitempty"`
	Secret   string   `json:"secret,omitempty"` // told this once, never logged; see [Secretive]
}
