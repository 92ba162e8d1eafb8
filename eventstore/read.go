package eventstore

import (
	"context"
	"errors"
	"io"
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/reeve-platform/reeve/domain"
)

// Read returns the events of a stream from a revision on, oldest first. A
// stream that does not exist has none. It fails with domain.ErrLogUnavailable or
// ErrLogRefused.
func (s *Store) Read(ctx context.Context, stream domain.StreamID, from uint64) ([]domain.Recorded, error) {
	open := func(ctx context.Context, c *esdb.Client) (*esdb.ReadStream, error) {
		return c.ReadStream(ctx, string(stream), esdb.ReadStreamOptions{From: esdb.Revision(from)}, math.MaxInt64)
	}
	return read(ctx, s, open, func(r *esdb.ReadStream) (events []domain.Recorded, err error) {
		d := decoder{registry: s.registry}
		err = each(r, func(e *esdb.RecordedEvent) bool {
			events = append(events, d.read(e))
			return true
		})
		return events, err
	})
}

// An opener begins a read that ends by itself.
type opener func(context.Context, *esdb.Client) (*esdb.ReadStream, error)

// read opens a read and uses it, all within the deadline. What does not exist is
// empty.
func read[T any](ctx context.Context, s *Store, open opener, use func(*esdb.ReadStream) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	v, err := twice(ctx, s.commands, unreachable, func(ctx context.Context, c *esdb.Client) (v T, err error) {
		r, err := open(ctx, c)
		if err != nil {
			return v, err
		}
		defer r.Close()
		return use(r)
	})
	if missing(err) {
		return v, nil
	}
	return v, ofRead(err)
}

// each hands over every event of a read until told that no more are wanted.
func each(r *esdb.ReadStream, use func(*esdb.RecordedEvent) (more bool)) error {
	for {
		e, err := r.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case e.Event != nil && !use(e.Event):
			return nil
		}
	}
}

// all collects the events of a read.
func all(r *esdb.ReadStream) (events []*esdb.RecordedEvent, err error) {
	err = each(r, func(e *esdb.RecordedEvent) bool { events = append(events, e); return true })
	return events, err
}

// ErrNothingThere: the log has no event at that position.
var ErrNothingThere = &domain.Error{Kind: domain.NotFound, Code: "position-not-found", Detail: "the log has no event at that position"}

// At returns the event at a position of the whole log. It fails with
// ErrNothingThere, and as Read does.
func (s *Store) At(ctx context.Context, position uint64) (domain.Recorded, error) {
	events, err := read(ctx, s, func(ctx context.Context, c *esdb.Client) (*esdb.ReadStream, error) {
		return c.ReadAll(ctx, esdb.ReadAllOptions{From: esdb.Position{Commit: position, Prepare: position}}, 1)
	}, all)
	if err != nil {
		return domain.Recorded{}, err
	}
	if len(events) == 0 || events[0].Position.Commit != position {
		return domain.Recorded{}, ErrNothingThere
	}
	return (&decoder{registry: s.registry}).read(events[0]), nil
}
