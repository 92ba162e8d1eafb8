package readapi

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/change"
	"github.com/reeve-platform/reeve/projections"
)

// ChangeRequestByID asks for one change request.
type ChangeRequestByID struct {
	Node    domain.NodeID `json:"node" path:"node" doc:"The node that it is about."`
	Request change.ID     `json:"request" path:"request" doc:"The change request."`
}

// Run answers from the change requests.
func (q ChangeRequestByID) Run(ctx context.Context, db DB) (projections.ChangeRequest, error) {
	return one[projections.ChangeRequest](ctx, db, change.ErrNotFound,
		`select `+changeColumns+` from readmodel.change_requests c where c.id = $1 and c.node = $2`, q.Request, q.Node)
}

// ChangeRequestsBy asks for change requests.
type ChangeRequestsBy struct {
	Page
	Status string        `json:"status,omitempty" query:"status" enum:"open,approved,scheduled,applying,outdated,failed,applied,rejected,cancelled" doc:"Only with this status."`
	Node   domain.NodeID `json:"node,omitempty" query:"node" doc:"Only about this node."`
	Author string        `json:"author,omitempty" query:"author" maxLength:"200" doc:"Only of this author, by its id."`
	Sort   string        `json:"sort,omitempty" query:"sort" enum:"createdAt,-createdAt,updatedAt,-updatedAt" default:"-createdAt" doc:"Order; a leading minus for descending."`
}

// Run answers from the change requests.
func (q ChangeRequestsBy) Run(ctx context.Context, db DB) (List[projections.ChangeRequest], error) {
	page, sort := q.Page, q.Sort
	if sort == "" {
		sort = "-createdAt"
	}
	q.Page = Page{}
	return pageOf[projections.ChangeRequest](ctx, db, changeList, ask{page, sort, q, []any{q.Status, q.Node, q.Author}})
}

// ApprovalRulesBy asks which nodes ask for approvals.
type ApprovalRulesBy struct {
	Page
	Node domain.NodeID `json:"node,omitempty" query:"node" doc:"Only that of this node itself."`
}

// Run answers from the approval rules.
func (q ApprovalRulesBy) Run(ctx context.Context, db DB) (List[projections.ApprovalRule], error) {
	page := q.Page
	q.Page = Page{}
	return pageOf[projections.ApprovalRule](ctx, db, ruleList, ask{page, "node", q, []any{q.Node}})
}

var (
	changeColumns = columns("c", projections.ChangeRequests)
	changeList    = listing{
		columns: changeColumns,
		from: `from readmodel.change_requests c where ($1::text = '' or c.status = $1::text) and ($2::text = '' or c.node = $2::text)
and ($3::text = '' or c.author = $3::text)`,
		id:    key{"c.id", "uuid"},
		sorts: map[string]key{"createdAt": {"c.created_at", "timestamptz"}, "updatedAt": {"c.updated_at", "timestamptz"}},
	}
	ruleList = listing{
		columns: columns("a", projections.ApprovalRules),
		from:    `from readmodel.approval_rules a where ($1::text = '' or a.node = $1::text)`,
		id:      key{"a.node", "text"},
		sorts:   map[string]key{"node": {"a.node", "text"}},
	}
)

// A DueChange is a change request that is to be applied.
type DueChange struct {
	ID   change.ID
	Node domain.NodeID
}

// DueChanges lists change requests that are to be applied by an instant, or were begun
// to be some time before and nobody came to the end of it.
func (s *Source) DueChanges(ctx context.Context, at time.Time) (due []DueChange, err error) {
	_, err = s.Read(ctx, system("dueChanges", "change requests that are scheduled are applied", 0, "change_requests"), func(ctx context.Context, db DB) error {
		rows, err := db.Query(ctx, `select c.id, c.node from readmodel.change_requests c where c.status = 'scheduled' and c.scheduled_at <= $1::timestamptz or c.status = 'applying' and c.updated_at <= $1::timestamptz - interval '30 seconds' order by c.scheduled_at, c.id limit 100`, at)
		if err != nil {
			return err
		}
		due, err = pgx.CollectRows(rows, pgx.RowToStructByPos[DueChange])
		return err
	})
	return due, err
}
