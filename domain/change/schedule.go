package change

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// Schedule has an approved request applied at an instant, if it still changes then
// what was approved.
type Schedule struct {
	Node    domain.NodeID `json:"node" path:"node" doc:"The node that it is about."`
	Request ID            `json:"request" path:"request" doc:"The change request."`
	At      time.Time     `json:"at" doc:"When it is to be applied."`
}

// Scheduled: the request is applied at an instant.
type Scheduled struct {
	Request ID           `json:"request"`
	At      time.Time    `json:"at"`
	Before  *time.Time   `json:"before,omitempty"` // when it was to be applied
	By      domain.Actor `json:"by"`
}

// Change gives both instants.
func (e Scheduled) Change() (before, after any) { return e.Before, e.At }

// Stream names the request's history.
func (c Schedule) Stream() domain.StreamID { return Stream(c.Request) }

// Reads names the node, which the fact belongs to.
func (c Schedule) Reads(Request) []domain.StreamID { return domain.SiteStreams(c.Node) }

// Decide applies the rule.
func (c Schedule) Decide(r Request, m domain.Meta) ([]domain.Event, error) {
	if r.Node == c.Node && r.Status == IsOpen {
		return nil, ErrNotApproved
	}
	if err := r.at(c.Node, "scheduled", agreed...); err != nil {
		return nil, err
	}
	at := c.At.UTC().Truncate(time.Millisecond)
	switch {
	case !at.After(m.At):
		return nil, ErrDue.At("/at", "must be later than now")
	case at.Equal(r.Due):
		return nil, nil
	}
	e := Scheduled{c.Request, at, nil, m.Actor}
	if !r.Due.IsZero() {
		e.Before = &r.Due
	}
	return []domain.Event{e}, nil
}
