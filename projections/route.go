package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"github.com/reeve-platform/reeve/domain"
)

// mainTopic is the topic of the main lane.
const mainTopic = "projections"

// closeTimeout is how long a page may take to be committed when the engine ends.
const closeTimeout = 30 * time.Second

// errGap: the page in hand begins beyond the lane; it has to be read again.
var errGap = errors.New("the page does not begin where the lane is")

// route runs the main lane in a Watermill router, until ctx ends or the lane
// finds that it is not where it believed to be.
func (l *leader) route(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	logger := quiet(l.o.Logger)
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: closeTimeout}, logger)
	if err != nil {
		return err
	}
	subscriber := NewSubscriber(l.source, l.o.Logger)
	router.AddMiddleware(retrying(logger), middleware.Recoverer)
	router.AddConsumerHandler(mainTopic, mainTopic, subscriber, func(m *message.Message) error {
		err := l.handle(m)
		if errors.Is(err, errMoved) {
			cancel(err)
		}
		return err
	})
	if err := router.Run(ctx); err != nil {
		return fmt.Errorf("router: %w", err)
	}
	return context.Cause(ctx)
}

// quiet keeps the router's comings and goings for those who debug.
func quiet(l *slog.Logger) watermill.LoggerAdapter {
	return watermill.NewSlogLoggerWithLevelMapping(l, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug})
}

// retrying tries a page again a few times at once; what still fails is refused,
// and comes again later. Cursors that were moved will not move back.
func retrying(logger watermill.LoggerAdapter) message.HandlerMiddleware {
	return middleware.Retry{
		MaxRetries: 3, InitialInterval: firstPause, Multiplier: 3, MaxInterval: time.Second, RandomizationFactor: 0.2,
		ShouldRetry: func(p middleware.RetryParams) bool {
			return !errors.Is(p.Err, errMoved) && !errors.Is(p.Err, errGap)
		},
		Logger: logger,
	}.Middleware
}

func (l *leader) source(string) Source {
	return Source{Log: l.log, Size: l.o.PageSize, From: func(context.Context) (uint64, error) { return l.main.at(), nil }}
}

// handle applies one page to the main lane. What was applied before is passed
// over; deduplication is by position and by nothing else.
func (l *leader) handle(m *message.Message) error {
	p, ok := PageOf(m)
	if !ok {
		return fmt.Errorf("message %s carries no page", m.UUID)
	}
	return l.main.receive(m.Context(), p)
}

// receive applies what is new of a page.
func (l *lane) receive(ctx context.Context, p domain.Page) error {
	l.Lock()
	defer l.Unlock()
	if p.To <= l.position {
		return nil
	}
	if p.From > l.position {
		return errGap
	}
	return l.apply(ctx, after(p, l.position))
}
