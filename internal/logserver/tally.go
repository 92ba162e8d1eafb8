package logserver

import (
	"math"
	"sync/atomic"
)

// A Histogram counts observations at or below each bound.
type Histogram struct {
	Count   uint64
	Sum     float64
	Buckets map[float64]uint64 // cumulative
}

// bounds are where a tally's buckets end; above the last is one more.
type bounds [12]float64

var (
	eventBounds  = bounds{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096}
	secondBounds = bounds{0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.25, 1, 4}
)

// A tally is a histogram that is being counted, without locks. One goroutine
// observes; any may take a snapshot.
type tally struct {
	buckets [len(bounds{}) + 1]atomic.Uint64
	sum     atomic.Uint64 // the bits of a float64
}

func (t *tally) observe(b bounds, v float64) {
	i := 0
	for i < len(b) && v > b[i] {
		i++
	}
	t.sum.Store(math.Float64bits(math.Float64frombits(t.sum.Load()) + v))
	t.buckets[i].Add(1)
}

func (t *tally) snapshot(b bounds) Histogram {
	h := Histogram{Sum: math.Float64frombits(t.sum.Load()), Buckets: map[float64]uint64{}}
	for i := range t.buckets {
		h.Count += t.buckets[i].Load()
		if i < len(b) {
			h.Buckets[b[i]] = h.Count
		}
	}
	return h
}
