// Package platform is the life of the one root of the tree.
package platform

import "github.com/reeve-platform/reeve/domain"

// Events is everything that can have happened to the platform.
var Events = domain.Vocabulary{
	domain.Define[AdministratorAppointed]("PlatformAdministratorAppointed", 1),
	domain.Define[Established]("PlatformEstablished", 1),
}

// Stream is the platform's history.
const Stream = domain.PlatformStream

// Established: the platform exists, and keyed names in this log are made with
// the key that KeyCheck is a digest of.
type Established struct {
	Node     domain.NodeID `json:"node"`
	KeyCheck string        `json:"keyCheck"`
}

// Placed puts the platform at the root of the tree.
func (e Established) Placed() (node domain.NodeID, level domain.Level, parent domain.NodeID) {
	return e.Node, domain.PlatformLevel, ""
}

// Stands reports that the root is always usable.
func (e Established) Stands() (node domain.NodeID, standing domain.Standing) {
	return e.Node, domain.Usable
}

// Platform is what the rules remember of the root.
type Platform struct{ KeyCheck, Administrator string }

// Evolve folds one event.
func (p Platform) Evolve(e domain.Event) Platform {
	switch e := e.(type) {
	case Established:
		p.KeyCheck = e.KeyCheck
	case AdministratorAppointed:
		p.Administrator = e.Administrator
	}
	return p
}

// ErrKey: the key file is not the one this log was begun with. Going on would
// give every keyed name a second meaning.
var ErrKey = &domain.Error{Kind: domain.Invalid, Code: "wrong-key", Detail: "the key file is not the one this log was begun with; names in the log would change their meaning"}

// Establish brings the platform into being at the first start, and proves at
// every later one that the same key is in use.
type Establish struct{ KeyCheck string }

// Stream is where the decision is made.
func (c Establish) Stream() domain.StreamID { return Stream }

// Decide establishes once.
func (c Establish) Decide(p Platform, _ domain.Meta) ([]domain.Event, error) {
	switch {
	case p.KeyCheck == c.KeyCheck:
		return nil, nil
	case p.KeyCheck != "":
		return nil, ErrKey
	}
	return []domain.Event{Established{Node: domain.PlatformID, KeyCheck: c.KeyCheck}}, nil
}
