package projections_test

import (
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/change"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/projections"
)

func TestChangeRequests(t *testing.T) {
	const id change.ID = "8d0f1f0e-5f3b-4c8e-9a63-2f6f0e9d7a11"
	node, stream, ada := domain.NodeID(north), change.Stream(id), domain.Actor{ID: "ada", Type: "user"}
	seen := change.Foreseen{Preview: "7-a", Position: 7, Flags: 1, Tenants: 2, Required: 2}
	opened := change.Opened{Request: id, Node: node, Operation: "killFlag", Input: raw(`{"flag":"dark"}`), Summary: "out", Foreseen: seen, By: ada}
	one, two := change.Approved{Request: id, Edition: 1, By: domain.Actor{ID: "bob"}}, change.Approved{Request: id, Edition: 1, By: domain.Actor{ID: "cleo"}}
	due := minute(60)
	edited := change.Edited{Request: id, Edition: 2, Input: raw(`{"flag":"export"}`), Foreseen: change.Foreseen{Preview: "9-b", Position: 9}, By: domain.Actor{ID: "cleo"}}
	row := func(revision int, alter func(*projections.ChangeRequest)) []projections.ChangeRequest {
		c := projections.ChangeRequest{
			ID: id, Owner: string(north), Node: node, Operation: "killFlag", Input: raw(`{"flag":"dark"}`), Summary: "out", Status: change.IsOpen, Edition: 1, Author: "ada",
			Preview: "7-a", Base: 7, Affected: flag.Affected{Flags: 1, Tenants: 2}, Needed: 2, Approvals: []projections.Approval{},
			Revision: int64(revision), Position: int64(revision + 1), CreatedAt: minute(1), UpdatedAt: minute(revision + 1),
		}
		alter(&c)
		return []projections.ChangeRequest{c}
	}
	both := []projections.Approval{{By: "bob", At: minute(2)}, {By: "cleo", At: minute(3)}}
	tell(t, projections.ChangeRequests, []given[projections.ChangeRequest]{
		{"opened", story(in(stream, opened)), row(0, func(*projections.ChangeRequest) {})},
		{"approved by one of two", story(in(stream, opened, one)), row(1, func(c *projections.ChangeRequest) { c.Approvals = both[:1] })},
		{"approved", story(in(stream, opened, one, two)), row(2, func(c *projections.ChangeRequest) { c.Approvals, c.Status = both, change.IsApproved })},
		{"scheduled", story(in(stream, opened, one, two, change.Scheduled{Request: id, At: due})), row(3, func(c *projections.ChangeRequest) {
			c.Approvals, c.Status, c.ScheduledAt = both, change.IsScheduled, &due
		})},
		{"edited has no approvals", story(in(stream, opened, one, two, edited)), row(3, func(c *projections.ChangeRequest) {
			c.Edition, c.Input, c.Author, c.Preview, c.Base, c.Needed, c.Affected = 2, edited.Input, "cleo", "9-b", 9, 1, flag.Affected{}
		})},
		{"outdated says why", story(in(stream, opened, one, two, change.Outdated{Request: id, Detail: "moved"})), row(3, func(c *projections.ChangeRequest) {
			c.Approvals, c.Status, c.Outcome = both, change.IsOutdated, "moved"
		})},
		{"failed says why", story(in(stream, opened, one, two, change.Failed{Request: id, Code: "flag-locked", Detail: "locked"})), row(3, func(c *projections.ChangeRequest) {
			c.Approvals, c.Status, c.Outcome = both, change.IsFailed, "flag-locked: locked"
		})},
		{"applied says by what", story(in(stream, opened, one, two, change.Applied{Request: id})), row(3, func(c *projections.ChangeRequest) {
			origin := by(4)
			c.Approvals, c.Status, c.Applied = both, change.IsApplied, &origin
		})},
		{"rejected says why", story(in(stream, opened, change.Rejected{Request: id, Note: "no"})), row(1, func(c *projections.ChangeRequest) { c.Status, c.Outcome = change.IsRejected, "no" })},
		{"cancelled", story(in(stream, opened, change.Cancelled{Request: id})), row(1, func(c *projections.ChangeRequest) { c.Status = change.IsCancelled })},
	})
}

func TestApprovalRules(t *testing.T) {
	node := domain.NodeID(north)
	stream := domain.StreamID("approvals-" + north)
	two := change.ApprovalsRequired{Node: node, Approvals: 2, Below: true}
	tell(t, projections.ApprovalRules, []given[projections.ApprovalRule]{
		{"required", story(in(stream, two)), []projections.ApprovalRule{{Node: node, Owner: string(north), Approvals: 2, Below: true, RequiredBy: by(1), Position: 1}}},
		{"no more", story(in(stream, two, change.ApprovalsRequired{Node: node})), nil},
	})
}
