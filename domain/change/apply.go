package change

import (
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// Apply gives the command that an approved request proposes, held to what was
// approved. Whoever asks for it must be allowed to give the command, and so must its
// author still be.
type Apply struct {
	Node    domain.NodeID `json:"node" path:"node" doc:"The node that it is about."`
	Request ID            `json:"request" path:"request" doc:"The change request."`
}

// Ready refuses a request that is not to be applied at an instant: one that is not
// approved by as many as are needed by now, of those who may still approve. A request
// that is applied, or is being, was ready.
func (r Request) Ready(n domain.NodeID, required int, still func(domain.Actor) bool) error {
	if r.Node == n && r.Status == IsOpen {
		return ErrNotApproved
	}
	if err := r.at(n, "applied", IsApproved, IsScheduled, IsApplying, IsApplied); err != nil || r.Status == IsApplied || r.Status == IsApplying {
		return err
	}
	standing := 0
	for _, a := range r.Approvals {
		if still(a) {
			standing++
		}
	}
	if standing < max(required, r.Foreseen.needed()) {
		return ErrNotApproved
	}
	return nil
}

// IsDue reports whether the request is to be applied by itself at an instant, or was
// begun to be and nobody came to the end of it.
func (r Request) IsDue(at time.Time) bool {
	return r.Status == IsScheduled && !at.Before(r.Due) || r.Status == IsApplying
}

// Conclude records what became of a request when it was applied: nothing but what
// the write path has seen.
type Conclude struct {
	Node    domain.NodeID
	Request ID
	Edition int
	Outcome domain.Event // Applied, Halted, Outdated or Failed
}

// Applied: the command was given, as it was approved.
type Applied struct {
	Request  ID              `json:"request"`
	Edition  int             `json:"edition"`
	Stream   domain.StreamID `json:"stream"`
	Revision uint64          `json:"revision"` // of the last event that came of it
	Position uint64          `json:"position"`
	Types    []string        `json:"types"` // of the events, none if it was so already
	By       domain.Actor    `json:"by"`
}

// Outdated: the command would not change what was approved any more. It was not given.
type Outdated struct {
	Request ID     `json:"request"`
	Edition int    `json:"edition"`
	Detail  string `json:"detail"`
}

// Failed: the command was refused when it was due.
type Failed struct {
	Request ID     `json:"request"`
	Edition int    `json:"edition"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

// Change gives what came of it.
func (e Applied) Change() (before, after any) { return nil, e.Types }

// Change gives both statuses.
func (e Outdated) Change() (before, after any) { return IsApproved, IsOutdated }

// Change gives both statuses.
func (e Failed) Change() (before, after any) { return IsScheduled, IsFailed }

// Stream names the request's history.
func (c Conclude) Stream() domain.StreamID { return Stream(c.Request) }

// Reads names the node, which the fact belongs to.
func (c Conclude) Reads(Request) []domain.StreamID { return domain.SiteStreams(c.Node) }

// Decide applies the rule. What was given cannot be taken back by what became of the
// request meanwhile, so that is recorded whatever its status is by now.
func (c Conclude) Decide(r Request, _ domain.Meta) ([]domain.Event, error) {
	_, given := c.Outcome.(Applied)
	stands := r.Edition == c.Edition && (r.Status == IsApplying || slices.Contains(agreed, r.Status))
	switch {
	case r.Status == Absent || r.Node != c.Node:
		return nil, ErrNotFound
	case r.Status == IsApplied, !given && !stands:
		return nil, nil
	}
	return []domain.Event{c.Outcome}, nil
}
