package logserver

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/reeve-platform/reeve/internal/logserver/share"
)

// seatLimit is the most unanswered events one consumer may ask for.
const seatLimit = 1 << 14

// A groupSeat is one consumer's connection to its group. What it was given but
// has not read waits in the outbox as numbers, not as events.
type groupSeat struct {
	run       *groupRun
	gate      *gate
	caller    context.Context // of the call; it knows who calls
	consumer  *share.Consumer
	outbox    chan share.Delivery
	stringIDs bool
	from      string
	name      string
	joined    time.Time
	sending   atomic.Int64 // since when the transport has had one event, 0 = it has none
	dropped   chan struct{}
	once      sync.Once
	cause     error // set before dropped closes
}

func (s *groupSeat) drop(cause error) {
	s.once.Do(func() {
		s.cause = cause
		close(s.dropped)
	})
}

func (s *groupSeat) stalled(now time.Time, patience time.Duration) bool {
	since := s.sending.Load()
	return since != 0 && now.Sub(time.Unix(0, since)) > patience
}

// Read makes the caller a consumer of a group until it leaves.
func (s *groupsService) Read(call api.PersistentSubscriptions_ReadServer) error {
	first, err := call.Recv()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	seat, err := s.newSeat(call.Context(), first.GetOptions())
	if err != nil {
		return err
	}
	r := seat.run
	var full error
	if !r.askNow(func() { full = r.take(seat) }) {
		return r.cause
	}
	if full != nil {
		return full
	}
	defer r.ask(func() { r.leave(seat) })
	s.count.subscribers.Add(1)
	defer s.count.subscribers.Add(-1)
	return s.settled(seat.serve(call))
}

func (s *groupsService) newSeat(ctx context.Context, o *api.ReadReq_Options) (*groupSeat, error) {
	if o == nil {
		return nil, invalid("a consumer begins with its options")
	}
	seat := &groupSeat{gate: s.gate, caller: ctx, dropped: make(chan struct{}), joined: time.Now()}
	switch o.GetUuidOption().GetContent().(type) {
	case *api.ReadReq_Options_UUIDOption_Structured:
	case *api.ReadReq_Options_UUIDOption_String_:
		seat.stringIDs = true
	default:
		return nil, invalid("the request does not say in which form it wants ids")
	}
	if o.GetBufferSize() <= 0 {
		return nil, invalid("the consumer's buffer has no size")
	}
	k := namedGroup(o)
	if seat.run = s.find(k); seat.run == nil {
		return nil, groupMissing(k)
	}
	if err := seat.may(); err != nil {
		return nil, err
	}
	seat.outbox = make(chan share.Delivery, min(o.GetBufferSize(), seatLimit))
	if p, ok := peer.FromContext(ctx); ok {
		seat.from = p.Addr.String()
	}
	if names := metadata.ValueFromIncomingContext(ctx, "connection-name"); len(names) > 0 {
		seat.name = names[0]
	}
	return seat, nil
}

// may says whether the consumer is allowed to read the group's source, now.
func (s *groupSeat) may() error { return s.gate.allowed(s.caller, toRead, s.run.Stream) }

// take and leave run in the group's goroutine.
func (r *groupRun) take(s *groupSeat) (err error) {
	if s.consumer, err = r.group.Join(cap(s.outbox)); err != nil {
		return groupFull(r.groupKey)
	}
	r.seats[s.consumer] = s
	return nil
}

func (r *groupRun) leave(s *groupSeat) {
	r.group.Leave(s.consumer)
	delete(r.seats, s.consumer)
}

// serve sends and listens until one of them ends, or the group drops the
// consumer. Both block in the transport, so they work beside the call.
func (s *groupSeat) serve(call api.PersistentSubscriptions_ReadServer) error {
	ended := make(chan error, 2)
	s.run.readers.Go(func() { ended <- s.send(call) })
	s.run.readers.Go(func() { ended <- s.listen(call) })
	rights := time.NewTicker(rightsLookedAt) // a silent consumer must hear of it, too
	defer rights.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-rights.C:
			if err := s.may(); err != nil {
				return err
			}
		case <-s.dropped:
			return s.cause
		case <-s.run.leaving:
			return errLeaving
		case <-s.run.fault.tripped:
			return s.run.fault.err()
		}
	}
}

