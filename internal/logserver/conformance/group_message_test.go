package conformance

import (
	"context"
	"fmt"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc/codes"
)

// A groupCall is a consumer that speaks for itself.
type groupCall struct {
	*world
	persistent.PersistentSubscriptions_ReadClient
	leave context.CancelFunc
}

type groupRead = persistent.ReadReq_Options

func inText(o *groupRead) {
	o.UuidOption.Content = &persistent.ReadReq_Options_UUIDOption_String_{String_: &shared.Empty{}}
}

// sit becomes a consumer of the test's group, not yet confirmed.
func (w *world) sit(stream string, change func(*groupRead)) groupCall {
	w.Helper()
	ctx, leave := context.WithCancel(w.ctx)
	w.Cleanup(leave)
	call, err := w.groups().Read(ctx)
	w.must(err)
	o := &groupRead{
		StreamOption: &persistent.ReadReq_Options_StreamIdentifier{StreamIdentifier: named(stream)},
		GroupName:    w.crew(), BufferSize: 10,
		UuidOption: &persistent.ReadReq_Options_UUIDOption{Content: &persistent.ReadReq_Options_UUIDOption_Structured{Structured: &shared.Empty{}}},
	}
	if change != nil {
		change(o)
	}
	c := groupCall{w, call, leave}
	c.say(&persistent.ReadReq{Content: &persistent.ReadReq_Options_{Options: o}})
	return c
}

func (c groupCall) say(r *persistent.ReadReq) {
	c.Helper()
	c.must(c.Send(r))
}

func (c groupCall) hear() *persistent.ReadResp {
	c.Helper()
	m, err := c.Recv()
	c.must(err)
	return m
}

// confirmed passes over the confirmation and returns what it names.
func (c groupCall) confirmed() string {
	c.Helper()
	return c.hear().GetSubscriptionConfirmation().GetSubscriptionId()
}

func (c groupCall) ack(ids ...*shared.UUID) {
	c.Helper()
	c.say(&persistent.ReadReq{Content: &persistent.ReadReq_Ack_{Ack: &persistent.ReadReq_Ack{Ids: ids}}})
}

func (c groupCall) nack(a persistent.ReadReq_Nack_Action, ids ...*shared.UUID) {
	c.Helper()
	c.say(&persistent.ReadReq{Content: &persistent.ReadReq_Nack_{Nack: &persistent.ReadReq_Nack{Ids: ids, Action: a, Reason: "because"}}})
}

// told wants an event and says which, and how often it was tried before.
func (c groupCall) told() (string, *shared.UUID) {
	c.Helper()
	e := c.hear().GetEvent()
	tries, counted := e.GetCount().(*persistent.ReadResp_ReadEvent_RetryCount)
	if !counted {
		c.Fatalf("no retry count in %v", e)
	}
	return fmt.Sprintf("%d try %d", e.GetEvent().GetStreamRevision(), tries.RetryCount), e.GetEvent().GetId()
}

func TestConsumerIsConfirmedFirst(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, event(0))
	w.group(s, esdb.Start{}, nil)
	w.same("confirmed", s+"::"+w.crew(), w.sit(s, nil).confirmed())
}

// Consumers get ids in the form they ask for, and answer in either, many at once.
func TestConsumersIdsInBothForms(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, events(0, 4)...)
	w.group(s, esdb.Start{}, nil)
	c := w.sit(s, inText)
	c.confirmed()
	var ids []*shared.UUID
	for n := range 4 {
		what, by := c.told()
		w.same("event", fmt.Sprint(n, " try 0"), what)
		w.same("id", id(n).String(), by.GetString_())
		ids = append(ids, by)
	}
	c.ack(ids...)
	w.untilCheckpoint(s, 3)
	w.append(s, esdb.Any{}, event(4))
	_, by := c.told()
	w.same("id", id(4).String(), by.GetString_())
	other := w.sit(s, nil)
	other.confirmed()
	c.leave()
	what, by := other.told()
	w.same("event", "4 try 1", what)
	if by.GetStructured() == nil {
		t.Errorf("id %v", by)
	}
	other.ack(textID(4))
	w.untilCheckpoint(s, 4)
}

// Answers about events that the consumer does not have are of no effect.
func TestAnswersToWhatWasNotSentAreIgnored(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, events(0, 2)...)
	w.group(s, esdb.Start{}, nil)
	c := w.sit(s, func(o *groupRead) { o.BufferSize = 1 })
	c.confirmed()
	c.told()
	c.ack(textID(1), textID(77))
	c.nack(persistent.ReadReq_Nack_Park, textID(1))
	c.ack(textID(0))
	c.ack(textID(0))
	what, _ := c.told()
	w.same("the second, although it was answered before it came", "1 try 0", what)
	w.same("parked", int64(0), w.info(s).Stats.ParkedMessagesCount)
}

