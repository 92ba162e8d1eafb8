package logserver

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/cockroachdb/pebble/v2"
)

// anywhere as a bound shows records that are not durable yet; only the
// sequencer, which wrote them, may look there.
const anywhere = math.MaxUint64

// An entry is a stream's revision and where its record stands in the log.
type entry struct {
	revision int64
	position uint64
}

// noEntry is the answer for a stream without any record.
var noEntry = entry{revision: -1}

// A streamIter walks one stream's entries up to a bound in the log.
type streamIter struct {
	*pebble.Iterator
	bound uint64
}

// stream looks at the head once more, after the iterator has fixed what it sees:
// an entry that is not seen because it was scavenged was followed by a durable
// one before, and that one must not lie above the bound.
func (s *store) stream(name string, bound uint64) (streamIter, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: streamPrefix(name), UpperBound: streamCeiling(name)})
	if err != nil {
		return streamIter{}, s.damaged(0, err)
	}
	return streamIter{it, max(bound, s.head.Load())}, nil
}

// at reads the entry under the iterator; false when it lies above the bound.
func (i streamIter) at() (entry, bool) {
	value := i.Value()
	if len(value) != 8 {
		return noEntry, false
	}
	e := entry{revision: revisionOf(i.Key()), position: binary.BigEndian.Uint64(value)}
	return e, e.position <= i.bound
}

// last returns the newest entry of a stream at or below the bound.
func (s *store) last(stream string, bound uint64) (found entry, err error) {
	it, err := s.stream(stream, bound)
	if err != nil {
		return noEntry, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.Last(); ok; ok = it.Prev() {
		if e, visible := it.at(); visible {
			return e, nil
		}
	}
	return noEntry, s.scanError(it.Iterator, 0)
}

// entriesFrom lists durable entries from a revision on, oldest first.
func (s *store) entriesFrom(stream string, revision int64, limit int) (found []entry, err error) {
	it, err := s.stream(stream, s.head.Load())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.SeekGE(streamKey(stream, revision)); ok && len(found) < limit; ok = it.Next() {
		e, visible := it.at()
		if !visible {
			break
		}
		found = append(found, e)
	}
	return found, s.scanError(it.Iterator, 0)
}

// entriesBack lists durable entries at and below a revision, newest first.
func (s *store) entriesBack(stream string, revision int64, limit int) (found []entry, err error) {
	it, err := s.stream(stream, s.head.Load())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.SeekLT(binary.BigEndian.AppendUint64(streamPrefix(stream), uint64(revision)+1)); ok && len(found) < limit; ok = it.Prev() {
		if e, visible := it.at(); visible {
			found = append(found, e)
		}
	}
	return found, s.scanError(it.Iterator, 0)
}

// fetch reads the records of entries, from memory where it has them. Some may
// have been removed meanwhile.
func (s *store) fetch(entries []entry) (p *page, err error) {
	p = newPage(uint64(len(entries)))
	var it *pebble.Iterator
	for _, e := range entries {
		if p.full() {
			break
		}
		if r, ok := s.tail.get(e.position); ok {
			p.add(r)
			continue
		}
		if it == nil {
			if it, err = s.db.NewIter(&pebble.IterOptions{LowerBound: logFloor, UpperBound: logCeiling}); err != nil {
				return p, s.damaged(e.position, err)
			}
			defer func() { err = errors.Join(err, it.Close()) }()
		}
		if err := s.seek(it, e.position, p); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (s *store) seek(it *pebble.Iterator, position uint64, p *page) error {
	if !it.SeekGE(logKey(position)) {
		if err := it.Error(); err != nil {
			return s.damaged(position, err)
		}
		return s.gap(position)
	}
	return s.expect(it, position, p)
}

// record reads one record, durable or not; errRemoved when it is gone meanwhile.
func (s *store) record(position uint64) (record, error) {
	p, err := s.fetch([]entry{{position: position}})
	if err != nil {
		return record{}, err
	}
	if p.records[0].removed() {
		return record{}, errRemoved
	}
	return p.records[0], nil
}

// entryAt returns the entry of one revision, durable or not.
func (s *store) entryAt(stream string, revision int64) (entry, error) {
	value, closer, err := s.db.Get(streamKey(stream, revision))
	if errors.Is(err, pebble.ErrNotFound) {
		return noEntry, nil
	}
	if err != nil {
		return noEntry, s.damaged(0, err)
	}
	e := entry{revision: revision, position: binary.BigEndian.Uint64(value)}
	return e, closer.Close()
}
