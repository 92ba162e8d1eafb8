package readapi

import (
	"context"
	"net/http"
	"time"

	evaluation "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v2"
	rpc "connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
)

// The types of events that flagd tells of.
const (
	flagdReady   = "provider_ready"
	flagdChange  = "configuration_change"
	flagdBeating = "keep_alive"
)

// EventStream tells when flags may have become others at the node that the caller is
// bound to, or else at the platform, and which. It takes room among the streams of
// OFREP, and lasts as long as the feed does: clients come again by themselves, with
// credentials that are good by then.
func (f flagd) EventStream(ctx context.Context, _ *rpc.Request[evaluation.EventStreamRequest], to *rpc.ServerStream[evaluation.EventStreamResponse]) error {
	c := flagdCallOf(ctx)
	a := asking{scope: c.scope}
	a.bind(c.scope)
	node, _ := f.place(&a) // a bound one names no slug
	out := &events{ofrep: f.ofrep, node: node, to: to, control: http.NewResponseController(c.w)}
	return f.tell(ctx, &follower{t: ticket{Node: node}, out: out})
}

// tell has a client follow a place, and come again: some do not notice that a stream has
// ended unless it is with an error. Where there are no streams they are told so, that they
// need not come.
func (o ofrep) tell(ctx context.Context, f *follower) error {
	c, s := flagdCallOf(ctx), o.source.Streams
	if s == nil {
		return flagdError(rpc.CodeUnimplemented, generalError, "there are no streams here")
	}
	ctx, leave, ok := s.enter(ctx, c.scope.Actor.ID)
	if !ok {
		return flagdRefusal(c, &refusal{err: ErrStreams})
	}
	defer leave()
	f.ofrep, f.t.Who, f.t.Until = o, c.scope.Actor.ID, o.now().Add(lasts).Unix()
	f.follow(c.r.WithContext(ctx))
	return flagdError(rpc.CodeUnavailable, generalError, "the stream has ended; come again")
}

// events tell a client of flagd what it follows.
type events struct {
	ofrep
	node    domain.NodeID
	to      *rpc.ServerStream[evaluation.EventStreamResponse]
	control *http.ResponseController

	told uint64    // position that the client has been told of; 0 before the first event
	when time.Time // and the instant
}

// changed tells first that there is somebody, and then which flags may be others.
func (e *events) changed(at uint64, now time.Time) bool {
	since, from := e.told, e.when
	e.told, e.when = at, now
	if from.IsZero() {
		return e.send(flagdReady, nil)
	}
	v, err := e.source.Flags.Look(flag.Question{Node: e.node, At: now, Position: at})
	if err != nil {
		return false
	}
	flags := map[string]any{}
	for _, k := range v.Touched(since, from) {
		flags[string(k)] = map[string]any{"type": "update"}
	}
	return len(flags) == 0 || e.send(flagdChange, map[string]any{"flags": flags})
}

func (e *events) alive() bool { return e.send(flagdBeating, nil) }

// send reports whether the client has taken it.
func (e *events) send(kind string, data map[string]any) bool {
	event := &evaluation.EventStreamResponse{Type: kind}
	if data != nil {
		var err error
		if event.Data, err = structpb.NewStruct(data); err != nil {
			return false
		}
	}
	return flagdSend(e.control, e.to, event)
}

// flagdSend reports whether the client has taken a message. Over HTTP/2 a deadline ends
// a stream that nothing is written to, too; so it is taken away again.
func flagdSend[T any](control *http.ResponseController, to *rpc.ServerStream[T], message *T) bool {
	return control.SetWriteDeadline(time.Now().Add(takes)) == nil && to.Send(message) == nil && control.SetWriteDeadline(time.Time{}) == nil
}
