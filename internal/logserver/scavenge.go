package logserver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Bounds of what a scavenger does at a time. A window is small enough for its
// rewriting to need little room, and to be left between two.
const (
	scavengeBatch  = 1024
	streamsListed  = 256
	rewriteWindow  = 1 << 18 // positions
	rewriteReserve = DefaultDiskReserve / 4
	scavengeFloor  = DefaultDiskReserve / 2 // free space that removing must leave
	scavengeFlush  = 1 << 15                // removals after which the engine's journals are given back
)

// ErrNoRoom: there is too little space left on the disk for what was asked.
var ErrNoRoom = errors.New("logserver: too little space on the disk")

// A scavenger removes what nobody can read any more. It always leaves a
// stream's last event, so the stream keeps its number and a deleted one its end.
//
// Invariant: of a stream the oldest events are removed and no others, an event
// in one batch with its entry, and only when a durable one follows it. So a
// process that dies at any point leaves nothing that the next one must finish.
type scavenger struct {
	*journal
	told  func(Compaction)
	done  Compaction
	batch *pebble.Batch
	gone  []uint64 // positions in the batch
	bytes uint64
	owed  uint64 // removals whose room has not been given back yet
}

// scavenge goes through all streams.
func (s *scavenger) scavenge(ctx context.Context) error {
	for from := []byte{streamRegion}; from != nil; {
		names, next, err := s.streamsFrom(from, streamsListed)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := s.clear(ctx, name); err != nil {
				return errors.Join(err, s.discard())
			}
			s.done.Streams++
		}
		from = next
		s.told(s.done)
	}
	return s.commit(ctx)
}

