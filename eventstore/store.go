package eventstore

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/reeve-platform/reeve/domain"
)

// Options are what a Store needs besides an address.
type Options struct {
	Logger   *slog.Logger  // discarded when nil
	Deadline time.Duration // of every call that is not a subscription; five seconds unless set
	OneNode  bool          // the address is that of the only node there is, without TLS: appends share one call
}

// A Store is the event log. It may be opened before the log can be reached, and
// is safe for concurrent use.
type Store struct {
	registry *domain.Registry
	logger   *slog.Logger
	deadline time.Duration
	commands *line // what commands and questions use
	feeds    *line // what subscriptions use, so that a slow one holds up no command
	closing  context.Context
	close    context.CancelFunc
	searched mark
	tail     tail
	ferry    *ferry        // what appends use; nil where each is a call
	silence  time.Duration // after which a subscription is suspected
}

const (
	appendLimit = 1 << 20 // bytes that a log takes in one append unless told otherwise
	searchTime  = 2       // seconds that a client gives one server to introduce itself
	silence     = 15 * time.Second
)

// Open prepares a store for an esdb:// address.
func Open(url string, r *domain.Registry, o Options) (*Store, error) {
	config, err := esdb.ParseConnectionString(url)
	if err != nil {
		return nil, err
	}
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Deadline == 0 {
		o.Deadline = 5 * time.Second
	}
	// One look at each server is a search; whoever still needs the log begins the next.
	config.MaxDiscoverAttempts = 1
	config.GossipTimeout = min(config.GossipTimeout, searchTime)
	config.DefaultDeadline = &o.Deadline
	s := &Store{registry: r, logger: o.Logger, deadline: o.Deadline, silence: silence}
	s.commands, s.feeds = &line{config: *config}, &line{config: *config}
	if o.OneNode && config.DisableTLS && config.Address != "" && !config.DnsDiscover {
		if s.ferry, err = newFerry(*config); err != nil {
			return nil, err
		}
	}
	s.closing, s.close = context.WithCancel(context.Background())
	return s, nil
}

// Close ends the sequences of pages, waits for the calls under way and gives the
// connections back.
func (s *Store) Close() error {
	s.close()
	var err error
	if s.ferry != nil {
		err = s.ferry.close(2 * s.deadline)
	}
	return errors.Join(err, s.commands.close(2*s.deadline), s.feeds.close(2*s.deadline))
}

// Ready fails unless the log answers now.
func (s *Store) Ready(ctx context.Context) error {
	_, err := s.last(ctx)
	return err
}

// Append writes at least one fact, the first of which must become revision next
// of the stream; 0 means that the stream must not exist, and domain.AtEnd that it
// does not matter what is there. It fails with
// domain.ErrRaced, ErrLogUnavailable, ErrLogFull or ErrAppendTooLarge, or
// ErrLogRefused, when nothing was written, and with domain.ErrOutcomeUnknown when that cannot be
// known: then the same append may be sent again, and is recognised by the ids of
// its facts.
func (s *Store) Append(ctx context.Context, stream domain.StreamID, next uint64, m domain.Meta, facts []domain.Proposed) (domain.Receipt, error) {
	events, size, err := encode(s.registry, m, facts)
	if err != nil {
		return domain.Receipt{}, err
	}
	if size > appendLimit {
		return domain.Receipt{}, domain.ErrAppendTooLarge
	}
	if s.ferry != nil {
		return s.ferried(ctx, stream, next, events)
	}
	ctx, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	again := func(err error) bool { return unsent(err) && unreachable(err) }
	done, err := twice(ctx, s.commands, again, func(ctx context.Context, c *esdb.Client) (*esdb.WriteResult, error) {
		return c.AppendToStream(ctx, string(stream), esdb.AppendToStreamOptions{ExpectedRevision: expected(next)}, events...)
	})
	if err != nil {
		return domain.Receipt{}, ofAppend(err)
	}
	return domain.Receipt{Stream: stream, Revision: done.NextExpectedVersion, Position: done.CommitPosition, Events: names(events)}, nil
}

func names(events []esdb.EventData) []string {
	out := make([]string, len(events))
	for i, e := range events {
		out[i] = e.EventType
	}
	return out
}

func expected(next uint64) esdb.ExpectedRevision {
	switch next {
	case 0:
		return esdb.NoStream{}
	case domain.AtEnd:
		return esdb.Any{}
	}
	return esdb.Revision(next - 1)
}
