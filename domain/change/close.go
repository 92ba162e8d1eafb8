package change

import "github.com/reeve-platform/reeve/domain"

// Reject ends a request: it is not to be.
type Reject struct {
	Node    domain.NodeID `json:"node" path:"node" doc:"The node that it is about."`
	Request ID            `json:"request" path:"request" doc:"The change request."`
	Note    string        `json:"note,omitempty" maxLength:"500" doc:"Why, for its author."`
}

// Cancel takes a request back.
type Cancel struct {
	Node    domain.NodeID `json:"node" path:"node" doc:"The node that it is about."`
	Request ID            `json:"request" path:"request" doc:"The change request."`
}

// Rejected: the request has ended without effect.
type Rejected struct {
	Request ID           `json:"request"`
	From    Status       `json:"from"`
	Note    string       `json:"note,omitempty" pii:"person"`
	By      domain.Actor `json:"by"`
}

// Cancelled: the request was taken back.
type Cancelled struct {
	Request ID           `json:"request"`
	From    Status       `json:"from"`
	By      domain.Actor `json:"by"`
}

// Change gives both statuses.
func (e Rejected) Change() (before, after any) { return e.From, IsRejected }

// Change gives both statuses.
func (e Cancelled) Change() (before, after any) { return e.From, IsCancelled }

// Stream names the request's history.
func (c Reject) Stream() domain.StreamID { return Stream(c.Request) }

// Reads names the node, which the fact belongs to.
func (c Reject) Reads(Request) []domain.StreamID { return domain.SiteStreams(c.Node) }

// Decide applies the rule.
func (c Reject) Decide(r Request, m domain.Meta) ([]domain.Event, error) {
	if r.Node == c.Node && r.Status == IsRejected {
		return nil, nil
	}
	if err := r.at(c.Node, "rejected", unended...); err != nil {
		return nil, err
	}
	return []domain.Event{Rejected{c.Request, r.Status, c.Note, m.Actor}}, nil
}

// Stream names the request's history.
func (c Cancel) Stream() domain.StreamID { return Stream(c.Request) }

// Reads names the node, which the fact belongs to.
func (c Cancel) Reads(Request) []domain.StreamID { return domain.SiteStreams(c.Node) }

// Decide applies the rule.
func (c Cancel) Decide(r Request, m domain.Meta) ([]domain.Event, error) {
	if r.Node == c.Node && r.Status == IsCancelled {
		return nil, nil
	}
	if err := r.at(c.Node, "cancelled", unended...); err != nil {
		return nil, err
	}
	return []domain.Event{Cancelled{c.Request, r.Status, m.Actor}}, nil
}
