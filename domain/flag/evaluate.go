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
	Static         Reason = "STATIC"
	TargetingMatch Reason = "TARGETING_MATCH" // a rule says so
	BySplit        Reason = "SPLIT"           // a share of a split says so
	Disabled       Reason = "DISABLED"
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
	Rule     string           `json:"rule,omitempty"`   // that matched: its name, or # and its index
	Bucket   *int             `json:"bucket,omitempty"` // that the subject is in, if a split decided
	Decision cascade.Decision `json:"decision"`
}

// An Input is what a flag is evaluated with, beside what nodes say about it.
type Input struct {
	Standing domain.Standing // how far the node may be used, its ancestors considered
	At       time.Time
	Context  *Context                   // nil: nobody in particular
	Segments func(SegmentKey) *Audience // nil, like an audience of nil: nobody belongs to any
}

func (in *Input) audience(k SegmentKey) *Audience {
	if in.Segments == nil {
		return nil
	}
	return in.Segments(k)
}

// Evaluate decides what a flag comes to at one instant. Layers are the overrides
// from the platform down to the node; what each says to the context is chosen
// first, and the cascade then decides among that. A flag that does not exist or is
// archived fails with ErrNotFound.
func Evaluate(f Flag, in Input, layers ...Layer) (Evaluation, error) {
	cause, off, err := f.off(in.Standing)
	if err != nil {
		return Evaluation{}, err
	}
	said, chosen := make([]cascade.Layer, len(layers)), make([]choice, len(layers))
	for i := range layers {
		chosen[i], said[i] = layers[i].choose(f.Key, &in), layers[i].Layer
		said[i].Value = chosen[i].Value
	}
	d := cascade.Resolve(f.Definition.Mode, f.Definition.Default, in.At, said...)
	if off {
		return Evaluation{Value: f.Definition.Off, Variant: f.Definition.variantOf(f.Definition.Off), Reason: Disabled, Cause: cause, Decision: d}, nil
	}
	return f.decided(d, chosen), nil
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

// decided tells what a decision is due to. Chosen is what each layer of its story
// said to the context.
func (f Flag) decided(d cascade.Decision, chosen []choice) Evaluation {
	e := Evaluation{Value: d.Value, Variant: f.Definition.variantOf(d.Value), Reason: Static, Cause: ByOverride, Decision: d}
	switch {
	case d.Defaulted:
		e.Cause = ByDefault
		return e
	case d.Decider.Locked:
		e.Cause = ByLock
	}
	for i, v := range d.Story {
		if v.Level == d.Decider.Level && v.Ruling == cascade.Set {
			e.tell(chosen[i])
		}
	}
	return e
}

// tell explains how the deciding layer came to say what it says.
func (e *Evaluation) tell(c choice) {
	e.Reason, e.Rule = c.reason, c.rule
	if c.bucket != nobody {
		e.Bucket = &c.bucket
	}
}
