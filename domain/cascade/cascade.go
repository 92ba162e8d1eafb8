// Package cascade decides which of several layered values applies, and says why.
//
// What one node of the tree says about one key is a [Layer]. [Resolve] walks the
// layers from the platform down, at one instant: the highest locked layer in
// force wins, otherwise the deepest. It is one pure function for everything that
// cascades; what differs between families of keys is data, the merge mode and
// the fallback, never code.
package cascade

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// A Layer is what one node says about one key.
type Layer struct {
	Level  domain.Level    `json:"level"`
	Node   domain.NodeID   `json:"node"`
	Value  json.RawMessage `json:"value,omitempty"`  // nil: says nothing
	Locked bool            `json:"locked,omitempty"` // nobody below may differ
	From   time.Time       `json:"validFrom,omitzero"`
	Until  time.Time       `json:"validUntil,omitzero"` // exclusive
	Origin Origin          `json:"origin,omitzero"`
}

// An Origin is the fact that said so.
type Origin struct {
	EventID  uuid.UUID `json:"eventId,omitzero"`
	Position uint64    `json:"position,omitempty"`
	Actor    string    `json:"actor,omitempty"`
	At       time.Time `json:"at,omitzero"`
	Reason   string    `json:"reason,omitempty"`
}

// OriginOf is a fact as far as an explanation tells of it.
func OriginOf(r domain.Recorded) Origin {
	return Origin{EventID: r.ID, Position: r.Position, Actor: r.Meta.Actor.ID, At: r.Meta.At, Reason: r.Meta.Reason}
}

// Bare is what may be told of the fact to those who do not see the node that it is
// of: which one it was, and neither who said so nor why.
func (o Origin) Bare() Origin { return Origin{EventID: o.EventID, Position: o.Position} }

// A Ruling is a layer's part in a decision.
type Ruling string

// The rulings.
const (
	Set        Ruling = "set"        // the value is this layer's
	Merged     Ruling = "merged"     // the value contains this layer's
	Overridden Ruling = "overridden" // a layer below says otherwise
	LockedOut  Ruling = "locked-out" // a layer above holds a lock
	TooLoose   Ruling = "too-loose"  // it allows more than what was decided above, which counts
	NotYet     Ruling = "not-yet"    // its validity has not begun
	Expired    Ruling = "expired"    // its validity is over
	Silent     Ruling = "silent"     // it says nothing
)

// A Verdict is one layer and its part in the decision.
type Verdict struct {
	Layer
	Ruling Ruling `json:"ruling"`
}

// A Decision is a value and the whole story of how it came about.
type Decision struct {
	Value     json.RawMessage `json:"value"`
	Defaulted bool            `json:"defaulted,omitempty"` // no layer had a say: the value is the fallback
	Decider   Layer           `json:"decider,omitzero"`    // the last layer whose say counted
	Story     []Verdict       `json:"story"`               // every layer, from the platform down
}

// Resolve decides at one instant. Layers must be in order from the platform
// down, at most one for each level; the fallback stands above all of them.
func Resolve(mode Mode, fallback json.RawMessage, at time.Time, layers ...Layer) Decision {
	d := Decision{Value: fallback, Defaulted: true, Story: make([]Verdict, 0, len(layers))}
	locked := false
	for _, l := range layers {
		v := Verdict{l, l.inForce(at)}
		switch {
		case v.Ruling != Set:
		case locked:
			v.Ruling = LockedOut
		default:
			v.Ruling = d.take(mode, l)
			locked = l.Locked
		}
		d.Story = append(d.Story, v)
	}
	return d
}

// A Say is all that matters of a layer for which one decides.
type Say struct {
	InForce bool // it has a value, and the instant lies in its validity
	Locked  bool
}

// Decider is the index of the layer that decides in mode [Replace], from the
// platform down; -1 if none has a say. It is [Resolve] for those who ask often and
// want no story.
func Decider(layers []Say) int {
	decider := -1
	for i, l := range layers {
		if !l.InForce {
			continue
		}
		if decider = i; l.Locked {
			break
		}
	}
	return decider
}

// take lets a layer have its say over what was decided above it. One that would
// only loosen changes nothing, and so does not decide; its lock still holds.
func (d *Decision) take(mode Mode, l Layer) Ruling {
	value := mode.combine(d.Value, l.Value)
	if mode == Restrict && Same(value, d.Value) && !Tightens(d.Value, l.Value) {
		return TooLoose
	}
	for i := range d.Story {
		if r := d.Story[i].Ruling; r == Set || r == Merged {
			d.Story[i].Ruling = mode.above()
		}
	}
	d.Value, d.Decider, d.Defaulted = value, l, false
	return Set
}

// inForce gives Set for a layer that has a say at an instant, and why not for
// another.
func (l Layer) inForce(at time.Time) Ruling {
	switch {
	case l.Value == nil:
		return Silent
	case at.Before(l.From):
		return NotYet
	case !l.Until.IsZero() && !at.Before(l.Until):
		return Expired
	}
	return Set
}

// A Segment is a time during which a decision does not change. Zero ends are
// open; Until is exclusive.
type Segment struct {
	From, Until time.Time
	Decision    Decision
}

// Timeline gives the decision at every instant: the segments cover all time, in
// order. It depends on nothing but the layers, so that a read model of it needs
// no clock.
func Timeline(mode Mode, fallback json.RawMessage, layers ...Layer) []Segment {
	breaks := Breaks(layers)
	out := make([]Segment, 0, len(breaks)+1)
	from := time.Time{}
	for _, until := range append(breaks, time.Time{}) {
		d := Resolve(mode, fallback, from, layers...)
		if n := len(out); n > 0 && out[n-1].Decision.decidesLike(d) {
			out[n-1].Until = until
		} else {
			out = append(out, Segment{from, until, d})
		}
		from = until
	}
	return out
}

// Breaks are the instants at which a layer comes into force or falls out of it,
// in order.
func Breaks(layers []Layer) []time.Time {
	var all []time.Time
	for _, l := range layers {
		for _, t := range []time.Time{l.From, l.Until} {
			if !t.IsZero() && l.Value != nil {
				all = append(all, t)
			}
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// decidesLike reports whether two decisions have the same value by the same layer.
func (d Decision) decidesLike(o Decision) bool {
	return d.Defaulted == o.Defaulted && d.Decider.Level == o.Decider.Level && d.Decider.Locked == o.Decider.Locked && string(d.Value) == string(o.Value)
}
