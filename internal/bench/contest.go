package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
)

// A sample is one turn of a contender.
type sample struct {
	rate float64 // operations per second
	cpu  float64 // microseconds of CPU that the server spent on one; 0 if unknown
}

// A contender does the same as the others, its own way.
type contender struct {
	name   string
	target float64 // ratio of the product to this baseline that must be reached; 0 if none
	turn   func(context.Context) (sample, error)
}

// A contest lets contenders have their turns in a circle, so that whatever else
// happens on the machine hits all of them. The first is the product, the others
// are baselines.
type contest struct {
	name, unit string
	contenders []contender
}

// A result is what one contender of a contest reached in each round. Ratios are
// those of the product to it, round by round.
type result struct {
	Contest   string    `json:"contest"`
	Contender string    `json:"contender"`
	Unit      string    `json:"unit"`
	Rates     []float64 `json:"rates"`
	CPU       []float64 `json:"cpuMicroseconds,omitempty"`
	Ratios    []float64 `json:"ratios,omitempty"`
	Target    float64   `json:"target,omitempty"` // least median of Ratios
	Most      float64   `json:"most,omitempty"`   // most that the median of Rates may be
	Notes     []string  `json:"notes,omitempty"`
}

func (c contest) run(ctx context.Context, rounds int) ([]result, error) {
	results := make([]result, len(c.contenders))
	for i, one := range c.contenders {
		results[i] = result{Contest: c.name, Contender: one.name, Unit: c.unit, Target: one.target}
	}
	for round := range rounds {
		for i, one := range c.contenders {
			runtime.GC()
			s, err := one.turn(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s, round %d: %w", one.name, round+1, err)
			}
			say("%s: round %d: %s: %.0f %s", c.name, round+1, one.name, s.rate, c.unit)
			results[i].add(s, results[0])
		}
	}
	return results, nil
}

func (r *result) add(s sample, product result) {
	r.Rates = append(r.Rates, s.rate)
	if s.cpu > 0 {
		r.CPU = append(r.CPU, s.cpu)
	}
	if r.Contender != product.Contender {
		r.Ratios = append(r.Ratios, product.Rates[len(r.Rates)-1]/s.rate)
	}
}

// median is the middle one of some figures; of an even number, the lower.
func median(of []float64) float64 {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[(len(sorted)-1)/2]
}

// met tells whether the medians keep to what is asked; true if nothing is.
func (r result) met() bool {
	return (r.Target == 0 || median(r.Ratios) >= r.Target) && (r.Most == 0 || median(r.Rates) <= r.Most)
}
