package projections

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// Audit is a row of the audit log: one event, who caused it and why, and what
// it replaced. It is written once and never changed.
type Audit struct {
	Position      int64           `db:"position,bigint" json:"position" doc:"Place in the whole log."`
	Owner         string          `db:"owner,text" json:"-"`
	EventID       uuid.UUID       `db:"event_id,uuid" json:"eventId" doc:"The event."`
	Stream        domain.StreamID `db:"stream,text" json:"stream" doc:"History the event belongs to."`
	Revision      int64           `db:"revision,bigint" json:"revision" doc:"Place in that history."`
	Type          string          `db:"type,text" json:"type" doc:"Stored name of the event."`
	Version       int             `db:"version,int" json:"version" doc:"Stored schema version of the event."`
	ActorID       string          `db:"actor_id,text" json:"actorId,omitempty" doc:"Who did it."`
	ActorType     string          `db:"actor_type,text" json:"actorType,omitempty" doc:"What sort of actor that is."`
	OnBehalfOf    string          `db:"on_behalf_of,text" json:"onBehalfOf,omitempty" doc:"Whom the actor acted for."`
	TenantID      string          `db:"tenant_id,text" json:"tenantId,omitempty" doc:"Tenant the history belongs to."`
	IntegratorID  string          `db:"integrator_id,text" json:"integratorId,omitempty" doc:"Integrator the history belongs to."`
	Reason        string          `db:"reason,text" json:"reason,omitempty" doc:"Why, in the actor's words."`
	Ticket        string          `db:"ticket,text" json:"ticket,omitempty" doc:"Where it was asked for."`
	CommandID     string          `db:"command_id,text" json:"commandId,omitempty" doc:"Idempotency key of the command."`
	CorrelationID string          `db:"correlation_id,text" json:"correlationId,omitempty" doc:"What else the same act caused."`
	OccurredAt    time.Time       `db:"occurred_at,timestamptz" json:"occurredAt" doc:"When it happened."`
	Before        json.RawMessage `db:"before,json" json:"before" doc:"What the event replaced; null if nothing was there."`
	After         json.RawMessage `db:"after,json" json:"after" doc:"What is there now; null if nothing is left."`
	Data          json.RawMessage `db:"data,json" json:"data" doc:"The event as it is stored."`
}

// AuditLog has one row for every event in the log, those this build does not
// know or cannot read included: an audit that skips is none. The columns are of
// type json because jsonb refuses some documents, such as those with U+0000.
var AuditLog = Table[Audit]{
	Name: "audit_log", Version: 3, Seen: Owners, Insert: true, Raw: true,
	Indexes: []string{"owner, position", "stream, position", "actor_id, position", "type, position", "correlation_id, position", "using brin (occurred_at)"},
	Key:     func(r domain.Recorded) string { return strconv.FormatUint(r.Position, 10) },
	Fold: func(_ Audit, r domain.Recorded) (Audit, bool) {
		before, after := changed(r)
		return Audit{
			Position: int64(r.Position), Owner: text(ownerOf(r.Meta)), EventID: r.ID,
			Stream: domain.StreamID(text(string(r.Stream))), Revision: int64(r.Revision), Type: text(r.Type), Version: r.Version,
			ActorID: text(r.Meta.Actor.ID), ActorType: text(r.Meta.Actor.Type), OnBehalfOf: text(r.Meta.Actor.OnBehalfOf),
			TenantID: text(string(r.Meta.TenantID)), IntegratorID: text(string(r.Meta.IntegratorID)),
			Reason: text(r.Meta.Reason), Ticket: text(r.Meta.Ticket),
			CommandID: text(r.Meta.CommandID), CorrelationID: text(r.Meta.CorrelationID), OccurredAt: r.Meta.At,
			Before: before, After: after, Data: document(r),
		}, true
	},
}

// ownerOf is the deepest node that a stream belongs to.
func ownerOf(m domain.Meta) string {
	switch {
	case m.TenantID != "":
		return string(m.TenantID)
	case m.IntegratorID != "":
		return string(m.IntegratorID)
	}
	return string(domain.PlatformID)
}

var null = json.RawMessage("null")

// change is what an event replaced and by what. An event that begins a history
// replaces nothing.
func changed(r domain.Recorded) (before, after json.RawMessage) {
	if c, ok := r.Event.(domain.Change); ok {
		was, is := c.Change()
		return encoded(was), encoded(is)
	}
	if r.Event != nil && r.Revision == 0 {
		return null, document(r)
	}
	return null, null
}

func encoded(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return null
	}
	return quoted(b, true)
}

// document is what an event is stored as, without what is nobody's business.
// What could be decoded is JSON.
func document(r domain.Recorded) json.RawMessage {
	if d, ok := r.Event.(domain.Discreet); ok {
		return encoded(d.Discreetly())
	}
	return quoted(r.Data, r.Event != nil || json.Valid(r.Data))
}

// quoted makes sure that the database takes the bytes: what is not JSON in UTF-8
// becomes a JSON string of its base64.
func quoted(b []byte, isJSON bool) json.RawMessage {
	if isJSON && utf8.Valid(b) {
		return b
	}
	text, _ := json.Marshal(b) // bytes always marshal
	return text
}

// text makes sure that the database takes a string written by anybody: a row
// that it refuses would stop the projection for everybody.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
