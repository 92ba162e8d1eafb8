package change

import "github.com/reeve-platform/reeve/domain"

// Begin has the command of an agreed request given from now on, whatever else happens
// to the request meanwhile. Only the product itself does.
type Begin struct {
	Node    domain.NodeID
	Request ID
	Edition int
}

// Applying: the command is being given. Nobody edits, rejects or cancels it any more.
type Applying struct {
	Request ID           `json:"request"`
	Edition int          `json:"edition"`
	By      domain.Actor `json:"by"`
}

// Halted: the command was refused to whoever applied it, and the request stands as it
// stood.
type Halted struct {
	Request ID     `json:"request"`
	Edition int    `json:"edition"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

// Change gives both statuses.
func (e Applying) Change() (before, after any) { return IsApproved, IsApplying }

// Change gives both statuses.
func (e Halted) Change() (before, after any) { return IsApplying, IsApproved }

// Stream names the request's history.
func (c Begin) Stream() domain.StreamID { return Stream(c.Request) }

// Reads names the node, which the fact belongs to.
func (c Begin) Reads(Request) []domain.StreamID { return domain.SiteStreams(c.Node) }

// Decide applies the rule.
func (c Begin) Decide(r Request, m domain.Meta) ([]domain.Event, error) {
	if err := r.at(c.Node, "applied", IsApproved, IsScheduled, IsApplying); err != nil {
		return nil, err
	}
	switch {
	case r.Edition != c.Edition:
		return nil, ErrNotApproved
	case r.Status == IsApplying:
		return nil, nil
	}
	return []domain.Event{Applying{c.Request, c.Edition, m.Actor}}, nil
}