// streamsFrom lists streams in the order of their keys, and where the next one
// may be; nil when there is none.
func (s *store) streamsFrom(from []byte, limit int) (names []string, next []byte, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: []byte{streamRegion + 1}})
	if err != nil {
		return nil, nil, s.damaged(0, err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.SeekGE(next) {
		name, known := streamIn(it.Key())
		if !known {
			return nil, nil, &CorruptionError{Path: s.path, Reason: fmt.Sprintf("the key %x is not a stream's", it.Key())}
		}
		names, next = append(names, name), streamCeiling(name)
		if len(names) == limit {
			return names, next, nil
		}
	}
	return names, nil, s.scanError(it, 0)
}

// clear removes the oldest events of a stream, up to the first that is kept.
func (s *scavenger) clear(ctx context.Context, stream string) error {
	v, err := s.view(stream)
	if err != nil || v.last == noEntry {
		return err
	}
	kept, oldest := v.kept(time.Now())
	if kept == 0 && oldest == math.MinInt64 {
		return ctx.Err()
	}
	for from, limit := int64(0), 1; ; limit = pageEvents { // mostly the first one stays already
		entries, err := s.entriesFrom(stream, from, limit)
		if err != nil {
			return err
		}
		for len(entries) > 0 && entries[len(entries)-1].revision >= v.last.revision {
			entries = entries[:len(entries)-1]
		}
		p, err := s.fetch(entries)
		if err != nil {
			return err
		}
		for i, r := range p.records {
			if on, err := s.remove(ctx, r, stream, entries[i], kept, oldest); err != nil || !on {
				return err
			}
			from = entries[i].revision + 1
		}
		if len(p.records) == 0 || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// kept tells from which revision on, and from which time on, events stay.
func (v view) kept(now time.Time) (revision int64, oldest int64) {
	if v.ended {
		return v.last.revision, math.MinInt64
	}
	return min(v.first(), v.last.revision), v.limits.oldest(now)
}

// remove stages the removal of one event; false when it, and so all that
// follow, are to stay.
func (s *scavenger) remove(ctx context.Context, r record, stream string, e entry, kept, oldest int64) (bool, error) {
	d, err := decode(r.wire)
	if err != nil || string(d.stream) != stream || d.revision != e.revision {
		return false, &CorruptionError{Path: s.path, Position: e.position, Reason: "the record is not the one its stream tells", Cause: err}
	}
	if e.revision >= kept && d.created >= oldest {
		return false, nil
	}
	if s.batch == nil {
		s.batch = s.db.NewBatch()
	}
	if err := errors.Join(
		s.batch.Set(logKey(e.position), []byte{scavengedMark}, nil),
		s.batch.Delete(streamKey(stream, e.revision), nil),
	); err != nil {
		return false, err
	}
	s.gone, s.bytes = append(s.gone, e.position), s.bytes+uint64(len(r.wire))
	if len(s.gone) < scavengeBatch {
		return true, nil
	}
	return true, s.commit(ctx)
}

// commit makes the staged removals durable. Failing writes trip the fault
// through the engine, as those of appends do, so it looks for room first.
func (s *scavenger) commit(ctx context.Context) error {
	if s.batch == nil {
		return nil
	}
	if err := s.makeRoom(ctx); err != nil {
		return errors.Join(err, s.discard())
	}
	if err := s.db.Apply(s.batch, pebble.Sync); err != nil {
		return errors.Join(err, s.discard())
	}
	s.tail.blank(s.gone)
	s.owed += uint64(len(s.gone))
	s.count.scavenged.Add(uint64(len(s.gone)))
	s.done.Scavenged, s.done.Freed = s.done.Scavenged+uint64(len(s.gone)), s.done.Freed+s.bytes
	s.told(s.done)
	return s.discard()
}

// makeRoom: a removal takes room before it gives any back. Now and then the
// journals that hold removals are given back, and where the disk is nearly full,
// what was removed so far.
func (s *scavenger) makeRoom(ctx context.Context) error {
	if s.owed > 0 && s.owed%scavengeFlush == 0 {
		if err := s.db.Flush(); err != nil {
			return err
		}
	}
	if s.roomFor(scavengeFloor) {
		return nil
	}
	if s.owed > 0 {
		if err := s.rewrite(ctx); err != nil {
			return err
		}
		s.owed = 0
	}
	if !s.roomFor(scavengeFloor) {
		return fmt.Errorf("%w: removing takes room at first; there must be %d bytes free", ErrNoRoom, scavengeFloor)
	}
	return nil
}

// roomFor reports whether so many bytes are free, as far as anybody knows.
func (s *scavenger) roomFor(bytes uint64) bool {
	usage, err := s.files.GetDiskUsage(s.dir)
	return err != nil || usage.AvailBytes >= bytes
}

func (s *scavenger) discard() error {
	b := s.batch
	s.batch, s.gone, s.bytes = nil, s.gone[:0], 0
	if b == nil {
		return nil
	}
	return b.Close()
}

// rewrite lets the engine drop the bytes of removed records, window by window.
func (s *scavenger) rewrite(ctx context.Context) error {
	if err := s.db.Flush(); err != nil {
		return err
	}
	for from, head := uint64(0), s.head.Load(); from <= head; from += rewriteWindow {
		if err := s.compactRange(ctx, logKey(from), logKey(from+rewriteWindow)); err != nil {
			return err
		}
		s.done.After = s.size()
		s.told(s.done)
	}
	return s.compactRange(ctx, []byte{streamRegion}, []byte{streamRegion + 1})
}

func (s *scavenger) compactRange(ctx context.Context, from, to []byte) error {
	if !s.roomFor(rewriteReserve) {
		return fmt.Errorf("%w: what was scavenged takes its room until there are %d bytes free", ErrNoRoom, rewriteReserve)
	}
	err := s.db.Compact(ctx, from, to, false)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// streamIn reads the name out of an entry's key.
func streamIn(key []byte) (string, bool) {
	if len(key) < 13 || key[0] != streamRegion {
		return "", false
	}
	n := int(binary.BigEndian.Uint32(key[1:]))
	if n != len(key)-13 {
		return "", false
	}
	return string(key[5 : 5+n]), true
}
