package change

import "github.com/reeve-platform/reeve/domain"

// Require says how many approvals a node asks for before flags are changed at it. A
// flag can be killed without.
type Require struct {
	Node      domain.NodeID `json:"node" path:"node" doc:"The node; platform for definitions, segments and what the platform says."`
	Approvals int           `json:"approvals" minimum:"0" maximum:"5" doc:"How many approvals; 0 for none."`
	Below     bool          `json:"below,omitempty" doc:"Whether all nodes below ask for as many, at least."`
}

// ApprovalsRequired: the node asks for so many approvals.
type ApprovalsRequired struct {
	Node      domain.NodeID `json:"node"`
	Approvals int           `json:"approvals"`
	Below     bool          `json:"below,omitempty"`
	Before    *Rule         `json:"before,omitempty"`
}

// A Rule is how many approvals a node asks for.
type Rule struct {
	Approvals int  `json:"approvals"`
	Below     bool `json:"below,omitempty"`
}

// Requires tells the node, the number, and whether that is for all below it, too.
func (e ApprovalsRequired) Requires() (node domain.NodeID, approvals int, below bool) {
	return e.Node, e.Approvals, e.Below
}

// Change gives both rules.
func (e ApprovalsRequired) Change() (before, after any) {
	if e.Before == nil {
		return nil, Rule{e.Approvals, e.Below}
	}
	return *e.Before, Rule{e.Approvals, e.Below}
}

// A Place is a node and its rule.
type Place struct {
	Rule *Rule
	site domain.Site
}

// Evolve folds one event.
func (p Place) Evolve(e domain.Event) Place {
	if e, ok := e.(ApprovalsRequired); ok {
		p.Rule = &Rule{e.Approvals, e.Below}
		return p
	}
	p.site = p.site.Evolve(e)
	return p
}

// Owner is the node.
func (p Place) Owner() domain.Owner { return p.site.Owner() }

// Stream names the history of the node's rule.
func (c Require) Stream() domain.StreamID { return domain.StreamID("approvals-" + c.Node) }

// Reads names the node.
func (c Require) Reads(Place) []domain.StreamID { return domain.SiteStreams(c.Node) }

// Decide applies the rule.
func (c Require) Decide(p Place, _ domain.Meta) ([]domain.Event, error) {
	if err := p.site.Takes(c.Node); err != nil {
		return nil, err
	}
	after := Rule{c.Approvals, c.Below && c.Approvals > 0}
	if p.Rule == nil && after.Approvals == 0 || p.Rule != nil && *p.Rule == after {
		return nil, nil
	}
	return []domain.Event{ApprovalsRequired{c.Node, after.Approvals, after.Below, p.Rule}}, nil
}
