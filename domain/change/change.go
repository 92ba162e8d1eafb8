// Package change is the life of a change request: a command that somebody proposes,
// others look at and approve, and that is then carried out as it was shown.
//
//	open -> approved -> applying -> applied
//	        approved -> scheduled -> applying, failed
//	applying -> outdated, failed, or back
//	open, approved, scheduled -> outdated -> open
//	anything but applying and applied -> rejected, cancelled
//
// What is approved is not a command but what the command changes, as of a position
// of the log: the name of its preview. An edit is another preview and needs other
// approvals, and so does what is no longer true.
package change

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// Events is everything that can ever have happened to a change request, and to how
// many approvals a node asks for.
var Events = domain.Vocabulary{
	domain.Define[Opened]("ChangeRequestOpened", 1),
	domain.Define[Edited]("ChangeRequestEdited", 1),
	domain.Define[Approved]("ChangeRequestApproved", 1),
	domain.Define[Scheduled]("ChangeRequestScheduled", 1),
	domain.Define[Applying]("ChangeRequestApplying", 1),
	domain.Define[Halted]("ChangeRequestHalted", 1),
	domain.Define[Outdated]("ChangeRequestOutdated", 1),
	domain.Define[Failed]("ChangeRequestFailed", 1),
	domain.Define[Applied]("ChangeRequestApplied", 1),
	domain.Define[Rejected]("ChangeRequestRejected", 1),
	domain.Define[Cancelled]("ChangeRequestCancelled", 1),
	domain.Define[ApprovalsRequired]("ApprovalsRequired", 1),
}

// ID is the id of a change request.
type ID = domain.ChangeID

// Stream names the history of a change request.
func Stream(id ID) domain.StreamID { return domain.StreamID("change-" + id) }

// Status is where in its life a request is. Absent is the zero value.
type Status string

// The statuses, as the outside world reads them.
const (
	Absent      Status = ""
	IsOpen      Status = "open"
	IsApproved  Status = "approved"  // by as many as are needed
	IsScheduled Status = "scheduled" // to be applied at an instant
	IsApplying  Status = "applying"  // the command is being given
	IsOutdated  Status = "outdated"  // it would not change what was approved any more
	IsFailed    Status = "failed"    // the command was refused when it was due
	IsApplied   Status = "applied"
	IsRejected  Status = "rejected"
	IsCancelled Status = "cancelled"
)

// A Foreseen is what a command would change: the name of its preview, the position it
// is of, and how many would see another value. Required is how many approvals the
// nodes it is about ask for.
type Foreseen struct {
	Preview     string `json:"preview"`
	Position    uint64 `json:"position"`
	Flags       int    `json:"flags"`
	Integrators int    `json:"integrators"`
	Tenants     int    `json:"tenants"`
	Users       int    `json:"users"`
	Required    int    `json:"required"`
}

// needed is how many approvals a request needs: one at least, or it would not be one.
func (f Foreseen) needed() int { return max(f.Required, 1) }

// A Request is what the rules need to remember.
type Request struct {
	Node      domain.NodeID
	Status    Status
	Edition   int
	Operation string
	Input     json.RawMessage
	Summary   string
	Foreseen  Foreseen
	Authors   []domain.Actor // whoever opened or edited it, the last one last
	Approvals []domain.Actor // of this edition
	Due       time.Time      // when it is to be applied, if it is scheduled
	Outcome   Applied        // once it is applied

	site domain.Site
}

// Evolve folds one event of the request or of its node.
func (r Request) Evolve(e domain.Event) Request {
	switch e := e.(type) {
	case Opened:
		r.Node, r.Status, r.Edition, r.Operation, r.Input, r.Summary = e.Node, IsOpen, 1, e.Operation, e.Input, e.Summary
		r.Foreseen, r.Authors = e.Foreseen, []domain.Actor{e.By}
	case Edited:
		r.Status, r.Edition, r.Input, r.Foreseen, r.Approvals, r.Due = IsOpen, e.Edition, e.Input, e.Foreseen, nil, time.Time{}
		r.Authors = append(slices.Clone(r.Authors), e.By)
	case Approved:
		r.Approvals = append(slices.Clone(r.Approvals), e.By)
		if r.Status == IsOpen && len(r.Approvals) >= r.Foreseen.needed() {
			r.Status = IsApproved
		}
	case Scheduled:
		r.Status, r.Due = IsScheduled, e.At
	case Applying:
		r.Status = IsApplying
	case Halted:
		if r.Status = IsApproved; !r.Due.IsZero() {
			r.Status = IsScheduled
		}
	case Outdated:
		r.Status = IsOutdated
	case Failed:
		r.Status = IsFailed
	case Applied:
		r.Status, r.Outcome = IsApplied, e
	case Rejected:
		r.Status = IsRejected
	case Cancelled:
		r.Status = IsCancelled
	default:
		r.site = r.site.Evolve(e)
	}
	return r
}

