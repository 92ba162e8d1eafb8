package logserver_test

import (
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// The bare requests of the protocol, for what the official client cannot say.

type (
	appendReq = streams.AppendReq
	proposed  = streams.AppendReq_ProposedMessage
)

func options(stream string, expected bool) *appendReq {
	o := &streams.AppendReq_Options{StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(stream)}}
	if expected {
		o.ExpectedStreamRevision = &streams.AppendReq_Options_Any{}
	}
	return &appendReq{Content: &streams.AppendReq_Options_{Options: o}}
}

func propose(p *proposed) *appendReq {
	return &appendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: p}}
}

func textID(n int) *shared.UUID {
	return &shared.UUID{Value: &shared.UUID_String_{String_: id(n).String()}}
}

var typed = map[string]string{"type": "T", "content-type": "application/json"}

// request is a counted read of stream s that is valid until changed.
func request(change func(*streams.ReadReq_Options)) *streams.ReadReq {
	o := &streams.ReadReq_Options{
		StreamOption: &streams.ReadReq_Options_Stream{Stream: &streams.ReadReq_Options_StreamOptions{
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte("s")},
			RevisionOption:   &streams.ReadReq_Options_StreamOptions_Start{},
		}},
		CountOption:  &streams.ReadReq_Options_Count{Count: 10},
		FilterOption: &streams.ReadReq_Options_NoFilter{},
		UuidOption:   &streams.ReadReq_Options_UUIDOption{Content: &streams.ReadReq_Options_UUIDOption_Structured{}},
	}
	change(o)
	return &streams.ReadReq{Options: o}
}

func ofAll(o *streams.ReadReq_Options) {
	o.StreamOption = &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{AllOption: &streams.ReadReq_Options_AllOptions_Start{}}}
}

func wantStatus(t *testing.T, err error, want codes.Code) {
	t.Helper()
	if status.Code(err) != want {
		t.Errorf("got %v, want %v", err, want)
	}
}

func wantTrailers(t *testing.T, got metadata.MD, want map[string]string) {
	t.Helper()
	for key, value := range want {
		if diff := cmp.Diff([]string{value}, got.Get(key)); diff != "" {
			t.Errorf("trailer %s: %s", key, diff)
		}
	}
}
