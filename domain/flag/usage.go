package flag

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// A Use counts evaluations of a flag at a node. Those of all flags at once are counted
// by themselves, for they do not tell which of them anybody looked at.
type Use struct {
	Node  domain.NodeID `json:"node"`
	Flag  Key           `json:"flag,omitempty"` // none for all at once
	Count int           `json:"count"`
	First time.Time     `json:"first"`
	Last  time.Time     `json:"last"`
}

// RecordUse records that flags were evaluated, long after and many times in one. Only
// the product itself does.
type RecordUse Use

// Evaluated: between First and Last a flag was evaluated so often at the node.
type Evaluated Use

// ErrUse: what was counted must have a node, a count and two instants in order.
var ErrUse = &domain.Error{Kind: domain.Invalid, Code: "invalid-use", Detail: "a use needs a node, a count and two instants in order"}

const usageCategory = "flagusage-"

// UsageStream names what was evaluated at a node.
func UsageStream(n domain.NodeID) domain.StreamID { return domain.StreamID(usageCategory + n) }

// Stream names what was evaluated at the node.
func (c RecordUse) Stream() domain.StreamID { return UsageStream(c.Node) }

// Fleeting: nobody repeats a count, and there may be very many.
func (c RecordUse) Fleeting() {}

// Reads names the node, which the fact belongs to.
func (c RecordUse) Reads(Usage) []domain.StreamID { return domain.SiteStreams(c.Node) }

// Usage is what the rule needs to remember: only whose the node is.
type Usage struct{ site domain.Site }

// Evolve folds one event of the node.
func (u Usage) Evolve(e domain.Event) Usage {
	u.site = u.site.Evolve(e)
	return u
}

// Owner is the node itself.
func (u Usage) Owner() domain.Owner { return u.site.Owner() }

// Decide records whatever makes sense: what was evaluated was evaluated.
func (c RecordUse) Decide(Usage, domain.Meta) ([]domain.Event, error) {
	if c.Node == "" || c.Count < 1 || c.First.IsZero() || c.Last.Before(c.First) || c.Flag != "" && !keyGrammar.MatchString(string(c.Flag)) {
		return nil, ErrUse
	}
	return []domain.Event{Evaluated(c)}, nil
}
