package logserver

import (
	"math"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
)

// A subscription is a cursor that never ends: it reads pages, from the tail or
// from the disk, until it has reached the head, and then waits for the bell.
// There is no queue between writers and subscribers, so there is nothing to
// overflow, nothing to hand over, and a stalled subscriber holds one page.

// follow serves a subscription until its caller leaves.
func (s *streamsService) follow(c *readCall, out *sender) error {
	if c.stream != "" {
		return s.followStream(c, out)
	}
	if c.filter != nil && c.filter.interval == 0 {
		return refuse(codes.Unknown, "the checkpoint interval must be above zero")
	}
	cursor := map[edge]uint64{atStart: 0, atEnd: s.head.Load(), atPlace: c.from.at}[c.from.edge]
	out.at.Store(cursor)
	if err := out.confirm(uuid.NewString()); err != nil {
		return err
	}
	f := &allFollower{out: out, cursor: cursor, reported: cursor, considered: 0}
	for {
		if err := s.catchUp(f); err != nil {
			return err
		}
		if err := s.await(f); err != nil {
			return err
		}
	}
}

// An allFollower is one subscription's place in $all.
type allFollower struct {
	out        *sender
	cursor     uint64 // last position considered
	reported   uint64 // last checkpoint, or where the caller came from
	considered uint64
	live       bool
}

// catchUp sends everything up to the head and says so when it is news.
func (s *streamsService) catchUp(f *allFollower) error {
	for f.cursor < s.head.Load() {
		if f.live && !s.tail.holds(f.cursor+1) {
			f.live = false
		}
		p, err := s.forwards(f.cursor+1, pageEvents)
		if err != nil {
			return err
		}
		if err := f.out.may(); err != nil {
			return err // asked after the page was read, so nothing written since a right was lost is sent
		}
		for _, r := range p.records {
			if err := f.consider(r); err != nil {
				return err
			}
		}
		f.out.at.Store(f.cursor)
		if err := s.going(f.out); err != nil {
			return err
		}
	}
	return f.arrive()
}

// consider sends one record if it is chosen, and a checkpoint when one is due.
func (f *allFollower) consider(r record) error {
	f.cursor = r.position
	chosen := f.out.asked.filter
	if visible(r.wire) && chosen.passes(r.wire) {
		if err := f.out.event(r); err != nil {
			return err
		}
	}
	if f.considered++; chosen == nil || f.considered%chosen.interval != 0 {
		return nil
	}
	return f.report()
}

// report sends a checkpoint, never the same or an older one again.
func (f *allFollower) report() error {
	if f.out.asked.filter == nil || f.cursor <= f.reported {
		return nil
	}
	f.reported = f.cursor
	if planted("checkpoint-ahead") {
		return f.out.checkpoint(f.cursor + 100)
	}
	return f.out.checkpoint(f.cursor)
}

func (f *allFollower) arrive() error {
	if f.live {
		return nil
	}
	f.live = true
	if err := f.report(); err != nil {
		return err
	}
	return f.out.caughtUp()
}

// await returns when something follows the cursor.
func (s *streamsService) await(f *allFollower) error {
	heard := s.bell.next()
	if f.cursor < s.head.Load() {
		return nil
	}
	return s.wait(heard, f.out)
}

func (s *streamsService) wait(heard <-chan struct{}, out *sender) error {
	out.rests.Store(true)
	defer out.rests.Store(false)
	select {
	case <-heard:
		return nil
	case <-out.call.Context().Done():
		return out.call.Context().Err()
	case <-s.leaving:
		return errLeaving
	case <-s.fault.tripped:
		return s.fault.err()
	}
}

// followStream serves a subscription of one stream.
func (s *streamsService) followStream(c *readCall, out *sender) error {
	v, err := s.view(c.stream)
	if err != nil {
		return err
	}
	if v.ended {
		return streamDeleted(c.stream)
	}
	if err := out.confirm(uuid.NewString()); err != nil {
		return err
	}
	f := &streamFollower{out: out, next: map[edge]int64{
		atStart: 0, atEnd: v.last.revision + 1, atPlace: int64(c.from.at) + 1}[c.from.edge]}
	for {
		if err := s.catchUpStream(f); err != nil {
			return err
		}
		if err := s.awaitStream(f); err != nil {
			return err
		}
	}
}

// A streamFollower is one subscription's place in its stream.
type streamFollower struct {
	out  *sender
	next int64 // revision to send next
	live bool
}

// catchUpStream sends what the stream has; a tombstone is sent and ends it.
func (s *streamsService) catchUpStream(f *streamFollower) error {
	stream := f.out.asked.stream
	for {
		entries, err := s.entriesFrom(stream, f.next, pageEvents)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return f.arrive()
		}
		f.live = f.live && len(entries) < pageEvents
		if entries, err = s.readable(f, entries); err != nil {
			return err
		}
		if len(entries) == 0 {
			continue // hidden ones only; the cursor has passed them
		}
		if err := s.sendNext(f, entries); err != nil {
			return err
		}
	}
}

// readable leaves out the entries that the stream's metadata hides.
func (s *streamsService) readable(f *streamFollower, entries []entry) ([]entry, error) {
	v, err := s.view(f.out.asked.stream)
	if err != nil || v.ended {
		return entries, err
	}
	first := min(v.first(), v.last.revision+1)
	for len(entries) > 0 && entries[0].revision < first {
		f.next = entries[0].revision + 1
		entries = entries[1:]
	}
	return entries, nil
}

func (s *streamsService) sendNext(f *streamFollower, entries []entry) error {
	if err := f.out.may(); err != nil {
		return err
	}
	limits, err := s.retention(f.out.asked.stream)
	if err != nil {
		return err
	}
	n, _, err := s.sendEntries(entries, f.out, math.MaxUint64, limits.oldest(time.Now()))
	if err != nil {
		return err
	}
	if last := entries[n-1].revision; last != tombstoneRevision {
		f.next = last + 1
		return nil
	}
	return streamDeleted(f.out.asked.stream)
}

func (f *streamFollower) arrive() error {
	if f.live {
		return nil
	}
	f.live = true
	return f.out.caughtUp()
}

// awaitStream returns when something may have followed in the stream.
func (s *streamsService) awaitStream(f *streamFollower) error {
	stream := f.out.asked.stream
	p := s.bell.nextIn(stream)
	defer s.bell.leave(stream, p)
	entries, err := s.entriesFrom(stream, f.next, 1)
	if err != nil || len(entries) > 0 {
		return err
	}
	return s.wait(p.heard, f.out)
}
