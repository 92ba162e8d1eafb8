package flag

import (
	"encoding/json"
	"iter"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// An Answer is what a flag comes to, and which fact decided.
type Answer struct {
	Value      json.RawMessage
	Variant    string
	Reason     Reason
	Cause      Cause
	Rule       string // that matched
	Bucket     int    // that the subject is in, if a split decided; else -1
	Blocker    string // that turned the flag off: the flag it depends on, or what the gate said
	Locked     bool   // the fact that decided holds against every node below
	Deprecated bool
	Level      domain.Level // at which it was decided, empty if no node did
	Position   uint64       // of the fact that decided
	by         uuid.UUID
}

// Decider is the node that decided, empty if none did.
func (a *Answer) Decider() domain.NodeID {
	if a.Level == "" {
		return ""
	}
	return nodeOf(a.by)
}

// Evaluate answers for one flag. Error: ErrNotFound.
func (v *View) Evaluate(k Key) (Answer, error) {
	e, f, err := v.find(k)
	if err != nil {
		return Answer{}, err
	}
	return v.evaluate(e, f)
}

// find is a flag as it was at the position of the view.
func (v *View) find(k Key) (*entry, *edition, error) {
	if e := v.book.flags.get(k); e != nil {
		if f := e.as(v.position); f != nil {
			return e, f, nil
		}
	}
	return nil, nil, ErrNotFound
}

func (v *View) evaluate(e *entry, f *edition) (Answer, error) {
	cause, err := f.barred(v.in.Standing)
	switch {
	case err != nil:
		return Answer{}, err
	case cause != "":
		return v.disabled(f, cause), nil
	case f.Definition.Mode == cascade.Replace && len(f.Prerequisites) == 0 && v.in.Gate == nil:
		return v.replaced(e, f), nil
	}
	return v.told(e, f)
}

// Explain is the whole story of an answer. Of the facts behind it only the positions
// are known here; that of the one that decided is given, too. Error: ErrNotFound.
func (v *View) Explain(k Key) (Flag, Evaluation, uint64, error) {
	e, f, err := v.find(k)
	if err != nil {
		return Flag{}, Evaluation{}, 0, err
	}
	r, err := v.explained(e, f, v.in)
	return f.Flag, r, v.decided(f, &r), err
}

// explained evaluates with everything that is known of the levels and of the flags
// that it depends on.
func (v *View) explained(e *entry, f *edition, in Input) (Evaluation, error) {
	in.Prerequisites = v.prerequisite
	return Evaluate(f.Flag, in, v.layers(e)...)
}

// prerequisite evaluates a flag that another depends on.
func (v *View) prerequisite(k Key, in Input) (Evaluation, error) {
	e, f, err := v.find(k)
	if err != nil {
		return Evaluation{}, err
	}
	return v.explained(e, f, in)
}

// decided is the position of the fact that an evaluation rests on.
func (v *View) decided(f *edition, e *Evaluation) uint64 {
	switch {
	case e.Cause == IsDraft || e.Cause == IsKilled:
		return f.settled
	case e.Cause == NotActive && v.shuts != nil:
		return v.shuts.stood()
	case e.Cause == Unmet:
		return f.bound
	case e.Cause == NotActive || e.Cause == NotEntitled:
		return 0
	case e.Decision.Defaulted:
		return f.defined
	}
	return e.Decision.Decider.Origin.Position
}

// told is an answer that takes the whole story to find.
func (v *View) told(e *entry, f *edition) (Answer, error) {
	seen := *v // so that the usual way, which asks for no other flags, leaves nothing behind
	r, err := seen.explained(e, f, seen.in)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Value: r.Value, Variant: r.Variant, Reason: r.Reason, Rule: r.Rule, Bucket: nobody, Cause: r.Cause, Blocker: r.Blocker, Position: seen.decided(f, &r), Deprecated: f.deprecated()}
	if r.Bucket != nil {
		a.Bucket = *r.Bucket
	}
	if d := r.Decision.Decider; r.Reason != Disabled && !r.Decision.Defaulted {
		a.Level, a.Locked, a.by = d.Level, d.Locked, idOf(d.Node)
	}
	return a, nil
}

func (v *View) disabled(f *edition, cause Cause) Answer {
	a := Answer{Value: f.Definition.Off, Variant: f.name(f.Definition.Off), Reason: Disabled, Cause: cause, Bucket: nobody, Position: f.settled, Deprecated: f.deprecated()}
	if cause == NotActive && v.shuts != nil {
		a.Position = v.shuts.stood()
	}
	return a
}

func (f *edition) deprecated() bool { return f.Status == StatusDeprecated }

// replaced is the cascade where the deciding level says it all.
func (v *View) replaced(e *entry, f *edition) Answer {
	var says [len(v.line)]cascade.Say
	var said [len(v.line)]saying
	var chosen [len(v.line)]choice
	for level, s := range v.line {
		if s == nil {
			continue
		}
		if n := v.book.says(s, e.number, v.position); n.said != nil {
			said[level], chosen[level] = n, n.said.choose(e.key, &v.in)
			says[level] = n.said.say(&chosen[level], v.in.At)
		}
	}
	level := cascade.Decider(says[:])
	if level < 0 {
		return Answer{Value: f.Definition.Default, Variant: f.name(f.Definition.Default), Reason: Static, Cause: ByDefault, Bucket: nobody, Position: f.defined, Deprecated: f.deprecated()}
	}
	n, c := &said[level], &chosen[level]
	a := Answer{
		Value: c.Value, Variant: f.name(c.Value), Reason: c.reason, Rule: c.rule, Bucket: c.bucket, Cause: ByOverride, Locked: says[level].Locked,
		Level: levels[level+1], Position: n.origin(), Deprecated: f.deprecated(), by: v.line[level].id,
	}
	if a.Locked {
		a.Cause = ByLock
	}
	return a
}

// layers is one layer for each of the four levels, silent where nothing is said.
// Of the facts behind them only the positions are known here.
func (v *View) layers(e *entry) []Layer {
	out := make([]Layer, len(v.line))
	for i, s := range v.line {
		out[i].Level = levels[i+1]
		if s == nil {
			continue
		}
		node := nodeOf(s.id)
		if n := v.book.says(s, e.number, v.position); n.said != nil {
			out[i] = n.said.layer
			out[i].Level, out[i].Origin.Position = levels[i+1], n.origin()
		}
		out[i].Node = node
	}
	return out
}

// All answers for every flag that there is to be found, in the order of their
// keys, until yield returns false.
func (v *View) All(yield func(Key, Answer) bool) {
	all := *v
	all.in.outcomes = map[askedFor]outcome{} // what one flag found out of others serves the rest
	for _, e := range *v.book.listed.Load() {
		f := e.as(v.position)
		if f == nil {
			continue
		}
		if a, err := all.evaluate(e, f); err == nil && !yield(e.key, a) {
			return
		}
	}
}

// Keys are those of the flags that were defined, in their order, after one of them.
func (v *View) Keys(after Key) iter.Seq[Key] {
	return func(yield func(Key) bool) {
		for _, e := range *v.book.listed.Load() {
			if e.key > after && e.as(v.position) != nil && !yield(e.key) {
				return
			}
		}
	}
}
