package logserver

import "github.com/google/uuid"

// recentGeneration is half of the event ids remembered, about 8 MiB in all.
const recentGeneration = 1 << 15

// An eventKey names an event: the same id in another stream is another event.
type eventKey struct {
	stream string
	id     uuid.UUID
}

// recent remembers where the latest events went, so that a write without an
// exact expectation can be recognised when it is repeated. It is bounded and
// therefore best effort; it never forgets the newest recentGeneration events.
type recent struct {
	young, old map[eventKey]entry
}

func newRecent() *recent {
	return &recent{young: map[eventKey]entry{}, old: map[eventKey]entry{}}
}

func (r *recent) remember(key eventKey, e entry) {
	if len(r.young) >= recentGeneration {
		clear(r.old)
		r.young, r.old = r.old, r.young
	}
	r.young[key] = e
}

func (r *recent) find(key eventKey) (entry, bool) {
	if planted("ids-forgotten") {
		return entry{}, false
	}
	if e, ok := r.young[key]; ok {
		return e, true
	}
	e, ok := r.old[key]
	return e, ok
}
