package readapi

import (
	"cmp"
	"context"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/projections"
)

// AuditBy asks what happened, who did it and why.
type AuditBy struct {
	Page
	Node        domain.NodeID   `json:"node,omitempty" query:"node" doc:"Only what happened to this node, its quotas or its flags."`
	Stream      string          `json:"stream,omitempty" query:"stream" maxLength:"500" doc:"Only of this history."`
	Actor       string          `json:"actor,omitempty" query:"actor" maxLength:"500" doc:"Only by this actor."`
	Type        string          `json:"type,omitempty" query:"type" maxLength:"200" doc:"Only events with this stored name."`
	Tenant      domain.TenantID `json:"tenant,omitempty" query:"tenant" doc:"Only of histories that belong to this tenant."`
	Correlation string          `json:"correlation,omitempty" query:"correlation" maxLength:"500" doc:"Only what this one act caused."`
	From        time.Time       `json:"from,omitzero" query:"from" doc:"Only at or after this instant."`
	To          time.Time       `json:"to,omitzero" query:"to" doc:"Only before this instant."`
	Sort        string          `json:"sort,omitempty" query:"sort" enum:"-position,position" default:"-position" doc:"Newest or oldest first."`
}

// Run answers from the audit log.
func (q AuditBy) Run(ctx context.Context, db DB) (List[projections.Audit], error) {
	page, sort := q.Page, cmp.Or(q.Sort, "-position")
	q.Page = Page{}
	return pageOf[projections.Audit](ctx, db, auditList, ask{page, sort, q,
		[]any{q.Node, q.Stream, q.Actor, q.Type, string(q.Tenant), q.Correlation, instant(q.From), instant(q.To)}})
}

// instant is nil for no instant at all.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

var auditList = listing{
	columns: columns("a", projections.AuditLog),
	from: `from readmodel.audit_log a
where ($1::text = '' or a.stream in ('platform-' || $1::text, 'integrator-' || $1::text, 'tenant-' || $1::text, 'quota-' || $1::text, 'nodeflags-' || $1::text))
and ($2::text = '' or a.stream = $2::text)
and ($3::text = '' or a.actor_id = $3::text)
and ($4::text = '' or a.type = $4::text)
and ($5::text = '' or a.owner = $5::text and a.tenant_id <> '')
and ($6::text = '' or a.correlation_id = $6::text)
and ($7::timestamptz is null or a.occurred_at >= $7::timestamptz)
and ($8::timestamptz is null or a.occurred_at < $8::timestamptz)`,
	id:    key{"a.position", "bigint"},
	sorts: map[string]key{"position": {"a.position", "bigint"}},
}
