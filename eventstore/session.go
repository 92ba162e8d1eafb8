package eventstore

import (
	"context"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// A session is one client from the moment it has found a server until a call
// first fails to reach that server. Then the client would look for a server
// again, and badly: while it looks, its calls heed no context; when it gives up,
// the calls that wait for it wait for ever; and it forgets to close the
// connection it had. A session never lets it come to that: it is over, for new
// calls, before its client learns that there is something to look for.
type session struct {
	client *esdb.Client
	gate   sync.RWMutex // read-held while a call asks the client for its connection
	over   bool
	ended  chan struct{} // closed when over
	idle   chan func()   // work for hands that have nothing to do
	calls  sync.WaitGroup
}

// dial makes a client find a server. It takes as long as the client takes.
func dial(config esdb.Configuration) (*session, error) {
	s := &session{ended: make(chan struct{}), idle: make(chan func())}
	config.Logger = s.hear
	client, err := esdb.NewClient(&config)
	if err != nil {
		return nil, err
	}
	if _, err := client.GetServerVersion(); err != nil {
		_ = client.Close()
		return nil, err
	}
	s.client = client
	return s, nil
}

// begin counts a call in, unless the session is over. The call must use the
// context that begin returns, directly, and leave when it has ended.
func (s *session) begin(ctx context.Context) (_ context.Context, leave func(), ok bool) {
	s.gate.RLock()
	if s.over {
		s.gate.RUnlock()
		return nil, nil, false
	}
	s.calls.Add(1)
	pass := sync.OnceFunc(s.gate.RUnlock)
	return passage{ctx, pass}, func() { pass(); s.calls.Done() }, true
}

// A passage is the context of a call that is asking the client for its
// connection. Once it has that, the client derives a deadline from the context,
// which opens the gate.
type passage struct {
	context.Context
	pass func()
}

func (p passage) Deadline() (time.Time, bool) {
	p.pass()
	return p.Context.Deadline()
}

// hear is the client's log. There the client says that a call has failed before
// it makes up its mind to look for a server again.
func (s *session) hear(level esdb.LogLevel, _ string, args ...any) {
	if level != esdb.LogError || len(args) != 1 {
		return
	}
	if err, ok := args[0].(error); ok && unreachable(err) {
		s.end()
	}
}

// end lets no more calls begin.
func (s *session) end() {
	s.gate.Lock()
	defer s.gate.Unlock()
	if !s.over {
		s.over = true
		close(s.ended)
	}
}

// bury closes the client when the last call has left: closing it under a call
// panics.
func (s *session) bury() {
	<-s.ended
	s.calls.Wait()
	_ = s.client.Close()
}

// beside runs f on a hand of the session. A hand that has made one call makes
// others: what a call through the client costs most after the call itself is the
// growing of a new stack.
func (s *session) beside(f func()) {
	select {
	case s.idle <- f:
	default:
		go s.hand(f)
	}
}

func (s *session) hand(f func()) {
	for {
		f()
		select {
		case f = <-s.idle:
		case <-s.ended:
			return
		}
	}
}
