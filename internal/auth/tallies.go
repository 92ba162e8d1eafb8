package auth

import (
	"net/netip"
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/security"
)

// What is counted is bounded, whatever anybody tries: so many lanes, and so many
// tallies in each. Beyond that refusals are still counted, but no longer told apart.
const (
	mostLanes   = 1024
	mostTallies = 32
	perSecond   = time.Second // a lane is recorded once in it
)

type (
	// A lane is what is recorded at most once a second.
	lane struct {
		kind security.Kind
		node domain.NodeID
	}

	// An offender is what refusals in a lane are told apart by.
	offender struct {
		principal, operation string
		block                netip.Addr // of nobody that is known
	}

	// A tally is what one offender was refused since it was last recorded.
	tally struct {
		offender
		seen security.Observe
	}

	// A queue is what waits in a lane.
	queue struct {
		waiting []tally
		others  security.Observe // what was too much; none of it if it counts nothing
		told    time.Time        // when a record of the lane was last written
	}
)

// tallies is what was refused and is not recorded yet.
type tallies map[lane]*queue

// note counts. When there are too many lanes, what would begin another is counted
// among the others at the platform.
func (t tallies) note(by offender, seen security.Observe) {
	at := lane{seen.Kind, seen.Node}
	q := t[at]
	if q == nil && len(t) >= mostLanes && seen.Node != domain.PlatformID {
		seen.Node = domain.PlatformID
		t.queue(lane{seen.Kind, seen.Node}).spill(seen)
		return
	}
	t.queue(at).note(by, seen)
}

// queue is that of a lane. Those of the platform are few, and do not count.
func (t tallies) queue(at lane) *queue {
	if t[at] == nil {
		t[at] = &queue{}
	}
	return t[at]
}

func (q *queue) note(by offender, seen security.Observe) {
	if i := slices.IndexFunc(q.waiting, func(t tally) bool { return t.offender == by }); i >= 0 {
		q.waiting[i].seen = q.waiting[i].seen.And(seen)
		return
	}
	if len(q.waiting) >= mostTallies {
		q.evict()
	}
	q.waiting = append(q.waiting, tally{by, seen})
}

// evict gives up telling apart what has not been seen for the longest time.
func (q *queue) evict() {
	oldest := 0
	for i, t := range q.waiting {
		if t.seen.Last.Before(q.waiting[oldest].seen.Last) {
			oldest = i
		}
	}
	q.spill(q.waiting[oldest].seen)
	q.waiting = slices.Delete(q.waiting, oldest, oldest+1)
}

func (q *queue) spill(seen security.Observe) {
	seen = seen.Among()
	if q.others.Count > 0 {
		seen = q.others.And(seen)
	}
	q.others = seen
}

// due takes out what may be recorded now: of each lane that was not recorded within
// the last second, what was seen first; those that wait longest go first. A lane
// that has nothing more to say is forgotten.
func (t tallies) due(now time.Time, most int) (out []tally) {
	var ready []*queue
	for at, q := range t {
		switch {
		case now.Sub(q.told) < perSecond:
		case q.empty():
			delete(t, at)
		default:
			ready = append(ready, q)
		}
	}
	slices.SortFunc(ready, func(a, b *queue) int { return a.first().Compare(b.first()) })
	for _, q := range ready[:min(most, len(ready))] {
		out = append(out, q.take())
		q.told = now
	}
	return out
}

// all takes out everything.
func (t tallies) all() (out []tally) {
	for _, q := range t {
		for !q.empty() {
			out = append(out, q.take())
		}
	}
	return out
}

func (q *queue) empty() bool { return len(q.waiting) == 0 && q.others.Count == 0 }

// first is since when something waits.
func (q *queue) first() time.Time {
	if i := q.longest(); i >= 0 {
		return q.waiting[i].seen.First
	}
	return q.others.First
}

// longest is the tally that waits longest; -1 if only others do. The others wait
// until there is nothing to tell apart.
func (q *queue) longest() int {
	best := -1
	for i, t := range q.waiting {
		if best < 0 || t.seen.First.Before(q.waiting[best].seen.First) {
			best = i
		}
	}
	return best
}

func (q *queue) take() tally {
	i := q.longest()
	if i < 0 {
		others := q.others
		q.others = security.Observe{}
		return tally{seen: others}
	}
	t := q.waiting[i]
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return t
}

// back puts back what could not be recorded.
func (t tallies) back(one tally) {
	if one.seen.Operation == security.Others {
		t.queue(lane{one.seen.Kind, one.seen.Node}).spill(one.seen)
		return
	}
	t.note(one.offender, one.seen)
}