// Stop is the consumer's own affair: the event is neither parked nor passed over.
func TestStopChangesNothing(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, event(0))
	w.group(s, esdb.Start{}, func(o *groupSettings) { o.MessageTimeout = 1 })
	c := w.sit(s, nil)
	c.confirmed()
	_, by := c.told()
	c.nack(persistent.ReadReq_Nack_Stop, by)
	what, by := c.told()
	w.same("when its time is over", "0 try 1", what)
	w.same("parked", int64(0), w.info(s).Stats.ParkedMessagesCount)
	c.ack(by)
	w.untilCheckpoint(s, 0)
}

func TestRefusedConsumers(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.group(s, esdb.Start{}, nil)
	for name, change := range map[string]func(*groupRead){
		"no id form": func(o *groupRead) { o.UuidOption = nil },
		"no source":  func(o *groupRead) { o.StreamOption = nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := w.within(t)
			_, err := w.sit(s, change).Recv()
			if err == nil {
				t.Error("confirmed")
			}
			if name == "no id form" {
				w.wantStatus(err, codes.InvalidArgument)
			}
		})
	}
}

// Times may be told in ticks, and the strategy by name alone.
func TestGroupOfOtherClients(t *testing.T) {
	w := start(t)
	s := w.name("s")
	const second = 10_000_000 // ticks
	o := groupDefaults()
	o.MessageTimeout = &persistent.CreateReq_Settings_MessageTimeoutTicks{MessageTimeoutTicks: 7 * second}
	o.CheckpointAfter = &persistent.CreateReq_Settings_CheckpointAfterTicks{CheckpointAfterTicks: 3 * second}
	o.ConsumerStrategy = "PinnedByCorrelation"
	_, err := w.groups().Create(w.ctx, &persistent.CreateReq{Options: &persistent.CreateReq_Options{
		StreamOption: &persistent.CreateReq_Options_Stream{Stream: &persistent.CreateReq_StreamOptions{StreamIdentifier: named(s), RevisionOption: &persistent.CreateReq_StreamOptions_Start{}}},
		GroupName:    w.crew(), Settings: o}})
	w.must(err)
	got, err := w.groups().GetInfo(w.ctx, &persistent.GetInfoReq{Options: &persistent.GetInfoReq_Options{
		StreamOption: &persistent.GetInfoReq_Options_StreamIdentifier{StreamIdentifier: named(s)}, GroupName: w.crew()}})
	w.must(err)
	i := got.GetSubscriptionInfo()
	w.same("times", []int32{7000, 3000}, []int32{i.GetMessageTimeoutMilliseconds(), i.GetCheckPointAfterMilliseconds()})
	w.same("strategy", "PinnedByCorrelation", i.GetNamedConsumerStrategy())
	w.must(w.client.DeletePersistentSubscription(w.ctx, s, w.crew(), esdb.DeletePersistentSubscriptionOptions{}))
}

// Events of one correlation go to one consumer, whatever their streams.
func TestCorrelatedEventsGoToOneConsumer(t *testing.T) {
	w := start(t)
	s := w.name("s")
	o := groupDefaults()
	o.ConsumerStrategy = "PinnedByCorrelation"
	_, err := w.groups().Create(w.ctx, &persistent.CreateReq{Options: &persistent.CreateReq_Options{
		StreamOption: &persistent.CreateReq_Options_Stream{Stream: &persistent.CreateReq_StreamOptions{StreamIdentifier: named(s), RevisionOption: &persistent.CreateReq_StreamOptions_Start{}}},
		GroupName:    w.crew(), Settings: o}})
	w.must(err)
	seats := []groupCall{w.sit(s, nil), w.sit(s, nil)}
	for _, c := range seats {
		c.confirmed()
	}
	const each, orders = 5, 12
	for n := range each * orders {
		e := event(n)
		e.Metadata = fmt.Appendf(nil, `{"$correlationId":"order-%d"}`, n%orders)
		w.append(s, esdb.Any{}, e)
	}
	type sent struct {
		seat int
		of   *shared.UUID
		n    uint64
	}
	arrived := make(chan sent)
	for n, c := range seats {
		go func() {
			for {
				m, err := c.Recv()
				if err != nil {
					return
				}
				select {
				case arrived <- sent{n, m.GetEvent().GetEvent().GetId(), m.GetEvent().GetEvent().GetStreamRevision()}:
				case <-w.ctx.Done():
					return
				}
			}
		}()
	}
	at, all := map[uint64]int{}, map[int]bool{}
	for range each * orders {
		select {
		case e := <-arrived:
			order := e.n % orders
			if seat, known := at[order]; known && seat != e.seat {
				t.Errorf("order %d is with both", order)
			}
			at[order], all[e.seat] = e.seat, true
			seats[e.seat].ack(e.of)
		case <-w.ctx.Done():
			t.Fatal("still waiting for events")
		}
	}
	w.same("orders, and consumers that have some", []int{orders, 2}, []int{len(at), len(all)})
	w.must(w.client.DeletePersistentSubscription(w.ctx, s, w.crew(), esdb.DeletePersistentSubscriptionOptions{}))
}
