package eventstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/reeve-platform/reeve/domain"
)

// A ferry takes appends to a log of one node, many over one call (BatchAppend): a
// call for each costs both ends several times what the append does. The client
// has no such thing, and its connection is its own, so the ferry has another.
type ferry struct {
	conn    *grpc.ClientConn
	closing context.Context
	stop    context.CancelFunc
	mu      sync.Mutex
	now     *crossing // nil before the first append
	closed  bool
	calls   sync.WaitGroup // appends under way
	hands   sync.WaitGroup
}

// A crossing is one call. Appends that were taken and not answered when it ends
// may have been written; all others surely were not.
type crossing struct {
	dock  chan *load // to the call, once it has begun
	ended chan struct{}
	err   error // why it ended, set before that

	mu      sync.Mutex
	serial  int64
	waiting map[int64]*load // taken and not answered
}

// A load is one append on its way.
type load struct {
	request *streams.BatchAppendReq
	serial  int64
	answer  chan *streams.BatchAppendResp // has room for one
	late    <-chan time.Time              // tells once when nobody waits any more
}

// Pauses between two tries to connect, which only calls that need it make.
var reconnecting = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 2, Jitter: 0.2, MaxDelay: time.Second},
	MinConnectTimeout: searchTime * time.Second,
}

// newFerry connects when there is something to carry.
func newFerry(c esdb.Configuration) (*ferry, error) {
	conn, err := grpc.NewClient(c.Address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithConnectParams(reconnecting), grpc.WithDisableRetry(),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: c.KeepAliveInterval, Timeout: c.KeepAliveTimeout, PermitWithoutStream: true}))
	if err != nil {
		return nil, err
	}
	f := &ferry{conn: conn}
	f.closing, f.stop = context.WithCancel(context.Background())
	return f, nil
}

// close lets the appends under way end, but waits no longer than limit for them.
func (f *ferry) close(limit time.Duration) (err error) {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	late := time.AfterFunc(limit, f.stop)
	f.calls.Wait()
	if !late.Stop() {
		err = errors.New("the event store is closed, but appends on it have not come back")
	}
	f.stop()
	f.hands.Wait()
	return errors.Join(err, f.conn.Close())
}

// carry appends within a limit. It fails with domain.ErrLogUnavailable if nothing
// was sent, and with domain.ErrOutcomeUnknown if it was and no answer came.
func (f *ferry) carry(ctx context.Context, limit time.Duration, request *streams.BatchAppendReq) (*streams.BatchAppendResp, error) {
	late := time.NewTimer(limit)
	defer late.Stop()
	l := &load{request: request, answer: make(chan *streams.BatchAppendResp, 1), late: late.C}
	c, err := f.board(ctx, l)
	if err != nil {
		return nil, err
	}
	defer f.calls.Done()
	defer c.forget(l)
	select {
	case a := <-l.answer:
		return a, nil
	case <-c.ended:
		err = c.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-l.late:
		err = context.DeadlineExceeded
	}
	select {
	case a := <-l.answer: // it came last
		return a, nil
	default:
		return nil, domain.ErrOutcomeUnknown.Because(err)
	}
}

// board finds a crossing that takes the load. One that has ended since it was last
// used is worth a second try.
func (f *ferry) board(ctx context.Context, l *load) (*crossing, error) {
	var err error
	for range 2 {
		c := f.crossing()
		if c == nil {
			return nil, domain.ErrLogUnavailable.Because(errClosed)
		}
		select {
		case c.dock <- l:
			return c, nil
		case <-c.ended:
			err = c.err
		case <-ctx.Done():
			f.calls.Done()
			return nil, domain.ErrLogUnavailable.Because(ctx.Err())
		case <-l.late:
			f.calls.Done()
			return nil, domain.ErrLogUnavailable.Because(context.DeadlineExceeded)
		}
		f.calls.Done()
	}
	return nil, ofCall(err)
}

// crossing is the present one, or a new one that may still be connecting; nil once
// the ferry is closed. Somebody is under way until calls.Done.
func (f *ferry) crossing() *crossing {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.calls.Add(1)
	if f.now == nil || isDone(f.now.ended) {
		c := &crossing{dock: make(chan *load), ended: make(chan struct{}), waiting: map[int64]*load{}}
		f.now = c
		f.hands.Go(func() { c.run(f.closing, f.conn) })
	}
	return f.now
}

// run lives as long as the call.
func (c *crossing) run(ctx context.Context, conn *grpc.ClientConn) {
	defer close(c.ended)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	call, err := streams.NewStreamsClient(conn).BatchAppend(ctx)
	if err != nil {
		c.err = err
		return
	}
	over := make(chan struct{})
	go func() { defer close(over); c.err = c.receive(call) }()
	c.send(call, over)
	cancel() // if it broke here: only who receives is told why
	<-over
}

// send sends what boards until the call is over or breaks. It may have to wait for
// a server that does not read, and nobody waits for it then: who has not boarded
// goes when its time is up.
func (c *crossing) send(call streams.Streams_BatchAppendClient, over <-chan struct{}) {
	for {
		select {
		case l := <-c.dock:
			c.note(l)
			if call.Send(l.request) != nil {
				return
			}
		case <-over:
			return
		}
	}
}

// receive hands out answers until there are no more.
func (c *crossing) receive(call streams.Streams_BatchAppendClient) error {
	for {
		a, err := call.Recv()
		if err != nil {
			return err
		}
		if l := c.answered(a); l != nil {
			l.answer <- a
		}
	}
}

// note gives a load the name under which it will be answered.
func (c *crossing) note(l *load) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial++
	l.serial = c.serial
	l.request.CorrelationId = structured(0, l.serial)
	c.waiting[l.serial] = l
}

// answered is who waits for an answer; nil if nobody does any more.
func (c *crossing) answered(a *streams.BatchAppendResp) *load {
	serial := a.GetCorrelationId().GetStructured().GetLeastSignificantBits()
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.waiting[serial]
	delete(c.waiting, serial)
	return l
}

// forget lets go of a load whose sender has stopped waiting.
func (c *crossing) forget(l *load) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, l.serial)
}
