package projections

import (
	"strconv"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/security"
)

// SecurityEvent is a row of the security_events table: one sort of refusal, as often
// as it happened within a moment. It is written once and never changed.
type SecurityEvent struct {
	Position      int64         `db:"position,bigint" json:"position" doc:"Place in the whole log."`
	Owner         string        `db:"owner,text" json:"-"`
	Kind          security.Kind `db:"kind,text" json:"kind" enum:"login-failed,token-rejected,permission-denied,cross-tenant-denied,access-suspended,rate-limited,bootstrap-refused" doc:"Sort of refusal."`
	Node          domain.NodeID `db:"node,text" json:"node" doc:"Node that was asked about, or that the principal belongs to; the platform if neither may be known."`
	PrincipalID   string        `db:"principal_id,text" json:"principalId,omitempty" doc:"Who was refused, if known; only claimed where the credential was refused."`
	PrincipalType string        `db:"principal_type,text" json:"principalType,omitempty" doc:"What sort of actor that is."`
	Source        string        `db:"source,text" json:"source,omitempty" doc:"Address that it came from last."`
	Operation     string        `db:"operation,text" json:"operation" doc:"Pattern of the route, or name of the operation; others for what was too much to tell apart."`
	Count         int64         `db:"count,bigint" json:"count" doc:"How often."`
	FirstAt       time.Time     `db:"first_at,timestamptz" json:"firstAt" doc:"When it was refused first."`
	LastAt        time.Time     `db:"last_at,timestamptz" json:"lastAt" doc:"When it was refused last."`
}

// SecurityEvents has one row for each record of refusals.
var SecurityEvents = Table[SecurityEvent]{
	Name: "security_events", Version: 1, Seen: Owners, Insert: true,
	Indexes: []string{"owner, position", "kind, position", "principal_id, position", "using brin (last_at)"},
	Key: func(r domain.Recorded) string {
		if e, ok := r.Event.(security.Observed); !ok || r.Stream != security.Stream(e.Node) {
			return ""
		}
		return strconv.FormatUint(r.Position, 10)
	},
	Fold: func(_ SecurityEvent, r domain.Recorded) (SecurityEvent, bool) {
		e, ok := r.Event.(security.Observed)
		return SecurityEvent{
			Position: int64(r.Position), Owner: text(string(e.Node)), Kind: security.Kind(text(string(e.Kind))), Node: domain.NodeID(text(string(e.Node))),
			PrincipalID: text(e.Principal), PrincipalType: text(e.PrincipalType), Source: text(e.Source), Operation: text(e.Operation),
			Count: int64(e.Count), FirstAt: e.First, LastAt: e.Last,
		}, ok
	},
}
