package projections

import (
	"encoding/json"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/change"
	"github.com/reeve-platform/reeve/domain/flag"
)

// ChangeRequest is a row of the change_requests table: what somebody proposes, and
// how far that has come.
type ChangeRequest struct {
	ID          change.ID       `db:"id,uuid" json:"id" doc:"The change request."`
	Owner       string          `db:"owner,text" json:"-"`
	Node        domain.NodeID   `db:"node,text" json:"node" doc:"The node that it is about."`
	Operation   string          `db:"operation,text" json:"operation" doc:"Name of the command that is proposed."`
	Input       json.RawMessage `db:"input,json" json:"input" doc:"Its input."`
	Summary     string          `db:"summary,text" json:"summary,omitempty" doc:"What it is for."`
	Status      change.Status   `db:"status,text" json:"status" enum:"open,approved,scheduled,applying,outdated,failed,applied,rejected,cancelled" doc:"How far it has come."`
	Edition     int             `db:"edition,bigint" json:"edition" doc:"How often it has stood for something else, counted from 1."`
	Author      string          `db:"author,text" json:"author" doc:"Whoever answers for what it says now."`
	Preview     string          `db:"preview,text" json:"preview" doc:"Name of the preview that it stands for; to be sent along with an approval."`
	Base        int64           `db:"base,bigint" json:"base" doc:"Position of the log that the preview is of."`
	Affected    flag.Affected   `db:"affected,json" json:"affected" doc:"How many would see another value, as its author was shown."`
	Needed      int             `db:"needed,bigint" json:"needed" doc:"How many approvals it needs."`
	Approvals   []Approval      `db:"approvals,json" json:"approvals" doc:"Who has approved what it stands for."`
	ScheduledAt *time.Time      `db:"scheduled_at,timestamptz" json:"scheduledAt,omitempty" doc:"When it is to be applied."`
	Outcome     string          `db:"outcome,text" json:"outcome,omitempty" doc:"Why it is outdated, has failed, was rejected, or was not applied when somebody tried."`
	Applied     *cascade.Origin `db:"applied,json" json:"applied,omitempty" doc:"The fact that it was applied."`
	Revision    int64           `db:"revision,bigint" json:"revision" doc:"Revision of its history."`
	Position    int64           `db:"position,bigint" json:"-"`
	CreatedAt   time.Time       `db:"created_at,timestamptz" json:"createdAt" doc:"When it was opened."`
	UpdatedAt   time.Time       `db:"updated_at,timestamptz" json:"updatedAt" doc:"When it last changed."`
}

// Approval is that somebody has approved a change request.
type Approval struct {
	By string    `json:"by" doc:"Who."`
	At time.Time `json:"at" doc:"When."`
}

// StreamRevision is the revision an If-Match must name.
func (c ChangeRequest) StreamRevision() uint64 { return uint64(c.Revision) }

// ChangeRequests has one row for each change request that was ever opened.
var ChangeRequests = Table[ChangeRequest]{
	Name: "change_requests", Version: 2, Seen: Owners,
	Indexes: []string{"owner", "scheduled_at", "created_at"},
	Key:     func(r domain.Recorded) string { return subject(r, "change-") },
	Fold: func(c ChangeRequest, r domain.Recorded) (ChangeRequest, bool) {
		switch e := r.Event.(type) {
		case change.Opened:
			c.ID, c.Owner, c.Node, c.Operation, c.Summary, c.CreatedAt = e.Request, string(e.Node), e.Node, text(e.Operation), text(e.Summary), r.Meta.At
			c = c.stands(1, e.Input, e.Foreseen, e.By)
		case change.Edited:
			c = c.stands(e.Edition, e.Input, e.Foreseen, e.By)
		case change.Approved:
			c.Approvals = append(c.Approvals[:len(c.Approvals):len(c.Approvals)], Approval{text(e.By.ID), r.Meta.At})
			if c.Status == change.IsOpen && len(c.Approvals) >= c.Needed {
				c.Status = change.IsApproved
			}
		case change.Scheduled:
			c.Status, c.ScheduledAt = change.IsScheduled, &e.At
		case change.Applying:
			c.Status, c.Outcome = change.IsApplying, ""
		case change.Halted:
			if c.Status, c.Outcome = change.IsApproved, text(e.Code+": "+e.Detail); c.ScheduledAt != nil {
				c.Status = change.IsScheduled
			}
		case change.Outdated:
			c.Status, c.Outcome = change.IsOutdated, text(e.Detail)
		case change.Failed:
			c.Status, c.Outcome = change.IsFailed, text(e.Code+": "+e.Detail)
		case change.Applied:
			by := cascade.OriginOf(r)
			c.Status, c.Applied = change.IsApplied, &by
		case change.Rejected:
			c.Status, c.Outcome = change.IsRejected, text(e.Note)
		case change.Cancelled:
			c.Status = change.IsCancelled
		}
		c.Revision, c.Position, c.UpdatedAt = int64(r.Revision), int64(r.Position), r.Meta.At
		return c, c.ID != ""
	},
}

// stands is the request once it stands for something else.
func (c ChangeRequest) stands(edition int, input json.RawMessage, f change.Foreseen, by domain.Actor) ChangeRequest {
	c.Status, c.Edition, c.Input, c.Author, c.Outcome = change.IsOpen, edition, input, text(by.ID), ""
	c.Preview, c.Base, c.Needed = text(f.Preview), int64(f.Position), max(f.Required, 1)
	c.Affected = flag.Affected{Flags: f.Flags, Integrators: f.Integrators, Tenants: f.Tenants, Users: f.Users}
	c.Approvals, c.ScheduledAt = []Approval{}, nil
	return c
}

// ApprovalRule is a row of the approval_rules table: how many approvals a node asks
// for before flags are changed at it.
type ApprovalRule struct {
	Node       domain.NodeID  `db:"node,text" json:"node" doc:"The node."`
	Owner      string         `db:"owner,text" json:"-"`
	Approvals  int            `db:"approvals,bigint" json:"approvals" doc:"How many approvals."`
	Below      bool           `db:"below,boolean" json:"below" doc:"Whether all nodes below ask for as many, at least."`
	RequiredBy cascade.Origin `db:"required_by,json" json:"requiredBy" doc:"The fact that says so."`
	Revision   int64          `db:"revision,bigint" json:"revision" doc:"Revision of its history."`
	Position   int64          `db:"position,bigint" json:"-"`
}

// StreamRevision is the revision an If-Match must name.
func (a ApprovalRule) StreamRevision() uint64 { return uint64(a.Revision) }

// Veil leaves out who says so and why for readers whom the node lies above.
func (a *ApprovalRule) Veil(above func(domain.NodeID) bool) {
	if above(a.Node) {
		a.RequiredBy = a.RequiredBy.Bare()
	}
}

// ApprovalRules has one row for each node that asks for approvals.
var ApprovalRules = Table[ApprovalRule]{
	Name: "approval_rules", Version: 1, Seen: Heirs,
	Key: func(r domain.Recorded) string {
		if e, ok := r.Event.(change.ApprovalsRequired); ok {
			return string(e.Node)
		}
		return ""
	},
	Fold: func(a ApprovalRule, r domain.Recorded) (ApprovalRule, bool) {
		e, ok := r.Event.(change.ApprovalsRequired)
		if !ok || e.Approvals == 0 {
			return a, false
		}
		return ApprovalRule{e.Node, string(e.Node), e.Approvals, e.Below, cascade.OriginOf(r), int64(r.Revision), int64(r.Position)}, true
	},
}
