package logserver

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// A sieve lets the records of a damaged store through up to the first that is
// in doubt. It looks at nothing but the records: what stands under the streams
// can be made again from them.
type sieve struct {
	next    uint64 // the first position that did not come through
	why     string // why it did not
	events  uint64
	removed uint64
	created int64
	streams map[string]int64 // their last revisions
}

func newSieve() *sieve { return &sieve{next: 1, streams: map[string]int64{}} }

// pass shows each good record to keep, with its bytes only where it was removed.
func (s *sieve) pass(ctx context.Context, db *pebble.DB, keep func(record, decoded) error) error {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: logFloor, UpperBound: logCeiling})
	if err != nil {
		s.why = "the store cannot be read: " + err.Error()
		return nil
	}
	defer func() { _ = it.Close() }() // its error is the one below
	for ok := it.First(); ok && s.why == ""; ok = it.Next() {
		wire, err := it.ValueAndErr()
		if err != nil {
			break
		}
		r := record{position: positionOf(it.Key()), wire: wire}
		var d decoded
		if d, s.why = s.judge(r); s.why != "" {
			return nil
		}
		if err := keep(r, d); err != nil {
			return err
		}
		if s.next++; s.next%tellEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if s.why = "the record is missing"; it.Error() != nil {
		s.why = "the record cannot be read: " + it.Error().Error()
	}
	return nil
}

// judge says what is wrong with the record that comes next.
func (s *sieve) judge(r record) (d decoded, why string) {
	if r.position != s.next {
		return d, "the record is missing"
	}
	if len(r.wire) == 1 && r.wire[0] <= lostMark {
		s.removed++
		return d, ""
	}
	d, err := decode(r.wire)
	switch {
	case err != nil:
		return d, "the record cannot be decoded"
	case d.position != r.position:
		return d, fmt.Sprintf("the record says it stands at %d", d.position)
	case d.created < s.created:
		return d, "the record is older than the one before it"
	case !s.follows(string(d.stream), d.revision):
		return d, fmt.Sprintf("the record does not follow in stream %q", d.stream)
	}
	s.events, s.created = s.events+1, d.created
	return d, ""
}

// follows takes a stream's next revision. The first may be above zero when so
// many events have been removed before it.
func (s *sieve) follows(stream string, revision int64) bool {
	last, known := s.streams[stream]
	good := revision == tombstoneRevision || revision == last+1
	if !known {
		good = revision == tombstoneRevision || uint64(revision) <= s.removed
	}
	s.streams[stream] = revision
	return good
}
