package logserver

import (
	"errors"

	"github.com/google/uuid"
)

// An action is the kind of a write.
type action int

const (
	appendEvents action = iota
	hideStream          // the protocol's Delete
	endStream           // the protocol's Tombstone
)

// A write is one call that changes one stream, wholly or not at all.
type write struct {
	action   action
	stream   string
	expected int64
	events   []proposal
	answer   chan outcome // holds one
}

// bytes is what the events of a write take before they have a place.
func (w *write) bytes() (n int) {
	for _, p := range w.events {
		n += len(p.fields)
	}
	return n
}

// An outcome is the answer to a write: the last event's place, or why nothing
// was written.
type outcome struct {
	last    entry // position 0: no event was written
	current int64 // with errClash: the stream's revision
	err     error
}

// judge decides a write against the stream's state. It returns true when the
// write is to be staged; otherwise the outcome is final.
func (q *sequencer) judge(w *write, s streamState) (outcome, bool, error) {
	if gone, err := q.ended(w.stream, s); err != nil || gone {
		return outcome{err: errStreamDeleted}, false, err
	}
	if w.action != appendEvents {
		o, ok := judgeEnd(w, s)
		return o, ok, nil
	}
	if w.expected == expectExists && s.hidden {
		return outcome{err: errStreamDeleted}, false, nil
	}
	if w.expected >= expectNone {
		return q.judgeExact(w, s)
	}
	if !s.accepts(w.expected) {
		return clash(s), false, nil
	}
	o, ok := q.judgeLoose(w, s)
	return o, ok, nil
}

func clash(s streamState) outcome { return outcome{err: errClash, current: s.current()} }

// ended is true for a tombstoned stream and for its metastream.
func (q *sequencer) ended(stream string, s streamState) (bool, error) {
	target, meta := metaTarget(stream)
	if !meta {
		return s.tombstoned(), nil
	}
	described, err := q.state(target)
	return described.tombstoned() || s.tombstoned(), err
}

// judgeEnd: a stream that never was cannot be hidden, only forbidden.
func judgeEnd(w *write, s streamState) (outcome, bool) {
	switch {
	case w.action == hideStream && s.hidden:
		return outcome{err: errStreamDeleted}, false
	case w.action == hideStream && s.last == noEntry, !s.accepts(w.expected):
		return clash(s), false
	}
	return outcome{}, true
}

// judgeExact: behind the expected revision either nothing follows, or exactly
// these events do, which makes the write a repetition.
func (q *sequencer) judgeExact(w *write, s streamState) (outcome, bool, error) {
	accepted := s.accepts(w.expected)
	if accepted && !s.hidden { // a deleted stream may hold these very events already
		return outcome{}, true, nil
	}
	last, err := q.repeated(w, s)
	switch {
	case err != nil:
		return outcome{}, false, err
	case last != noEntry:
		return outcome{last: last}, false, nil
	case accepted:
		return outcome{}, true, nil
	}
	return clash(s), false, nil
}

// repeated is the place of the last of a write's events if they all follow the
// expected revision already, noEntry otherwise. Deleting a stream does not make
// what was written to it new.
func (q *sequencer) repeated(w *write, s streamState) (entry, error) {
	if planted("exact-retry-refused") || len(w.events) == 0 || w.expected+int64(len(w.events)) > s.last.revision {
		return noEntry, nil
	}
	last := noEntry
	for i, e := range w.events {
		found, err := q.eventAt(w.stream, w.expected+1+int64(i), e.id)
		if err != nil || found == noEntry {
			return noEntry, err
		}
		last = found
	}
	return last, nil
}

// eventAt finds the entry at a revision if the event there has the given id.
func (q *sequencer) eventAt(stream string, revision int64, id uuid.UUID) (entry, error) {
	if e, ok := q.recent.find(eventKey{stream, id}); ok && e.revision == revision {
		return e, nil
	}
	e, err := q.store.entryAt(stream, revision)
	if err != nil || e == noEntry {
		return noEntry, err
	}
	r, err := q.store.record(e.position)
	if errors.Is(err, errRemoved) {
		return noEntry, nil
	}
	if err != nil {
		return noEntry, err
	}
	d, err := decode(r.wire)
	if err != nil || d.id != id {
		return noEntry, err
	}
	return e, nil
}

// judgeLoose: without an exact revision only the remembered ids can tell a
// repetition. All known is one, none known is a new write, a mixture is wrong.
func (q *sequencer) judgeLoose(w *write, s streamState) (outcome, bool) {
	var last entry
	known := 0
	for _, e := range w.events {
		if found, ok := q.recent.find(eventKey{w.stream, e.id}); ok {
			last = found
			known++
		}
	}
	switch {
	case known == 0, planted("any-retry-repeated"):
		return outcome{}, true
	case known == len(w.events):
		return outcome{last: last}, false
	}
	if _, ok := q.recent.find(eventKey{w.stream, w.events[0].id}); !ok {
		return outcome{}, true
	}
	return clash(s), planted("part-repeated-accepted")
}
