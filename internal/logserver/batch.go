package logserver

import (
	"bytes"
	"context"
	"time"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// correlationBytes is the longest correlation id that is sent back.
const correlationBytes = 64

var errTimeout = refuse(codes.DeadlineExceeded, "the append was not durable before its deadline; it may have been written")

// A chunk is one BatchAppendReq, taken apart.
type chunk struct {
	id      uuid.UUID
	rawID   []byte
	options []byte // nil when there are none
	events  [][]byte
	final   bool
}

func readChunk(wire []byte) (c chunk, err error) {
	err = eachField(wire, func(n protowire.Number, v uint64, raw []byte) error {
		switch n {
		case 1:
			c.rawID = raw
		case 2:
			c.options = append([]byte{}, raw...)
		case 3:
			c.events = append(c.events, raw)
		case 4:
			c.final = v != 0
		}
		return nil
	})
	if err != nil {
		return c, invalid("the request cannot be read")
	}
	c.id, err = parseID(c.rawID)
	if err != nil || c.id == uuid.Nil || len(c.rawID) > correlationBytes {
		return c, invalid("the request has no usable correlation id")
	}
	return c, nil
}

// A batch is one append of a BatchAppend call. Its options and events have the
// form of an Append request's.
type batch struct {
	appendCall
	id       []byte // correlation id as its caller writes it
	received int    // bytes of its requests
	bytes    int    // what it holds: its requests, or its events if these are larger
	until    time.Time
	refused  error // the first reason not to write it
	write    *write
	room     int64
}

func newBatch(c chunk, limit int) *batch {
	return &batch{appendCall: appendCall{limit: limit}, id: bytes.Clone(c.rawID)}
}

// add takes over a chunk. What comes after a refusal is passed over.
func (a *batch) add(c chunk, size int) {
	if a.refused != nil {
		return
	}
	a.received += size
	err := a.read(c)
	a.bytes = max(a.received, a.encoded)
	a.refuse(err)
}

// refuse lets go of the events when there is a reason to.
func (a *batch) refuse(err error) {
	if err != nil {
		a.refused, a.events, a.bytes = err, nil, 0
	}
}

func (a *batch) read(c chunk) error {
	if (c.options != nil) == a.opened {
		return invalid("an append starts with its options, once")
	}
	if c.options != nil {
		a.opened = true
		if err := a.begin(c.options); err != nil {
			return err
		}
	}
	for _, e := range c.events {
		if err := a.propose(e); err != nil {
			return err
		}
	}
	if !a.until.IsZero() && time.Now().After(a.until) {
		return errTimeout
	}
	return nil
}

// begin reads the options: those of an append, and a deadline as a time or as a
// duration from now on.
func (a *batch) begin(wire []byte) error {
	if err := a.options(wire); err != nil || !timed(wire) {
		return err
	}
	var o api.BatchAppendReq_Options
	if err := proto.Unmarshal(wire, &o); err != nil {
		return invalid("the options cannot be read")
	}
	switch d := o.GetDeadlineOption().(type) {
	case *api.BatchAppendReq_Options_Deadline:
		if d.Deadline.CheckValid() != nil {
			return invalid("the deadline is not a duration")
		}
		a.until = time.Now().Add(d.Deadline.AsDuration())
	case *api.BatchAppendReq_Options_Deadline_21_10_0:
		if d.Deadline_21_10_0.CheckValid() != nil {
			return invalid("the deadline is not a time")
		}
		a.until = d.Deadline_21_10_0.AsTime()
	}
	return nil
}

// timed reports whether options have a deadline at all.
func timed(options []byte) (found bool) {
	_ = eachField(options, func(n protowire.Number, _ uint64, _ []byte) error { // was read before
		found = found || n == 6 || n == 7
		return nil
	})
	return found
}

// deadline bounds a context by the append's own deadline, if it has one.
func (a *batch) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if a.until.IsZero() {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, a.until)
}
