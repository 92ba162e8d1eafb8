package logserver

import (
	"errors"
	"strconv"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/emptypb"
)

// batchAnswer repeats the correlation id, the stream and the expectation, and
// tells the outcome.
func batchAnswer(a *batch, o outcome) *api.BatchAppendResp {
	answer := &api.BatchAppendResp{CorrelationId: &shared.UUID{}, StreamIdentifier: identifier(a.stream)}
	_ = proto.Unmarshal(a.id, answer.CorrelationId) // was read before
	a.repeatExpectation(answer)
	if o.err == nil {
		answer.Result = &api.BatchAppendResp_Success_{Success: batchSuccess(o.last)}
		return answer
	}
	code, text, detail := batchRefusal(a, o)
	// The field holds one detail, not many, but that is the same on the wire.
	s, err := status.New(code, text).WithDetails(detail)
	if err != nil {
		s = status.New(code, text) // only for a detail that cannot be encoded
	}
	answer.Result = &api.BatchAppendResp_Error{Error: s.Proto()}
	return answer
}

func identifier(stream string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(stream)}
}

func batchSuccess(last entry) *api.BatchAppendResp_Success {
	s := &api.BatchAppendResp_Success{
		CurrentRevisionOption: &api.BatchAppendResp_Success_NoStream{NoStream: &emptypb.Empty{}},
		PositionOption:        &api.BatchAppendResp_Success_NoPosition{NoPosition: &emptypb.Empty{}},
	}
	if last.revision >= 0 {
		s.CurrentRevisionOption = &api.BatchAppendResp_Success_CurrentRevision{CurrentRevision: uint64(last.revision)}
	}
	if last.position > 0 {
		s.PositionOption = &api.BatchAppendResp_Success_Position{Position: &shared.AllStreamPosition{
			CommitPosition: last.position, PreparePosition: last.position}}
	}
	return s
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
