package logserver_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
)

type (
	batchReq   = streams.BatchAppendReq
	batchOpts  = streams.BatchAppendReq_Options
	batchEvent = streams.BatchAppendReq_ProposedMessage
)

// A batchCall is an open BatchAppend call.
type batchCall struct {
	*world
	streams.Streams_BatchAppendClient
}

func (w *world) batch() batchCall {
	w.Helper()
	call, err := w.stub().BatchAppend(w.ctx)
	if err != nil {
		w.Fatal(err)
	}
	return batchCall{w, call}
}

func (b batchCall) say(r *batchReq) {
	b.Helper()
	if err := b.Send(r); err != nil {
		b.Fatal(err)
	}
}

func (b batchCall) hear() *streams.BatchAppendResp {
	b.Helper()
	answer, err := b.Recv()
	if err != nil {
		b.Fatal(err)
	}
	return answer
}

func batchTo(stream string, change func(*batchOpts)) *batchOpts {
	o := &batchOpts{StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(stream)}}
	o.ExpectedStreamPosition = &streams.BatchAppendReq_Options_Any{Any: &emptypb.Empty{}}
	if change != nil {
		change(o)
	}
	return o
}

func batchEvents(from, count int) []*batchEvent {
	var all []*batchEvent
	for n := range count {
		all = append(all, &batchEvent{Id: textID(from + n), Metadata: typed, Data: fmt.Appendf(nil, `{"n":%d}`, from+n)})
	}
	return all
}

// What a caller begins and never completes is bounded, whatever it does.
func TestBatchNeverCompleted(t *testing.T) {
	w := start(t, t.TempDir())
	b := w.batch()
	data := bytes.Repeat([]byte("x"), 1000<<10)
	for n := range 40 {
		b.say(&batchReq{CorrelationId: textID(n + 1), Options: batchTo("s", nil),
			ProposedMessages: []*batchEvent{{Id: textID(n + 1), Metadata: typed, Data: data}}})
	}
	b.say(&batchReq{CorrelationId: textID(40), IsFinal: true})
	if last := b.hear(); codes.Code(last.GetError().GetCode()) != codes.ResourceExhausted {
		t.Errorf("the fortieth: %v", last)
	}
	b.say(&batchReq{CorrelationId: textID(1), IsFinal: true})
	if first := b.hear(); first.GetSuccess() == nil {
		t.Errorf("the first: %v", first)
	}
	for n := range 2000 {
		if b.Send(&batchReq{CorrelationId: textID(n + 1), Options: batchTo("s", nil)}) != nil {
			break
		}
	}
	_, err := b.Recv()
	wantStatus(t, err, codes.ResourceExhausted)
}

// A caller that does not read its answers is pushed back, and hears all of them
// in order when it does.
func TestBatchInFlight(t *testing.T) {
	w := start(t, t.TempDir())
	b := w.batch()
	const appends, size, unread = 4000, 4 << 10, 500
	sent := make(chan error, 1)
	go func() {
		data := bytes.Repeat([]byte("x"), size)
		for n := range appends {
			o := batchTo("s", func(o *batchOpts) {
				if n > 0 {
					o.ExpectedStreamPosition = &streams.BatchAppendReq_Options_StreamPosition{StreamPosition: uint64(n - 1)}
				}
				o.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(time.Minute)}
			})
			if err := b.Send(&batchReq{CorrelationId: textID(n + 1), Options: o, IsFinal: true,
				ProposedMessages: []*batchEvent{{Id: textID(n), Metadata: typed, Data: data}}}); err != nil {
				sent <- err
				return
			}
		}
		sent <- b.CloseSend()
	}()
	w.until("much is appended and nothing read", func() bool { return w.server.Head() > unread })
	for n := range appends {
		answer := b.hear()
		if !proto.Equal(answer.CorrelationId, textID(n+1)) || answer.GetSuccess().GetCurrentRevision() != uint64(n) {
			t.Fatalf("append %d: %v", n, answer)
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if _, err := b.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

// A server that shuts down answers what it has taken and ends the call.
func TestBatchWhenTheServerLeaves(t *testing.T) {
	w := start(t, t.TempDir())
	b := w.batch()
	b.say(&batchReq{CorrelationId: textID(1), Options: batchTo("s", nil), ProposedMessages: batchEvents(0, 1), IsFinal: true})
	if b.hear().GetSuccess() == nil {
		t.Fatal("not appended")
	}
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := b.Recv()
	wantStatus(t, err, codes.Unavailable)
}
