package logserver

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"
)

// scanAtOpen is how many of the newest records are verified before the server
// starts; scrub looks at the older ones afterwards.
const scanAtOpen = 1 << 18

// A recovered log is what an open found out about the past.
type recovered struct {
	head    uint64
	created int64
	recent  *recent
}

// recover finds the head and refuses a log from which acknowledged events are
// missing.
func (s *store) recover(m *mark) (recovered, error) {
	head, err := s.newestPosition()
	if err != nil {
		return recovered{}, err
	}
	if head < m.position && !planted("mark-ignored") {
		return recovered{}, &CorruptionError{Path: s.path, Position: head + 1,
			Reason: fmt.Sprintf("the log ends at %d but was synced up to %d", head, m.position)}
	}
	if err := s.identify(m.id, head); err != nil {
		return recovered{}, err
	}
	r := recovered{head: head, recent: newRecent()}
	s.head.Store(head)
	s.tail = newTail(head)
	from := uint64(1)
	if head > scanAtOpen {
		from = head - scanAtOpen + 1
	}
	return r, s.verify(from, head, r.learn)
}

// identify writes the facts of a new log, or compares those of an old one.
func (s *store) identify(id uuid.UUID, head uint64) error {
	stored, err := s.fact(factID)
	if err != nil {
		return err
	}
	format, err := s.fact(factFormat)
	switch {
	case err != nil:
		return err
	case stored == nil && head == 0:
		return errors.Join(s.db.Set(factFormat, []byte(storeFormat), pebble.Sync), s.db.Set(factID, id[:], pebble.Sync))
	case !bytes.Equal(stored, id[:]):
		return &CorruptionError{Path: s.path, Reason: "the durable mark belongs to another log"}
	case string(format) != storeFormat:
		return fmt.Errorf("logserver: %s has format %q, this program writes %q", s.path, format, storeFormat)
	}
	return nil
}

// learn takes the newest events' ids and the last creation time.
func (r *recovered) learn(d decoded) {
	if !planted("time-not-recovered") {
		r.created = max(r.created, d.created)
	}
	if d.position+recentGeneration > r.head {
		key := eventKey{stream: string(d.stream), id: d.id}
		r.recent.remember(key, entry{revision: d.revision, position: d.position})
	}
}

// verify reads the records from..to, checks that they are dense, and whole and
// found under their stream unless removed, and shows each to see.
func (s *store) verify(from, to uint64, see func(decoded)) error {
	for from <= to {
		p := newPage(pageEvents)
		if err := s.scan(from, to, p); err != nil {
			return err
		}
		for _, r := range p.records {
			if r.removed() {
				continue
			}
			d, err := s.verifyRecord(r)
			if err != nil && s.removedSince(r) {
				continue
			}
			if err != nil {
				return err
			}
			see(d)
		}
		from = p.last(to) + 1
	}
	return nil
}

// removedSince reports whether a compaction removed a record after it was read.
// It takes record and entry in one batch, and may do so between two looks.
func (s *store) removedSince(r record) bool {
	_, err := s.record(r.position)
	return errors.Is(err, errRemoved)
}

func (s *store) verifyRecord(r record) (decoded, error) {
	d, err := decode(r.wire)
	if err != nil {
		return d, &CorruptionError{Path: s.path, Position: r.position, Reason: "the record cannot be decoded", Cause: err}
	}
	if d.position != r.position {
		return d, &CorruptionError{Path: s.path, Position: r.position, Reason: "the record stands at a wrong position"}
	}
	e, err := s.entryAt(string(d.stream), d.revision)
	if err != nil {
		return d, err
	}
	if e.position != r.position {
		return d, &CorruptionError{Path: s.path, Position: r.position, Reason: "the record is missing from its stream"}
	}
	return d, nil
}
