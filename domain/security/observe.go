package security

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// Others is the operation of a record that counts what was too much to tell apart.
const Others = "others"

// Observe records what was refused. Only the product itself does.
type Observe Observed

// Observed: between First and Last somebody was refused so often.
type Observed struct {
	Kind          Kind          `json:"kind"`
	Node          domain.NodeID `json:"node"`                          // where it is kept
	Principal     string        `json:"principal,omitempty"`           // id, if known; where the credential was refused it is only claimed
	PrincipalType string        `json:"principalType,omitempty"`       // as of actors
	Source        string        `json:"source,omitempty" pii:"person"` // address that was seen last
	Operation     string        `json:"operation"`                     // pattern of a route, or name of an entry; Others
	Count         int           `json:"count"`
	First         time.Time     `json:"first"`
	Last          time.Time     `json:"last"`
}

// And is both in one record, told as c is.
func (c Observe) And(more Observe) Observe {
	c.Count += more.Count
	if more.First.Before(c.First) {
		c.First = more.First
	}
	if more.Last.After(c.Last) {
		c.Last = more.Last
		c.Source = more.Source
	}
	return c
}

// Among is the record with nothing left but what all of the kind have in common.
func (c Observe) Among() Observe {
	c.Principal, c.PrincipalType, c.Source, c.Operation = "", "", "", Others
	return c
}

// Stream names what happened at the doors of the node.
func (c Observe) Stream() domain.StreamID { return Stream(c.Node) }

// Fleeting: nobody repeats an observation, and there may be very many.
func (c Observe) Fleeting() {}

// Reads names the node, which the fact belongs to.
func (c Observe) Reads(Watch) []domain.StreamID { return domain.SiteStreams(c.Node) }

// Decide records whatever makes sense: what was seen was seen, and the same once
// more is another fact.
func (c Observe) Decide(Watch, domain.Meta) ([]domain.Event, error) {
	if !c.Kind.Known() || c.Node == "" || c.Operation == "" || c.Count < 1 || c.First.IsZero() || c.Last.Before(c.First) {
		return nil, ErrObservation
	}
	return []domain.Event{Observed(c)}, nil
}
