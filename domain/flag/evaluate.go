package flag

import (
	"encoding/json"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// A Reason is why a value is what it is, in the words of the OpenFeature Remote
// Evaluation Protocol.
type Reason string

// The reasons.
const (
	Static   Reason = "STATIC"
	Disabled Reason = "DISABLED"
)

// A Cause is the richer reason behind it.
type Cause string

// The causes.
const (
	ByDefault  Cause = "default"    // no node says otherwise
	ByOverride Cause = "override"   // a node says so
	ByLock     Cause = "lock"       // a node says so for all below it
	IsDraft    Cause = "draft"      // the flag is not in use yet
	IsKilled   Cause = "killed"     // the flag is off everywhere
	NotActive  Cause = "not-active" // the node may not be used
)

// An Evaluation is what a flag comes to at a node, and why.
type Evaluation struct {
	Value    json.RawMessage  `json:"value"`
	Variant  string           `json:"variant,omitempty"`
	Reason   Reason           `json:"reason"`
	Cause    Cause            `json:"cause"`
	Decision cascade.Decision `json:"decision"`
}

// Evaluate decides what a flag comes to at one instant. Standing is how far the
// node may be used, its ancestors considered; layers are the overrides from the
// platform down to the node. A flag that does not exist or is archived fails
// with ErrNotFound.
func Evaluate(f Flag, standing domain.Standing, at time.Time, layers ...cascade.Layer) (Evaluation, error) {
	cause, off, err := f.off(standing)
	if err != nil {
		return Evaluation{}, err
	}
	d := cascade.Resolve(f.Definition.Mode, f.Definition.Default, at, layers...)
	return f.evaluation(cause, off, d), nil
}

// off tells whether something above the cascade turns the flag off: its own life
// first, then the node's.
func (f Flag) off(standing domain.Standing) (Cause, bool, error) {
	switch {
	case f.Status == StatusAbsent || f.Status == StatusArchived:
		return "", false, ErrNotFound
	case f.Status == StatusDraft:
		return IsDraft, true, nil
	case f.Status == StatusKilled:
		return IsKilled, true, nil
	case standing != domain.Usable:
		return NotActive, true, nil
	}
	return "", false, nil
}

func (f Flag) evaluation(cause Cause, off bool, d cascade.Decision) Evaluation {
	if off {
		return Evaluation{f.Definition.Off, f.Definition.variantOf(f.Definition.Off), Disabled, cause, d}
	}
	cause = ByOverride
	switch {
	case d.Defaulted:
		cause = ByDefault
	case d.Decider.Locked:
		cause = ByLock
	}
	return Evaluation{d.Value, f.Definition.variantOf(d.Value), Static, cause, d}
}

// A Segment is a time during which an evaluation does not change. Zero ends are
// open; Until is exclusive.
type Segment struct {
	From, Until time.Time
	Evaluation  Evaluation
}

// Timeline gives the evaluation at every instant, without a clock: none for a
// flag that is not to be found.
func Timeline(f Flag, standing domain.Standing, layers ...cascade.Layer) []Segment {
	cause, off, err := f.off(standing)
	switch {
	case err != nil:
		return nil
	case off:
		return []Segment{{Evaluation: f.evaluation(cause, off, cascade.Decision{})}}
	}
	decisions := cascade.Timeline(f.Definition.Mode, f.Definition.Default, layers...)
	out := make([]Segment, len(decisions))
	for i, s := range decisions {
		out[i] = Segment{s.From, s.Until, f.evaluation("", false, s.Decision)}
	}
	return out
}
