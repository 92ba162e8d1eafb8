package eventstore

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

const dumpChunk = 1024 // events read at once

// Raw is an event as it lies in the log, for tools. Data that is not JSON is
// given as a base64 string.
type Raw struct {
	Position uint64
	Stream   string
	Revision uint64
	ID       string
	Type     string
	Created  time.Time
	Data     json.RawMessage
	Metadata json.RawMessage
}

// Dump yields everything in the log from one position to another, both
// inclusive, the log server's own events too.
func (s *Store) Dump(ctx context.Context, from, to uint64) iter.Seq2[Raw, error] {
	return func(yield func(Raw, error) bool) {
		for next := from; ; {
			chunk, err := s.chunk(ctx, next)
			if err != nil {
				yield(Raw{}, err)
				return
			}
			fresh := 0
			for _, e := range chunk {
				if p := e.Position.Commit; p < next || p > to {
					continue
				}
				if !yield(raw(e), nil) {
					return
				}
				next, fresh = e.Position.Commit+1, fresh+1
			}
			if fresh == 0 {
				return
			}
		}
	}
}

// chunk reads a piece of the log. Positions are those of records only, so the
// read begins at the last one given out and what is known is passed over.
func (s *Store) chunk(ctx context.Context, next uint64) ([]*esdb.RecordedEvent, error) {
	return read(ctx, s, func(ctx context.Context, c *esdb.Client) (*esdb.ReadStream, error) {
		return c.ReadAll(ctx, esdb.ReadAllOptions{From: position(max(next, 1) - 1)}, dumpChunk)
	}, all)
}

func raw(e *esdb.RecordedEvent) Raw {
	return Raw{e.Position.Commit, e.StreamID, e.EventNumber, e.EventID.String(), e.EventType, e.CreatedDate.UTC(), asJSON(e.Data), asJSON(e.UserMetadata)}
}