func (s *groupSeat) send(call api.PersistentSubscriptions_ReadServer) error {
	confirmation := &api.ReadResp_SubscriptionConfirmation{SubscriptionId: s.run.String()}
	if err := call.Send(&api.ReadResp{Content: &api.ReadResp_SubscriptionConfirmation_{SubscriptionConfirmation: confirmation}}); err != nil {
		return err
	}
	for {
		select {
		case d := <-s.outbox:
			if err := s.deliver(call, d); err != nil {
				return err
			}
		case <-s.dropped:
			return s.cause
		case <-call.Context().Done():
			return call.Context().Err()
		}
	}
}

func (s *groupSeat) deliver(call api.PersistentSubscriptions_ReadServer, d share.Delivery) error {
	if err := s.may(); err != nil {
		return err
	}
	wire, err := s.compose(d.Message)
	if errors.Is(err, errRemoved) {
		s.run.ask(func() { s.run.group.Nack(s.consumer, share.Skip, "", d.ID) })
		return nil
	}
	if err != nil {
		return err
	}
	s.sending.Store(time.Now().UnixNano())
	defer s.sending.Store(0)
	s.run.count.sent.Add(1)
	return call.SendMsg(&frame{wire: wire})
}

// compose reads an event and its link. A parked event is sent as the target of
// the link that parked it.
func (s *groupSeat) compose(m share.Message) ([]byte, error) {
	d, err := s.run.decoded(m.At)
	if err != nil {
		return nil, err
	}
	event, link := d.event, []byte(nil)
	if m.Parked {
		if event, err = s.run.linked(d.data); err != nil {
			return nil, err
		}
		link = d.event
	}
	if s.run.config.ResolveLinks && event != nil {
		if event, link, err = s.resolve(event, link); err != nil {
			return nil, err
		}
	}
	if s.stringIDs {
		event, link = withStringID(event), withStringID(link)
	}
	return groupEvent(event, link, d.position, m.Retries), nil
}

// resolve follows a link. What is acknowledged is the outermost one.
func (s *groupSeat) resolve(event, link []byte) (target, by []byte, err error) {
	var d decoded
	if err := eachField(event, d.field); err != nil || string(d.kind) != linkType {
		return event, link, err
	}
	if link == nil {
		link = event
	}
	target, err = s.gate.linked(s.caller, s.run.journal, d.data)
	return target, link, err
}

// Field numbers of event_store.client.persistent_subscriptions.ReadResp; the
// events inside are those of a read.
const (
	groupReadEvent  = 1
	groupReadLink   = 2
	groupReadCommit = 3
	groupReadRetry  = 5
)

// groupEvent builds a ReadResp. The retry count is there even when it is zero.
func groupEvent(event, link []byte, position uint64, retries int) []byte {
	b := appendBytesField(nil, groupReadEvent, event)
	b = appendBytesField(b, groupReadLink, link)
	b = appendVarintField(b, groupReadCommit, position)
	b = protowire.AppendVarint(protowire.AppendTag(b, groupReadRetry, protowire.VarintType), uint64(retries))
	return append(appendHeader(nil, readRespEvent, len(b)), b...)
}

// listen takes the consumer's answers. Leaving is no error.
func (s *groupSeat) listen(call api.PersistentSubscriptions_ReadServer) error {
	for {
		said, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		act, err := s.answer(said)
		if err != nil {
			return err
		}
		if !s.run.ask(act) {
			return s.run.cause
		}
	}
}

func (s *groupSeat) answer(said *api.ReadReq) (func(), error) {
	g, c := s.run.group, s.consumer
	switch said.GetContent().(type) {
	case *api.ReadReq_Ack_:
		ids, err := answeredIDs(said.GetAck().GetIds())
		return func() { g.Ack(c, time.Now(), ids...) }, err
	case *api.ReadReq_Nack_:
		ids, err := answeredIDs(said.GetNack().GetIds())
		action, reason := share.Action(said.GetNack().GetAction()), said.GetNack().GetReason()
		return func() { g.Nack(c, action, reason, ids...) }, err
	}
	return nil, invalid("a consumer acknowledges or refuses events")
}

func answeredIDs(all []*shared.UUID) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, len(all))
	for i, u := range all {
		var err error
		if ids[i], err = sharedID(u); err != nil {
			return nil, invalid("an id cannot be read")
		}
	}
	return ids, nil
}
