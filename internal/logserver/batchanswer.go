package logserver

import (
	"errors"
	"strconv"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/emptypb"
)

// batchAnswer repeats the correlation id, the stream and the expectation, and
// tells the outcome.
func batchAnswer(a *batch, o outcome) any {
	if o.err == nil {
		return &frame{wire: batchSuccess(a, o.last)}
	}
	answer := &api.BatchAppendResp{CorrelationId: &shared.UUID{}, StreamIdentifier: identifier(a.stream)}
	_ = proto.Unmarshal(a.id, answer.CorrelationId) // was read before
	a.repeatExpectation(answer)
	code, text, detail := batchRefusal(a, o)
	// The field holds one detail, not many, but that is the same on the wire.
	s, err := status.New(code, text).WithDetails(detail)
	if err != nil {
		s = status.New(code, text) // only for a detail that cannot be encoded
	}
	answer.Result = &api.BatchAppendResp_Error{Error: s.Proto()}
	return answer
}

// batchSuccess encodes a BatchAppendResp with a success: correlation id 1, success
// 3, stream 4, and what was expected, from 5 on.
func batchSuccess(a *batch, last entry) []byte {
	var room [successSize]byte
	done := success(room[:0], last)
	b := make([]byte, 0, len(a.id)+len(done)+len(a.stream)+32)
	b = append(appendHeader(b, 1, len(a.id)), a.id...)
	b = append(appendHeader(b, 3, len(done)), done...)
	name := appendHeader(nil, 3, len(a.stream))
	b = append(append(appendHeader(b, 4, len(name)+len(a.stream)), name...), a.stream...)
	switch a.expected {
	case expectNone:
		return appendHeader(b, 6, 0)
	case expectAny:
		return appendHeader(b, 7, 0)
	case expectExists:
		return appendHeader(b, 8, 0)
	}
	return protowire.AppendVarint(protowire.AppendTag(b, 5, protowire.VarintType), uint64(a.expected))
}

func identifier(stream string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(stream)}
}

// repeatExpectation says nothing when the append had no readable options.
func (a *batch) repeatExpectation(answer *api.BatchAppendResp) {
	switch {
	case a.stream == "":
	case a.expected == expectAny:
		answer.ExpectedStreamPosition = &api.BatchAppendResp_Any{Any: &emptypb.Empty{}}
	case a.expected == expectNone:
		answer.ExpectedStreamPosition = &api.BatchAppendResp_NoStream{NoStream: &emptypb.Empty{}}
	case a.expected == expectExists:
		answer.ExpectedStreamPosition = &api.BatchAppendResp_StreamExists{StreamExists: &emptypb.Empty{}}
	default:
		answer.ExpectedStreamPosition = &api.BatchAppendResp_StreamPosition{StreamPosition: uint64(a.expected)}
	}
}

// batchRefusal gives an error its status and the one detail by which clients
// tell it apart. They rely on there being one.
func batchRefusal(a *batch, o outcome) (codes.Code, string, protoadapt.MessageV1) {
	switch {
	case errors.Is(o.err, errClash):
		return codes.AlreadyExists, o.err.Error(), batchClash(a.expected, o.current)
	case errors.Is(o.err, errStreamDeleted):
		return codes.FailedPrecondition, o.err.Error(), &shared.StreamDeleted{StreamIdentifier: identifier(a.stream)}
	case errors.Is(o.err, errDiskFull):
		return codes.ResourceExhausted, o.err.Error(), &shared.Unknown{}
	}
	code, text := status.Code(o.err), o.err.Error()
	switch {
	case code == codes.PermissionDenied:
		return code, text, &shared.AccessDenied{}
	case code == codes.DeadlineExceeded:
		return code, text, &shared.Timeout{}
	case exception(o.err) == appendSizeExceeded:
		limit := uint32(min(a.limit, 1<<31))
		return code, text + ": " + strconv.Itoa(a.limit), &shared.MaximumAppendSizeExceeded{MaxAppendSize: limit}
	case code == codes.InvalidArgument:
		return code, text, &shared.BadRequest{Message: text}
	}
	return code, text, &shared.Unknown{}
}

func batchClash(expected, current int64) *shared.WrongExpectedVersion {
	w := &shared.WrongExpectedVersion{CurrentStreamRevisionOption: &shared.WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &emptypb.Empty{}}}
	if current >= 0 {
		w.CurrentStreamRevisionOption = &shared.WrongExpectedVersion_CurrentStreamRevision{CurrentStreamRevision: uint64(current)}
	}
	switch expected {
	case expectAny:
		w.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedAny{ExpectedAny: &emptypb.Empty{}}
	case expectNone:
		w.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &emptypb.Empty{}}
	case expectExists:
		w.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: &emptypb.Empty{}}
	default:
		w.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamPosition{ExpectedStreamPosition: uint64(expected)}
	}
	return w
}