// Owner is the node that the request is about.
func (r Request) Owner() domain.Owner { return r.site.Owner() }

// Author is whoever answers for what the request says now.
func (r Request) Author() domain.Actor { return r.Authors[len(r.Authors)-1] }

var (
	// ErrNotFound: no request of that id is about the node.
	ErrNotFound = &domain.Error{Kind: domain.NotFound, Code: "change-request-not-found", Detail: "there is no such change request at the node"}
	// ErrNotApproved: too few have approved it, or are still allowed to.
	ErrNotApproved = &domain.Error{Kind: domain.Conflict, Code: "not-approved", Detail: "the change request is not approved by as many as are needed"}
	// ErrOwnRequest: four eyes are those of two people.
	ErrOwnRequest = &domain.Error{Kind: domain.Forbidden, Code: "own-change-request", Detail: "who opened or edited a change request cannot approve it"}
	// ErrOtherPreview: what was looked at is not what the request says now.
	ErrOtherPreview = &domain.Error{Kind: domain.Conflict, Code: "other-preview", Detail: "the change request stands for another preview by now; look at it again"}
	// ErrDue: an instant lies behind.
	ErrDue = &domain.Error{Kind: domain.Invalid, Code: "invalid-schedule", Detail: "a change request is scheduled for an instant to come"}
	// ErrOperation: what is proposed cannot be.
	ErrOperation = &domain.Error{Kind: domain.Invalid, Code: "not-proposable", Detail: "there is no such operation, or it cannot be proposed: only those that have a preview can"}
	// ErrElsewhere: the operation is about another node.
	ErrElsewhere = &domain.Error{Kind: domain.Invalid, Code: "proposed-elsewhere", Detail: "the operation must be about the node of the change request; those that name no node are about the platform"}
	// ErrApprovalRequired: the node takes this from an approved change request only.
	ErrApprovalRequired = &domain.Error{Kind: domain.Conflict, Code: "approval-required", Detail: "the node asks for approvals; open a change request"}
)

// at refuses whatever is no request about the node, and a step that its status does
// not allow.
func (r Request) at(n domain.NodeID, step string, from ...Status) error {
	switch {
	case r.Status == Absent || r.Node != n:
		return ErrNotFound
	case !slices.Contains(from, r.Status):
		return domain.ErrTransition.With(fmt.Sprintf("a change request that is %s cannot be %s; allowed: %s", r.Status, step, allowed[r.Status]))
	}
	return nil
}

// allowed says which commands a status leads on to, for people who are refused.
var allowed = map[Status]string{
	IsOpen:      "approve, edit, rebase, reject, cancel",
	IsApproved:  "apply, schedule, edit, rebase, reject, cancel",
	IsScheduled: "apply, schedule, edit, rebase, reject, cancel",
	IsApplying:  "apply",
	IsOutdated:  "rebase, edit, reject, cancel",
	IsFailed:    "rebase, edit, reject, cancel",
	IsApplied:   "nothing; propose the opposite",
	IsRejected:  "nothing",
	IsCancelled: "nothing",
}

var (
	unended = []Status{IsOpen, IsApproved, IsScheduled, IsOutdated, IsFailed}
	agreed  = []Status{IsApproved, IsScheduled}
	votable = []Status{IsOpen, IsApproved, IsScheduled}
)

// same reports whether two actors are one person, whoever they act for.
func same(a, b domain.Actor) bool {
	for _, x := range []string{a.ID, a.OnBehalfOf} {
		if x != "" && (x == b.ID || x == b.OnBehalfOf) {
			return true
		}
	}
	return false
}
