package logserver

import (
	"sync/atomic"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

// A sender writes the answers of one read.
type sender struct {
	call  grpc.ServerStream
	asked *readCall
	log   *journal
	gate  *gate
	frame frame
	begun atomic.Uint64 // messages handed to the transport
	ended atomic.Uint64 // messages it has taken
	at    atomic.Uint64 // a subscription's place in the log
	rests atomic.Bool   // it has all there is
}

// event sends a record: as it is stored, unless the caller wants links
// followed or ids in the other form.
func (s *sender) event(r record) (err error) {
	s.frame.wire = r.wire
	if s.asked.resolve || s.asked.stringIDs {
		if s.frame.wire, err = s.adapt(r.wire); err != nil {
			return err
		}
	}
	s.at.Store(r.position)
	s.log.count.sent.Add(1)
	return s.send(&s.frame)
}

// send hands the transport a message, which may have to wait for the reader.
func (s *sender) send(m any) error {
	s.begun.Add(1)
	defer s.ended.Add(1)
	return s.call.SendMsg(m)
}

func (s *sender) adapt(wire []byte) ([]byte, error) {
	d, err := decode(wire)
	if err != nil {
		return nil, err
	}
	event, link := d.event, []byte(nil)
	if s.asked.resolve && string(d.kind) == linkType {
		if event, err = s.gate.linked(s.call.Context(), s.log, d.data); err != nil {
			return nil, err
		}
		link = d.event
	}
	if s.asked.stringIDs {
		event, link = withStringID(event), withStringID(link)
	}
	return readEvent(event, link, d.position), nil
}

// may says whether the caller is allowed to read what it asked for, now.
func (s *sender) may() error { return s.gate.readable(s.call.Context(), s.asked.stream) }

// readEvent builds a ReadResp around encoded events; either may be absent.
func readEvent(event, link []byte, position uint64) []byte {
	var b []byte
	if event != nil {
		b = append(appendHeader(b, readEventEvent, len(event)), event...)
	}
	if link != nil {
		b = append(appendHeader(b, readEventLink, len(link)), link...)
	}
	b = appendVarintField(b, readEventCommit, position)
	return append(appendHeader(nil, readRespEvent, len(b)), b...)
}

// withStringID writes an encoded event again with its id as text.
func withStringID(event []byte) []byte {
	var b []byte
	for rest := event; len(rest) > 0; {
		n, kind, tag := protowire.ConsumeTag(rest)
		size := protowire.ConsumeFieldValue(n, kind, rest[tag:])
		if n != recordedID {
			b = append(b, rest[:tag+size]...)
		} else if raw, _ := protowire.ConsumeBytes(rest[tag:]); raw != nil {
			id, _ := parseID(raw) // stored by us, and decoded before
			b = appendStringID(b, id)
		}
		rest = rest[tag+size:]
	}
	return b
}

func (s *sender) notFound() error {
	id := &shared.StreamIdentifier{StreamName: []byte(s.asked.stream)}
	return s.send(&api.ReadResp{Content: &api.ReadResp_StreamNotFound_{
		StreamNotFound: &api.ReadResp_StreamNotFound{StreamIdentifier: id}}})
}

func (s *sender) firstPosition(revision int64) error {
	return s.send(&api.ReadResp{Content: &api.ReadResp_FirstStreamPosition{FirstStreamPosition: uint64(revision)}})
}

func (s *sender) lastPosition(revision int64) error {
	return s.send(&api.ReadResp{Content: &api.ReadResp_LastStreamPosition{LastStreamPosition: uint64(revision)}})
}

func (s *sender) confirm(id string) error {
	return s.send(&api.ReadResp{Content: &api.ReadResp_Confirmation{
		Confirmation: &api.ReadResp_SubscriptionConfirmation{SubscriptionId: id}}})
}

func (s *sender) caughtUp() error {
	return s.send(&api.ReadResp{Content: &api.ReadResp_CaughtUp_{CaughtUp: &api.ReadResp_CaughtUp{}}})
}

func (s *sender) checkpoint(position uint64) error {
	return s.send(&api.ReadResp{Content: &api.ReadResp_Checkpoint_{
		Checkpoint: &api.ReadResp_Checkpoint{CommitPosition: position, PreparePosition: position}}})
}
