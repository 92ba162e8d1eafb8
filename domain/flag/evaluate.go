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

	NotEntitled Cause = "not-entitled" // the node's plan does not grant the flag
	Unmet       Cause = "prerequisite" // a flag that it depends on does not come to what it must
)

// An Evaluation is what a flag comes to at a node, and why.
type Evaluation struct {
	Value    json.RawMessage  `json:"value"`
	Variant  string           `json:"variant,omitempty"`
	Reason   Reason           `json:"reason"`
	Cause    Cause            `json:"cause"`
	Rule     string           `json:"rule,omitempty"`    // that matched: its name, or # and its index
	Bucket   *int             `json:"bucket,omitempty"`  // that the subject is in, if a split decided
	Blocker  string           `json:"blocker,omitempty"` // that turned it off: the flag it depends on, or what the gate said
	Decision cascade.Decision `json:"decision"`

	Prerequisites []Checked `json:"prerequisites,omitempty"` // as far as it came to asking
}

// An Input is what a flag is evaluated with, beside what nodes say about it.
type Input struct {
	Standing domain.Standing // how far the node may be used, its ancestors considered
	Node     domain.NodeID   // for the gate
	At       time.Time
	Context  *Context                   // nil: nobody in particular
	Segments func(SegmentKey) *Audience // nil, like an audience of nil: nobody belongs to any
	Gate     Gate                       // nil: everything is allowed
	Breaks   []time.Time                // instants, for a timeline, at which prerequisites or the gate may change

	// Prerequisites evaluates another flag with the input that it is given, which it
	// hands on unchanged; nil: none is ever met. It is asked once for each flag at each
	// place of a line.
	Prerequisites func(Key, Input) (Evaluation, error)
	depth         int                  // in a line of prerequisites
	outcomes      map[askedFor]outcome // of this evaluation, made where the first one is asked for
}

// A Gate tells whether a node may use a flag at an instant, and why not.
type Gate func(Key, domain.NodeID, time.Time) (allowed bool, why string)

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
	off, err := f.off(&in)
	if err != nil {
		return Evaluation{}, err
	}
	said, chosen := make([]cascade.Layer, len(layers)), make([]choice, len(layers))
	for i := range layers {
		chosen[i], said[i] = layers[i].choose(f.Key, &in), layers[i].Layer
		said[i].Value = chosen[i].Value
	}
	d := cascade.Resolve(f.Definition.Mode, f.Definition.Default, in.At, said...)
	if off.Cause != "" {
		off.Value, off.Variant, off.Reason, off.Decision = f.Definition.Off, f.Definition.variantOf(f.Definition.Off), Disabled, d
		return off, nil
	}
	e := f.decided(d, chosen)
	e.Prerequisites = off.Prerequisites
	return e, nil
}

// off tells whether something above the cascade turns the flag off, by its cause:
// its own life first, then the node's, then what the node is entitled to, then
// other flags.
func (f Flag) off(in *Input) (e Evaluation, err error) {
	if e.Cause, err = f.barred(in.Standing); e.Cause == "" && err == nil {
		f.gated(in, &e)
	}
	return e, err
}

// barred is the part of that for which the flag and the node are enough.
func (f *Flag) barred(standing domain.Standing) (Cause, error) {
	switch {
	case f.Status == StatusAbsent || f.Status == StatusArchived:
		return "", ErrNotFound
	case f.Status == StatusDraft:
		return IsDraft, nil
	case f.Status == StatusKilled:
		return IsKilled, nil
	case standing != domain.Usable:
		return NotActive, nil
	}
	return "", nil
}

func (f Flag) gated(in *Input, e *Evaluation) {
	if in.Gate != nil {
		if allowed, why := in.Gate(f.Key, in.Node, in.At); !allowed {
			e.Cause, e.Blocker = NotEntitled, why
			return
		}
	}
	if len(f.Prerequisites) == 0 {
		return
	}
	e.Prerequisites = f.checked(*in)
	for _, c := range e.Prerequisites {
		if !c.Met {
			e.Cause, e.Blocker = Unmet, string(c.Flag)
			return
		}
	}
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
