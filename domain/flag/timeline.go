package flag

import (
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain/cascade"
)

// A Span is a time during which an evaluation does not change. Zero ends are
// open; Until is exclusive.
type Span struct {
	From, Until time.Time
	Evaluation  Evaluation
}

// Timeline gives the evaluation at every instant, without a clock: the spans cover
// all time, in order. There are none for a flag that is not to be found. The
// instant of the input is of no matter.
func Timeline(f Flag, in Input, layers ...Layer) []Span {
	breaks := inOrder(append(Breaks(layers), in.Breaks...))
	out := make([]Span, 0, len(breaks)+1)
	from := time.Time{}
	for _, until := range append(breaks, time.Time{}) {
		in.At = from
		e, err := Evaluate(f, in, layers...)
		if err != nil {
			return nil
		}
		if e.Reason == Disabled {
			e.Decision = cascade.Decision{} // it did not count
		}
		if n := len(out); n > 0 && out[n-1].Evaluation.like(e) {
			out[n-1].Until = until
		} else {
			out = append(out, Span{from, until, e})
		}
		from = until
	}
	return out
}

// like reports whether two evaluations come to the same for the same reason.
func (e Evaluation) like(o Evaluation) bool {
	return e.Reason == o.Reason && e.Cause == o.Cause && e.Rule == o.Rule && e.Blocker == o.Blocker && string(e.Value) == string(o.Value) &&
		e.Decision.Decider.Level == o.Decision.Decider.Level
}

// Breaks are the instants at which what layers say changes, in order.
func Breaks(layers []Layer) []time.Time {
	var all []time.Time
	for _, l := range layers {
		if l.Value == nil && l.Targeting == nil {
			continue
		}
		for _, t := range append(l.Targeting.breaks(), l.From, l.Until) {
			if !t.IsZero() {
				all = append(all, t)
			}
		}
	}
	return inOrder(all)
}

func inOrder(all []time.Time) []time.Time {
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// breaks are the instants at which a step of a split changes what is said.
func (t *Targeting) breaks() (all []time.Time) {
	if t == nil {
		return nil
	}
	for _, r := range t.rules {
		all = append(all, r.split.breaks()...)
	}
	return append(all, t.split.breaks()...)
}
