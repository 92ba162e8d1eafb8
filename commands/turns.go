package commands

import (
	"context"
	"sync"

	"github.com/reeve-platform/reeve/domain"
)

// turns lets one command at a time work on a stream within this process, so
// that neighbours do not race each other to the log. Between processes the
// expected revision decides.
type turns struct {
	mu    sync.Mutex
	queue map[domain.StreamID]*turn
}

type turn struct {
	free    chan struct{} // holds a token when nobody is at it
	waiting int
}

// take waits for the stream; the returned func gives it back.
func (t *turns) take(ctx context.Context, s domain.StreamID) (func(), error) {
	q := t.join(s)
	select {
	case <-q.free:
		return func() { q.free <- struct{}{}; t.leave(s, q) }, nil
	case <-ctx.Done():
		t.leave(s, q)
		return nil, ErrBusy.Because(ctx.Err())
	}
}

func (t *turns) join(s domain.StreamID) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.queue == nil {
		t.queue = map[domain.StreamID]*turn{}
	}
	q := t.queue[s]
	if q == nil {
		q = &turn{free: make(chan struct{}, 1)}
		q.free <- struct{}{}
		t.queue[s] = q
	}
	q.waiting++
	return q
}

func (t *turns) leave(s domain.StreamID, q *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q.waiting--; q.waiting == 0 {
		delete(t.queue, s)
	}
}
