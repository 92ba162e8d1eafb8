package logserver

import (
	"errors"
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/protobuf/encoding/protowire"
)

var empty = &shared.Empty{}

// appendAnswer is the response to an append that the sequencer judged. Being
// at another revision than expected is an answer here, not an error.
func appendAnswer(w *write, o outcome) any {
	if errors.Is(o.err, errClash) {
		return &api.AppendResp{Result: &api.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: clashAnswer(w.expected, o.current)}}
	}
	return &frame{wire: successAnswer(o.last)}
}

// successAnswer is the response to an append that succeeded.
func successAnswer(last entry) []byte {
	var room [successSize]byte
	b := success(room[:0], last)
	return append(appendHeader(make([]byte, 0, 2+len(b)), 1, len(b)), b...)
}

// successSize is the most that success takes.
const successSize = 48

// success appends an encoded AppendResp.Success, the most frequent answer of all, which
// BatchAppendResp.Success looks like: revision 1 or no stream 2, position 3 or no
// position 4.
func success(b []byte, last entry) []byte {
	if last.revision >= 0 {
		b = protowire.AppendVarint(protowire.AppendTag(b, 1, protowire.VarintType), uint64(last.revision))
	} else {
		b = appendHeader(b, 2, 0)
	}
	if last.position > 0 {
		b = appendHeader(b, 3, 2*(1+protowire.SizeVarint(last.position)))
		b = appendVarintField(appendVarintField(b, 1, last.position), 2, last.position)
	} else {
		b = appendHeader(b, 4, 0)
	}
	return b
}

// clashAnswer fills the current fields and their twins from before 20.6, where
// "no stream expected" was the largest number.
func clashAnswer(expected, current int64) *api.AppendResp_WrongExpectedVersion {
	w := &api.AppendResp_WrongExpectedVersion{
		CurrentRevisionOption:        &api.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: empty},
		CurrentRevisionOption_20_6_0: &api.AppendResp_WrongExpectedVersion_NoStream_20_6_0{NoStream_20_6_0: empty},
	}
	if current >= 0 {
		w.CurrentRevisionOption = &api.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: uint64(current)}
		w.CurrentRevisionOption_20_6_0 = &api.AppendResp_WrongExpectedVersion_CurrentRevision_20_6_0{CurrentRevision_20_6_0: uint64(current)}
	}
	switch expected {
	case expectAny:
		w.ExpectedRevisionOption = &api.AppendResp_WrongExpectedVersion_ExpectedAny{ExpectedAny: empty}
		w.ExpectedRevisionOption_20_6_0 = &api.AppendResp_WrongExpectedVersion_Any_20_6_0{Any_20_6_0: empty}
	case expectExists:
		w.ExpectedRevisionOption = &api.AppendResp_WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: empty}
		w.ExpectedRevisionOption_20_6_0 = &api.AppendResp_WrongExpectedVersion_StreamExists_20_6_0{StreamExists_20_6_0: empty}
	case expectNone:
		w.ExpectedRevisionOption = &api.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: empty}
		w.ExpectedRevisionOption_20_6_0 = &api.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: math.MaxUint64}
	default:
		w.ExpectedRevisionOption = &api.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: uint64(expected)}
		w.ExpectedRevisionOption_20_6_0 = &api.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: uint64(expected)}
	}
	return w
}
