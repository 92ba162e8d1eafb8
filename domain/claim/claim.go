// Package claim keeps values unique across streams, such as slugs and business
// names, and remembers which id a keyed request chose.
//
// Each value has a stream of its own, and the log lets only one writer begin or
// continue it. A value is reserved before the fact that will hold it is written,
// confirmed after, and released when it is given back or the fact never came:
//
//	free -> reserved -> confirmed -> free
//	        reserved -> free
//
// A reservation names the facts it was made for, so that whoever finds one left
// open can ask the holder's stream whether one of them came true. Values are named
// by a keyed hash, because names in the log outlive every erasure.
package claim

import (
	"slices"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// Events is everything that can ever have happened to a value or a keyed request.
var Events = domain.Vocabulary{
	domain.Define[Reserved]("ValueReserved", 1),
	domain.Define[Confirmed]("ValueConfirmed", 1),
	domain.Define[Released]("ValueReleased", 1),
	domain.Define[IdentifierChosen]("IdentifierChosen", 1),
}

// Stream names the history of one value of a kind. The digest is a keyed hash of
// the normalised value.
func Stream(kind, digest string) domain.StreamID {
	return domain.StreamID("uniq-" + kind + "-" + digest)
}

// Status is how firmly a value is held.
type Status string

// The statuses. Free is the zero value.
const (
	StatusFree      Status = ""
	StatusReserved  Status = "reserved"  // for a fact that is being written
	StatusConfirmed Status = "confirmed" // the fact is there
)

// Value is what the rules need to remember of one value.
type Value struct {
	Status Status
	Kind   string
	Holder domain.StreamID
	Facts  []uuid.UUID // it was reserved for; commands of one holder may race each other to it
}

// Evolve folds one event.
func (v Value) Evolve(e domain.Event) Value {
	switch e := e.(type) {
	case Reserved:
		return Value{StatusReserved, e.Kind, e.Holder, append(slices.Clip(v.Facts), e.Command)}
	case Confirmed:
		v.Status, v.Facts = StatusConfirmed, nil
	case Released:
		return Value{}
	}
	return v
}

// waitsOnlyFor reports that a reservation is of no use once that fact is known
// never to come.
func (v Value) waitsOnlyFor(fact uuid.UUID) bool {
	return v.Status == StatusReserved && len(v.Facts) == 1 && v.Facts[0] == fact
}

// ErrNotHeld: only who holds a value can confirm it or give it back.
var ErrNotHeld = &domain.Error{Kind: domain.Conflict, Code: "value-not-held", Detail: "the value is not held by that stream"}
