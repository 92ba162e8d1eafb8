package logserver

import (
	"time"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// A streamsService speaks event_store.client.streams.Streams over a journal.
type streamsService struct {
	api.UnimplementedStreamsServer
	*journal
	maxAppend int
	stall     time.Duration
	leaving   <-chan struct{} // closes when the server shuts down
	gate      *gate
	lasting   *lasting
}

// going returns an error when a reader should stop between two pages.
func (s *streamsService) going(out *sender) error {
	if err := out.call.Context().Err(); err != nil {
		return err
	}
	select {
	case <-s.leaving:
		return errLeaving
	case <-s.fault.tripped:
		return s.fault.err()
	default:
		return nil
	}
}

// settled turns what a reader ran into to the answer of its call. Damage found
// while reading stops the whole server: what else is damaged is not known.
func (s *streamsService) settled(err error) error {
	if err == nil || isAnswer(err) {
		return err
	}
	if isCorruption(err) {
		s.logger.Error("reading the log", "error", err)
		s.fault.trip(err)
	}
	return unsettled(err)
}
