package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/reeve-platform/reeve/domain"
)

// A Subscriber hands the log to a Watermill router, one message for one page.
// Acknowledging a message says that its page is committed; after a refusal the
// same page comes again, after a pause that doubles from a tenth of a second to
// half a minute. Exactly one message is under way at a time, because the router
// handles messages concurrently and the log has an order.
type Subscriber struct {
	open    func(topic string) Source
	logger  *slog.Logger
	closing context.Context
	close   context.CancelFunc
	mu      sync.Mutex // orders Subscribe and Close
	wg      sync.WaitGroup
}

// A Source is what a topic stands for.
type Source struct {
	Log     Log
	Size    int                                                   // most events of a page
	From    func(context.Context) (uint64, error)                 // where to go on; asked at first and after each refusal
	Commit  func(context.Context, domain.Page) error              // after an acknowledgement, unless nil; an error means that the page comes again
	Wrap    func(topic string, page domain.Page) *message.Message // nil for one named "topic@from-to" without a payload
	Longest time.Duration                                         // pause after a refusal; half a minute unless set
}

// ErrClosed: the subscriber takes no more subscriptions.
var ErrClosed = errors.New("subscriber is closed")

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 30 * time.Second
)

// NewSubscriber returns a subscriber that asks open what a topic stands for.
func NewSubscriber(open func(topic string) Source, logger *slog.Logger) *Subscriber {
	ctx, cancel := context.WithCancel(context.Background())
	return &Subscriber{open: open, logger: logger, closing: ctx, close: cancel}
}

type pageKey struct{}

// stretch wraps a page. The page travels beside the message (see [PageOf]), since
// encoding it would cost more than everything else the router does. The id names
// the stretch of the log, for people.
func stretch(topic string, page domain.Page) *message.Message {
	return message.NewMessage(fmt.Sprintf("%s@%d-%d", topic, page.From, page.To), nil)
}

// PageOf returns the page that a message of a Subscriber stands for.
func PageOf(m *message.Message) (domain.Page, bool) {
	p, ok := m.Context().Value(pageKey{}).(domain.Page)
	return p, ok
}

// Subscribe implements [message.Subscriber]. The channel is closed when ctx ends
// or the subscriber is closed, and never for any other reason: what fails is
// tried again.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Err() != nil {
		return nil, ErrClosed
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.closing, cancel)
	out := make(chan *message.Message)
	f := &feed{Source: s.open(topic), topic: topic, logger: s.logger, out: out, pause: firstPause}
	f.Longest = cmp.Or(f.Longest, longestPause)
	s.wg.Go(func() {
		defer close(out)
		defer cancel()
		defer stop()
		f.run(ctx)
	})
	return out, nil
}

// Close ends all subscriptions and waits for them.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	s.close()
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// A feed is one subscription.
type feed struct {
	Source
	topic  string
	logger *slog.Logger
	out    chan<- *message.Message
	pause  time.Duration
}

func (f *feed) run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := f.read(ctx); err != nil && ctx.Err() == nil {
			f.logger.Warn("projections: reading the log again", "lane", f.topic, "cause", err, "in", f.pause)
			_ = f.rest(ctx)
		}
	}
}

// rest waits, longer each time until something goes well.
func (f *feed) rest(ctx context.Context) error {
	f.pause = min(f.pause, f.Longest)
	defer func() { f.pause *= 2 }()
	return rest(ctx, f.pause)
}

// read delivers pages until one has to be read again from elsewhere.
func (f *feed) read(ctx context.Context) error {
	from, err := f.From(ctx)
	if err != nil {
		return fmt.Errorf("where to go on: %w", err)
	}
	for p, err := range ahead(ctx, f.Log, from, f.Size) {
		if err != nil {
			return err
		}
		again, err := f.deliver(ctx, p)
		if again || err != nil {
			return err
		}
	}
	return rest(ctx, idlePause)
}

// deliver offers a page until it is taken. Again means that the reader is to go
// on from another place.
func (f *feed) deliver(ctx context.Context, p domain.Page) (again bool, err error) {
	for {
		taken, err := f.offer(ctx, p)
		if err != nil {
			return false, err
		}
		if taken {
			f.pause = firstPause
			return f.commit(ctx, p)
		}
		if err := f.rest(ctx); err != nil {
			return false, err
		}
		if from, err := f.From(ctx); err != nil || from != p.From {
			return true, err
		}
	}
}

func (f *feed) commit(ctx context.Context, p domain.Page) (again bool, err error) {
	if f.Commit == nil {
		return false, nil
	}
	if err := f.Commit(context.WithoutCancel(ctx), p); errors.Is(err, errMoved) {
		return true, nil
	} else if err != nil {
		return true, err
	}
	return false, nil
}

// offer sends one message and waits for the verdict.
func (f *feed) offer(ctx context.Context, p domain.Page) (taken bool, err error) {
	wrap := f.Wrap
	if wrap == nil {
		wrap = stretch
	}
	m := wrap(f.topic, p)
	mctx, cancel := context.WithCancel(context.WithValue(ctx, pageKey{}, p))
	defer cancel()
	m.SetContext(mctx)
	select {
	case f.out <- m:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	select {
	case <-m.Acked():
		return true, nil
	case <-m.Nacked():
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
