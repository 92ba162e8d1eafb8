package eventstore

import (
	"context"
	"math"
	"strings"
	"sync"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// A mark remembers how far the end of the log has been searched for an event
// that is not the log server's own.
type mark struct {
	mu       sync.Mutex
	end, own uint64 // of the events up to end, the last one of ours is at own
}

func (m *mark) at(end uint64) (own uint64, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.own, m.end == end
}

func (m *mark) set(end, own uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.end, m.own = end, own
}

// Head is the position of the last event that is not the log server's own; 0 if
// there is none. Pages reaches it: a subscription that leaves out the server's
// own events need not say how far behind the last of ours it has got.
func (s *Store) Head(ctx context.Context) (uint64, error) {
	last, err := s.last(ctx)
	switch {
	case err != nil || last == nil:
		return 0, err
	case !system(last):
		return last.Position.Commit, nil
	}
	end := last.Position.Commit
	if own, known := s.searched.at(end); known {
		return own, nil
	}
	own, err := s.search(ctx, end)
	if err == nil {
		s.searched.set(end, own)
	}
	return own, err
}

// search goes back to the last event of ours, or to where an earlier search
// began. What came after end, meanwhile, is left for the next search.
func (s *Store) search(ctx context.Context, end uint64) (uint64, error) {
	return read(ctx, s, backwards(math.MaxInt64), func(r *esdb.ReadStream) (own uint64, err error) {
		err = each(r, func(e *esdb.RecordedEvent) (more bool) {
			var known bool
			at := e.Position.Commit
			switch {
			case at > end:
				return true
			case !system(e):
				own, known = at, true
			default:
				own, known = s.searched.at(at)
			}
			return !known
		})
		return own, err
	})
}

// last returns the last event of the log, nil if there is none.
func (s *Store) last(ctx context.Context) (*esdb.RecordedEvent, error) {
	events, err := read(ctx, s, backwards(1), all)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	return events[0], nil
}

func backwards(count uint64) opener {
	return func(ctx context.Context, c *esdb.Client) (*esdb.ReadStream, error) {
		return c.ReadAll(ctx, esdb.ReadAllOptions{Direction: esdb.Backwards, From: esdb.End{}}, count)
	}
}

// system reports whether an event belongs to the log server itself.
func system(e *esdb.RecordedEvent) bool {
	return strings.HasPrefix(e.EventType, "$") || strings.HasPrefix(e.StreamID, "$")
}
