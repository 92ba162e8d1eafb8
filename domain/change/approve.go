package change

import (
	"slices"

	"github.com/reeve-platform/reeve/domain"
)

// Approve agrees to what the request changes, as its preview showed it.
type Approve struct {
	Node    domain.NodeID `json:"node" path:"node" doc:"The node that it is about."`
	Request ID            `json:"request" path:"request" doc:"The change request."`
	Seen    string        `json:"seen" maxLength:"100" doc:"Name of the preview that the request stood for when it was looked at."`
}

// Approved: somebody else than its authors agrees.
type Approved struct {
	Request ID           `json:"request"`
	Edition int          `json:"edition"`
	Preview string       `json:"preview"`
	By      domain.Actor `json:"by"`
}

// Change gives what was agreed to.
func (e Approved) Change() (before, after any) { return nil, e.Preview }

// Stream names the request's history.
func (c Approve) Stream() domain.StreamID { return Stream(c.Request) }

// Reads names the node, which the fact belongs to.
func (c Approve) Reads(Request) []domain.StreamID { return domain.SiteStreams(c.Node) }

// Decide applies the rule.
func (c Approve) Decide(r Request, m domain.Meta) ([]domain.Event, error) {
	if err := r.at(c.Node, "approved", votable...); err != nil {
		return nil, err
	}
	mine := func(a domain.Actor) bool { return same(a, m.Actor) }
	switch {
	case slices.ContainsFunc(r.Authors, mine):
		return nil, ErrOwnRequest
	case c.Seen != r.Foreseen.Preview:
		return nil, ErrOtherPreview.At("/seen", "is not the preview that the change request stands for")
	case slices.ContainsFunc(r.Approvals, mine):
		return nil, nil
	}
	return []domain.Event{Approved{c.Request, r.Edition, c.Seen, m.Actor}}, nil
}
