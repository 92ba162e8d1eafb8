package logserver

import (
	"context"
	"errors"
	"io"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Bounds of one BatchAppend call. What a caller has begun and not completed
// cannot be pushed back, so it is refused; what is complete waits for room, and
// with it whatever the caller sends next.
const (
	batchesOpen     = 1024
	batchesInFlight = 256
	bytesInFlight   = 16 << 20
)

// A batchCall is one BatchAppend call: appends are collected side by side, each
// under its correlation id, and go through the sequencer like any other.
//
// Invariant: every completed append is answered once, in the order in which
// they were completed, which is also the order in which they become durable.
type batchCall struct {
	*streamsService
	call     grpc.ServerStream
	open     map[uuid.UUID]*batch // not completed yet
	gathered int                  // bytes in open
	room     *semaphore.Weighted  // bytes in flight
	inFlight chan *batch
	ended    error // why receiving ended, set before inFlight closes
}

// BatchAppend receives beside the call, because receiving cannot be interrupted
// from inside: ending the call ends it.
func (s *streamsService) BatchAppend(call api.Streams_BatchAppendServer) error {
	b := &batchCall{
		streamsService: s, call: call, open: map[uuid.UUID]*batch{},
		room: semaphore.NewWeighted(bytesInFlight), inFlight: make(chan *batch, batchesInFlight),
	}
	s.readers.Go(b.receive)
	for {
		select {
		case a, more := <-b.inFlight:
			if !more {
				return b.ended
			}
			if err := b.answer(a); err != nil {
				return err
			}
		case <-s.leaving:
			return b.answerRest()
		}
	}
}

// answerRest lets the appends under way finish when the server shuts down.
func (b *batchCall) answerRest() error {
	for {
		select {
		case a, more := <-b.inFlight:
			if !more {
				return b.ended
			}
			if err := b.answer(a); err != nil {
				return err
			}
		default:
			return errLeaving
		}
	}
}

func (b *batchCall) receive() {
	defer close(b.inFlight)
	for b.ended == nil {
		var f frame
		err := b.call.RecvMsg(&f)
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			err = b.take(f.wire)
		}
		b.ended = err
	}
}

// take adds a chunk to its append and hands over what is complete.
func (b *batchCall) take(wire []byte) error {
	c, err := readChunk(wire)
	if err != nil {
		return err
	}
	a := b.open[c.id]
	if a == nil {
		if len(b.open) >= batchesOpen {
			return refuse(codes.ResourceExhausted, "too many appends are begun and not completed")
		}
		a = newBatch(c, b.maxAppend)
		b.open[c.id] = a
	}
	b.gathered -= a.bytes
	a.add(c, len(wire))
	if b.gathered+a.bytes > max(bytesInFlight, 2*b.maxAppend) {
		a.refuse(refuse(codes.ResourceExhausted, "too much is begun and not completed"))
	}
	if !c.final {
		b.gathered += a.bytes
		return nil
	}
	delete(b.open, c.id)
	return b.hand(a)
}

// hand queues a complete append, waiting for room, and leaves it to be answered.
// It returns an error only when the whole call is over.
func (b *batchCall) hand(a *batch) error {
	ctx := b.call.Context()
	if a.refused == nil {
		a.refuse(b.queue(ctx, a))
	}
	if status.Code(a.refused) == codes.Unauthenticated {
		return a.refused
	}
	select {
	case b.inFlight <- a:
		return nil
	case <-ctx.Done():
		return unsettled(ctx.Err())
	}
}

func (b *batchCall) queue(ctx context.Context, a *batch) error {
	ctx, cancel := a.deadline(ctx)
	defer cancel()
	w := &write{stream: a.stream, expected: a.expected, events: a.events}
	if err := b.permit(ctx, w); err != nil {
		return err
	}
	size := min(int64(a.bytes), bytesInFlight)
	if err := b.room.Acquire(ctx, size); err != nil {
		return unsettled(err)
	}
	if err := b.sequence.enqueue(ctx, w); err != nil {
		b.room.Release(size)
		return unsettled(err)
	}
	a.write, a.room = w, size
	return nil
}

// answer waits until an append is durable and says so.
func (b *batchCall) answer(a *batch) error {
	o, err := outcome{err: a.refused}, error(nil)
	if a.write != nil {
		defer b.room.Release(a.room)
		o, err = b.outcome(a)
	}
	if err != nil {
		return err
	}
	b.count.answered(o)
	return b.call.SendMsg(batchAnswer(a, o))
}

// outcome is that of the sequencer, or that the append's own time has run out.
func (b *batchCall) outcome(a *batch) (outcome, error) {
	ctx, cancel := a.deadline(b.call.Context())
	defer cancel()
	o, err := b.sequence.await(ctx, a.write)
	switch {
	case err == nil:
		return o, nil
	case errors.Is(err, context.DeadlineExceeded) && b.call.Context().Err() == nil:
		return outcome{err: errTimeout}, nil
	}
	return outcome{}, unsettled(err)
}
