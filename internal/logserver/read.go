package logserver

import (
	"time"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// Read answers counted reads and subscriptions of one stream or of $all.
func (s *streamsService) Read(r *api.ReadReq, call api.Streams_ReadServer) error {
	c, err := newReadCall(r)
	if err != nil {
		return err
	}
	out := &sender{call: call, asked: c, log: s.journal, gate: s.gate}
	if err := out.may(); err != nil {
		return err
	}
	if c.follow {
		s.count.subscribers.Add(1)
		defer s.count.subscribers.Add(-1)
		defer s.count.audience.join(out, s.head.Load())()
		return s.settled(s.attend(out, s.follow))
	}
	s.count.reads.Add(1)
	serve := s.readStream
	if c.stream == "" {
		serve = s.readAll
	}
	if c.count > pageEvents { // what may be left unread for long is attended to
		return s.settled(s.attend(out, serve))
	}
	return s.settled(serve(c, out))
}

func (s *streamsService) readAll(c *readCall, out *sender) error {
	if c.backwards {
		return s.readAllBack(c, out)
	}
	end := s.head.Load()
	next := map[edge]uint64{atStart: 1, atEnd: end + 1, atPlace: c.from.at}[c.from.edge]
	var p page
	for left := c.count; left > 0 && next <= end; {
		p.begin(c.pageLimit(left, end-next+1))
		err := s.onwards(next, &p)
		if err != nil {
			return err
		}
		if left, err = s.sendChosen(&p, out, left); err != nil {
			return err
		}
		next = p.last(end) + 1
	}
	return nil
}

// readAllBack leaves out the record at the position it starts from.
func (s *streamsService) readAllBack(c *readCall, out *sender) error {
	next := map[edge]uint64{atStart: 0, atEnd: s.head.Load(), atPlace: max(c.from.at, 1) - 1}[c.from.edge]
	for left := c.count; left > 0 && next > 0; {
		p, err := s.backwards(next, c.pageLimit(left, next))
		if err != nil {
			return err
		}
		if left, err = s.sendChosen(p, out, left); err != nil {
			return err
		}
		next = p.last(1) - 1
	}
	return nil
}

// pageLimit is how many records to look at: what is wanted, or, when some may
// be passed over, a whole page; never more than there are.
func (c *readCall) pageLimit(wanted, there uint64) uint64 {
	if c.filter != nil {
		wanted = pageEvents
	}
	return min(wanted, there)
}

// sendChosen sends the page's events that $all shows and the filter passes. It
// returns how many are still wanted.
func (s *streamsService) sendChosen(p *page, out *sender, left uint64) (uint64, error) {
	for _, r := range p.records {
		if left == 0 {
			break
		}
		if !visible(r.wire) || !out.asked.filter.passes(r.wire) {
			continue
		}
		if err := out.event(r); err != nil {
			return left, err
		}
		left--
	}
	if planted("page-skipped") && left > 0 {
		left--
	}
	return left, s.going(out)
}

func (s *streamsService) readStream(c *readCall, out *sender) error {
	v, err := s.view(c.stream)
	switch {
	case err != nil:
		return err
	case v.ended:
		return streamDeleted(c.stream)
	case v.missing():
		return out.notFound()
	case c.backwards:
		return s.readStreamBack(c, out, v)
	}
	next := map[edge]int64{atStart: 0, atEnd: v.last.revision + 1, atPlace: int64(c.from.at)}[c.from.edge]
	if first := v.first(); next < first {
		if c.positions {
			if err := out.firstPosition(first); err != nil {
				return err
			}
		}
		next = first
	}
	return s.readStreamOn(c, out, v, next)
}

func (s *streamsService) readStreamOn(c *readCall, out *sender, v view, next int64) error {
	oldest := v.limits.oldest(time.Now())
	left := c.count
	for left > 0 && next <= v.last.revision {
		entries, err := s.entriesFrom(c.stream, next, int(min(left, pageEvents)))
		if err != nil || len(entries) == 0 {
			return err
		}
		var n int
		if n, left, err = s.sendEntries(entries, out, left, oldest); err != nil {
			return err
		}
		next = entries[n-1].revision + 1
		if left == c.count && next > v.last.revision { // expired, or scavenged meanwhile
			if v.last, err = s.last(c.stream, s.head.Load()); err != nil {
				return err
			}
			if v.last.revision == tombstoneRevision {
				return streamDeleted(c.stream)
			}
		}
	}
	if c.positions && next > v.last.revision {
		return out.lastPosition(v.last.revision)
	}
	return nil
}

func (s *streamsService) readStreamBack(c *readCall, out *sender, v view) error {
	oldest, first := v.limits.oldest(time.Now()), v.first()
	next := map[edge]int64{atStart: 0, atEnd: v.last.revision, atPlace: min(int64(c.from.at), v.last.revision)}[c.from.edge]
	left := c.count
	for left > 0 && next >= first {
		entries, err := s.entriesBack(c.stream, next, int(min(left, pageEvents, uint64(next-first+1))))
		if err != nil {
			return err
		}
		if len(entries) == 0 { // scavenged from here down
			next = first - 1
			break
		}
		var n int
		if n, left, err = s.sendEntries(entries, out, left, oldest); err != nil {
			return err
		}
		next = entries[n-1].revision - 1
	}
	if left == c.count && left > 0 && c.from.edge == atEnd { // expired, or scavenged meanwhile
		end, err := s.last(c.stream, s.head.Load())
		if err != nil {
			return err
		}
		if end != v.last {
			return s.readStream(c, out)
		}
	}
	if c.positions && next < first {
		return out.lastPosition(v.last.revision)
	}
	return nil
}

// sendEntries sends the events of entries that have not expired. It returns
// how many entries it has dealt with and how many events are still wanted.
func (s *streamsService) sendEntries(entries []entry, out *sender, left uint64, oldest int64) (int, uint64, error) {
	p, err := s.fetch(entries)
	if err != nil {
		return 0, left, err
	}
	for _, r := range p.records {
		if left == 0 {
			break
		}
		if r.removed() {
			continue
		}
		if expired, err := r.expired(oldest); expired || err != nil {
			if err != nil {
				return 0, left, err
			}
			continue
		}
		if err := out.event(r); err != nil {
			return 0, left, err
		}
		left--
	}
	return len(p.records), left, s.going(out)
}
