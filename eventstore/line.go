package eventstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/reeve-platform/reeve/domain"
)

// A line leads to the log: a session while there is one, and a search for the
// next one, begun by the first call that needs it and joined by the others.
// Calls that come while no server can be found fail with the search under way,
// so that nothing piles up.
type line struct {
	config esdb.Configuration
	mu     sync.Mutex
	now    *session
	search *search // nil if there is none
	closed bool
	hands  sync.WaitGroup // searches, and sessions that are not buried
}

// A search is over when done is closed.
type search struct {
	done  chan struct{}
	found *session
	err   error
}

// errClosed: the store was closed while somebody still used it.
var errClosed = errors.New("the event store is closed")

// session returns the present session or waits for the next.
func (l *line) session(ctx context.Context) (*session, error) {
	now, s, err := l.present()
	if now != nil || err != nil {
		return now, err
	}
	select {
	case <-s.done:
		return s.found, s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *line) present() (*session, *search, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil, errClosed
	}
	if l.now != nil && !isDone(l.now.ended) {
		return l.now, nil, nil
	}
	if l.search == nil {
		s := &search{done: make(chan struct{})}
		l.search = s
		l.hands.Go(func() { l.find(s) })
	}
	return nil, l.search, nil
}

func (l *line) find(s *search) {
	defer close(s.done)
	s.found, s.err = dial(l.config)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.search = nil
	if s.err != nil {
		return
	}
	l.now = s.found
	l.hands.Go(s.found.bury)
	if l.closed {
		s.found.end()
	}
}

// close ends the session and waits, but not longer than limit, until nothing of
// it is left.
func (l *line) close(limit time.Duration) error {
	l.mu.Lock()
	l.closed = true
	now := l.now
	l.mu.Unlock()
	if now != nil {
		now.end()
	}
	left := make(chan struct{})
	go func() { defer close(left); l.hands.Wait() }()
	select {
	case <-left:
		return nil
	case <-time.After(limit):
		return errors.New("the event store is closed, but calls on it have not come back")
	}
}

// ask runs f on a client and comes back when ctx ends, whatever the client does.
// It fails with domain.ErrLogUnavailable if f was never run.
func ask[T any](ctx context.Context, l *line, f func(context.Context, *esdb.Client) (T, error)) (T, error) {
	for {
		s, err := l.session(ctx)
		if err != nil {
			var none T
			return none, domain.ErrLogUnavailable.Because(err)
		}
		if inside, leave, ok := s.begin(ctx); ok {
			return await(ctx, s, func() (T, error) {
				defer leave()
				return f(inside, s.client)
			})
		}
	}
}

// await runs f beside us. A client that panics over an answer it does not
// understand has failed that call, not the process.
func await[T any](ctx context.Context, s *session, f func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1)
	s.beside(func() {
		var a answer
		defer func() {
			if p := recover(); p != nil {
				a.err = fmt.Errorf("the client of the log panicked: %v", p)
			}
			if unreachable(a.err) {
				s.end()
			}
			done <- a
		}()
		a.value, a.err = f()
	})
	select {
	case a := <-done:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// twice asks again when a connection turns out to have died since it was last
// used; the second time there is a new one or none.
func twice[T any](ctx context.Context, l *line, again func(error) bool, f func(context.Context, *esdb.Client) (T, error)) (T, error) {
	v, err := ask(ctx, l, f)
	if err != nil && again(err) {
		return ask(ctx, l, f)
	}
	return v, err
}

func isDone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
