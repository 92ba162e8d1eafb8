package eventstore

import (
	"context"
	"encoding/binary"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/reeve-platform/reeve/domain"
)

// ferried appends over the call that appends share. The log is told no deadline:
// what it has taken is as good as written, and whoever stops waiting says that the
// outcome is unknown.
func (s *Store) ferried(ctx context.Context, stream domain.StreamID, next uint64, events []esdb.EventData) (domain.Receipt, error) {
	a, err := s.ferry.carry(ctx, s.deadline, &streams.BatchAppendReq{Options: optionsOf(stream, next), ProposedMessages: proposed(events), IsFinal: true})
	if err != nil {
		return domain.Receipt{}, err
	}
	if a.GetError() != nil {
		return domain.Receipt{}, ofAnswer(status.FromProto(a.GetError()))
	}
	done := a.GetSuccess()
	return domain.Receipt{Stream: stream, Revision: done.GetCurrentRevision(), Position: done.GetPosition().GetCommitPosition(), Events: names(events)}, nil
}

func optionsOf(stream domain.StreamID, next uint64) *streams.BatchAppendReq_Options {
	o := &streams.BatchAppendReq_Options{StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(stream)}}
	switch next {
	case 0:
		o.ExpectedStreamPosition = &streams.BatchAppendReq_Options_NoStream{NoStream: &emptypb.Empty{}}
	case domain.AtEnd:
		o.ExpectedStreamPosition = &streams.BatchAppendReq_Options_Any{Any: &emptypb.Empty{}}
	default:
		o.ExpectedStreamPosition = &streams.BatchAppendReq_Options_StreamPosition{StreamPosition: next - 1}
	}
	return o
}

func proposed(events []esdb.EventData) []*streams.BatchAppendReq_ProposedMessage {
	out := make([]*streams.BatchAppendReq_ProposedMessage, len(events))
	for i, e := range events {
		out[i] = &streams.BatchAppendReq_ProposedMessage{
			Id: idOf(e.EventID), Data: e.Data, CustomMetadata: e.Metadata,
			Metadata: map[string]string{"type": e.EventType, "content-type": "application/json"},
		}
	}
	return out
}

func idOf(id uuid.UUID) *shared.UUID {
	return structured(int64(binary.BigEndian.Uint64(id[:8])), int64(binary.BigEndian.Uint64(id[8:])))
}

func structured(most, least int64) *shared.UUID {
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{MostSignificantBits: most, LeastSignificantBits: least}}}
}

// ofAnswer tells why the log did not append.
func ofAnswer(s *status.Status) error {
	err := s.Err()
	switch s.Code() {
	case codes.AlreadyExists:
		return domain.ErrRaced.Because(err)
	case codes.InvalidArgument: // nothing else is wrong with what we send
		return domain.ErrAppendTooLarge.Because(err)
	case codes.ResourceExhausted:
		return domain.ErrLogFull.Because(err)
	case codes.FailedPrecondition, codes.PermissionDenied, codes.Unauthenticated:
		return ErrLogRefused.Because(err)
	}
	return domain.ErrOutcomeUnknown.Because(err)
}

// ofCall tells why an append was not taken.
func ofCall(err error) error {
	switch status.Code(err) {
	case codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented:
		return ErrLogRefused.Because(err)
	}
	return domain.ErrLogUnavailable.Because(err)
}
