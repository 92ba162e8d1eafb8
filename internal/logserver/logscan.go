package logserver

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// forwards returns the durable records from a position on, oldest first.
func (s *store) forwards(from uint64, limit uint64) (*page, error) {
	p := newPage(limit)
	return p, s.onwards(from, p)
}

// onwards fills a page with the durable records from a position on.
func (s *store) onwards(from uint64, p *page) error {
	from = max(from, 1)
	head := s.head.Load()
	if from > head || s.tail.from(from, p) {
		return nil
	}
	return s.scan(from, head, p)
}

// scan reads positions from..to off the disk and insists that none is missing.
func (s *store) scan(from, to uint64, p *page) (err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: logKey(from), UpperBound: logKey(to + 1)})
	if err != nil {
		return s.damaged(from, err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	next := from
	for ok := it.First(); ok && !p.full(); ok = it.Next() {
		if err := s.expect(it, next, p); err != nil {
			return err
		}
		next++
	}
	if it.Error() == nil && next <= to && !p.full() {
		return s.gap(next)
	}
	return s.scanError(it, next)
}

// expect adds the iterator's record, which must be the one at a position.
func (s *store) expect(it *pebble.Iterator, position uint64, p *page) error {
	if positionOf(it.Key()) != position {
		return s.gap(position)
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return s.damaged(position, err)
	}
	p.copy(position, value)
	return nil
}

func (s *store) scanError(it *pebble.Iterator, position uint64) error {
	if err := it.Error(); err != nil {
		return s.damaged(position, err)
	}
	return nil
}

func (s *store) gap(position uint64) error {
	return &CorruptionError{Path: s.path, Position: position, Reason: "the record is missing"}
}

// backwards returns the durable records at and below a position, newest first.
func (s *store) backwards(from uint64, limit uint64) (p *page, err error) {
	p = newPage(limit)
	from = min(from, s.head.Load())
	if from == 0 {
		return p, nil
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: logFloor, UpperBound: logKey(from + 1)})
	if err != nil {
		return p, s.damaged(from, err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	next := from
	for ok := it.Last(); ok && !p.full(); ok = it.Prev() {
		if err := s.expect(it, next, p); err != nil {
			return p, err
		}
		next--
	}
	if it.Error() == nil && next > 0 && !p.full() {
		return p, s.gap(next)
	}
	return p, s.scanError(it, next)
}

// newestPosition is the position of the last record the engine has, 0 if none.
func (s *store) newestPosition() (position uint64, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: logFloor, UpperBound: logCeiling})
	if err != nil {
		return 0, s.damaged(0, err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if it.Last() {
		position = positionOf(it.Key())
	}
	return position, s.scanError(it, 0)
}
