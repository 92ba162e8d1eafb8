package readapi

import (
	"cmp"
	"context"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/projections"
)

// SecurityEventsBy asks who was refused what.
type SecurityEventsBy struct {
	Page
	Kind      string        `json:"kind,omitempty" query:"kind" enum:"login-failed,token-rejected,permission-denied,cross-tenant-denied,access-suspended,rate-limited,bootstrap-refused" doc:"Only of this sort."`
	Principal string        `json:"principal,omitempty" query:"principal" maxLength:"500" doc:"Only of this principal."`
	Node      domain.NodeID `json:"node,omitempty" query:"node" doc:"Only what is kept at this node itself."`
	From      time.Time     `json:"from,omitzero" query:"from" doc:"Only what still happened at or after this instant."`
	To        time.Time     `json:"to,omitzero" query:"to" doc:"Only what began before this instant."`
	Sort      string        `json:"sort,omitempty" query:"sort" enum:"-position,position" default:"-position" doc:"Newest or oldest first."`
}

// Run answers from the security events.
func (q SecurityEventsBy) Run(ctx context.Context, db DB) (List[projections.SecurityEvent], error) {
	page, sort := q.Page, cmp.Or(q.Sort, "-position")
	q.Page = Page{}
	return pageOf[projections.SecurityEvent](ctx, db, securityEventList, ask{page, sort, q,
		[]any{q.Kind, q.Principal, q.Node, instant(q.From), instant(q.To)}})
}

var securityEventList = listing{
	columns: columns("s", projections.SecurityEvents),
	from: `from readmodel.security_events s
where ($1::text = '' or s.kind = $1::text)
and ($2::text = '' or s.principal_id = $2::text)
and ($3::text = '' or s.node = $3::text)
and ($4::timestamptz is null or s.last_at >= $4::timestamptz)
and ($5::timestamptz is null or s.first_at < $5::timestamptz)`,
	id:    key{"s.position", "bigint"},
	sorts: map[string]key{"position": {"s.position", "bigint"}},
}
