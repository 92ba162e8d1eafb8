package logserver

import (
	"errors"
	"io"
	"unicode/utf8"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
)

// drainBytes bounds what is read from a caller whose append is already refused.
const drainBytes = 64 << 20

// encodedFactor bounds what an append holds, as a multiple of its limit: an event
// costs some hundred bytes and its stream's name even if it says nothing. Events
// of ordinary size meet the limit first.
const encodedFactor = 16

// longestName bounds the names of streams in bytes: they are held in memory, are
// part of every event, and are repeated in the trailers of refusals.
const longestName = 4 << 10

var errLongName = invalid("a stream name has at most 4096 bytes")

// An appendCall collects one Append request.
type appendCall struct {
	limit    int // bytes of all events together
	size     int
	encoded  int // bytes that the events take here
	stream   string
	expected int64
	opened   bool
	events   []proposal
	only     [1]proposal // memory of events while there is one
	received loan
}

// Append reads the whole request before it answers, refusals included: a
// client whose request is cut off sees a bare EOF instead of the reason.
func (s *streamsService) Append(call api.Streams_AppendServer) error {
	a := &appendCall{limit: s.maxAppend}
	if err := a.receive(call); err != nil {
		s.count.refused.Add(1)
		return err
	}
	w := &write{stream: a.stream, expected: a.expected, events: a.events}
	if err := s.permit(call.Context(), w); err != nil {
		s.count.refused.Add(1)
		return err
	}
	o, err := s.sequence.submit(call.Context(), w)
	if err != nil {
		return unsettled(err)
	}
	s.count.answered(o)
	switch {
	case errors.Is(o.err, errStreamDeleted):
		return streamDeleted(a.stream)
	case errors.Is(o.err, errDiskFull):
		return errFull
	}
	answer := appendAnswer(w, o)
	return call.SendMsg(answer)
}

// receive takes every message, remembering the first refusal.
func (a *appendCall) receive(call grpc.ServerStream) error {
	var refused error
	defer a.received.release()
	for drained := 0; drained < drainBytes; {
		err := call.RecvMsg(&a.received)
		if errors.Is(err, io.EOF) {
			return a.complete(refused)
		}
		if err != nil {
			return err
		}
		if refused == nil {
			refused = a.message(a.received.wire)
		}
		if refused != nil {
			drained += len(a.received.wire)
		}
	}
	return refused
}

func (a *appendCall) complete(refused error) error {
	if refused == nil && !a.opened {
		return invalid("the append has no options")
	}
	return refused
}

// message takes one AppendReq: options first, then proposed messages.
func (a *appendCall) message(wire []byte) error {
	err := eachField(wire, func(n protowire.Number, _ uint64, raw []byte) error {
		switch {
		case n == 1 && !a.opened:
			a.opened = true
			return a.options(raw)
		case n == 2 && a.opened:
			return a.propose(raw)
		}
		return invalid("an append starts with its options, once")
	})
	if errors.Is(err, errBadRecord) {
		return invalid("the append request cannot be read")
	}
	return err
}

// options reads AppendReq.Options: the stream, and what is expected of it.
func (a *appendCall) options(wire []byte) error {
	expected := false
	err := eachField(wire, func(n protowire.Number, v uint64, raw []byte) (err error) {
		if n >= 2 && n <= 5 {
			if (raw == nil) != (n == 2) {
				return nil // another field of that number, unknown here
			}
			expected = true
		}
		switch n {
		case 1:
			var name []byte
			name, err = onlyField(raw, streamName)
			a.stream = string(name)
		case 2:
			a.expected, err = exact(v)
		case 3:
			a.expected = expectNone
		case 4:
			a.expected = expectAny
		case 5:
			a.expected = expectExists
		}
		return err
	})
	switch {
	case errors.Is(err, errBadRecord):
		return writable("")
	case err != nil:
		return err
	case !expected:
		return errNoExpectation
	}
	return writable(a.stream)
}

// writable refuses names that no stream can have.
func writable(stream string) error {
	if stream == "" || stream == metaPrefix {
		return invalid("the stream name is empty")
	}
	if len(stream) > longestName {
		return errLongName
	}
	if stream == "$all" {
		return refuse(codes.PermissionDenied, "$all cannot be written", "exception", "access-denied")
	}
	return nil
}

// propose reads AppendReq.ProposedMessage.
func (a *appendCall) propose(wire []byte) error {
	var c content
	var kind, contentType bool
	err := eachField(wire, func(n protowire.Number, _ uint64, raw []byte) (err error) {
		switch n {
		case 1:
			c.id, err = parseID(raw)
		case 2:
			err = c.property(raw, &kind, &contentType)
		case 3:
			c.custom = raw
		case 4:
			c.data = raw
		}
		return err
	})
	switch {
	case err != nil:
		return invalid("a proposed event cannot be read")
	case !kind || !contentType:
		return propertyMissing(keyType, keyContentType)
	case !utf8.ValidString(c.kind):
		return invalid("an event's type is not UTF-8") // no client could read it, nor what follows
	case c.id == uuid.Nil:
		return invalid("a proposed event has no id")
	}
	return a.accept(c)
}

func (c *content) property(entry []byte, kind, contentType *bool) error {
	key, value, err := mapEntry(entry)
	switch string(key) {
	case keyType:
		c.kind, *kind = string(value), true
	case keyContentType:
		c.json, *contentType = string(value) == typeJSON, true
	}
	return err
}

// accept counts an event as the original does: its type in two-byte characters.
func (a *appendCall) accept(c content) error {
	a.size += len(c.data) + len(c.custom) + 2*len(c.kind)
	if a.size > a.limit {
		a.events = nil
		return appendTooLarge(a.limit)
	}
	p := propose(a.stream, c)
	if a.encoded += len(p.fields); a.encoded > encodedFactor*a.limit {
		a.events = nil
		return appendTooLarge(a.limit)
	}
	if a.events == nil {
		a.events = a.only[:0]
	}
	a.events = append(a.events, p)
	return nil
}
