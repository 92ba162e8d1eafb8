package conformance

import (
	"bytes"
	"math"
	"strconv"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

type (
	appendReq = streams.AppendReq
	proposed  = streams.AppendReq_ProposedMessage
	expects   = func(*streams.AppendReq_Options)
)

func nothing(*streams.AppendReq_Options) {}
func anything(o *streams.AppendReq_Options) {
	o.ExpectedStreamRevision = &streams.AppendReq_Options_Any{}
}
func noStream(o *streams.AppendReq_Options) {
	o.ExpectedStreamRevision = &streams.AppendReq_Options_NoStream{}
}
func someStream(o *streams.AppendReq_Options) {
	o.ExpectedStreamRevision = &streams.AppendReq_Options_StreamExists{}
}
func exactly(revision uint64) expects {
	return func(o *streams.AppendReq_Options) {
		o.ExpectedStreamRevision = &streams.AppendReq_Options_Revision{Revision: revision}
	}
}

func options(stream string, expect expects) *appendReq {
	o := &streams.AppendReq_Options{StreamIdentifier: named(stream)}
	expect(o)
	return &appendReq{Content: &streams.AppendReq_Options_{Options: o}}
}

func named(stream string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(stream)}
}

func propose(p *proposed) *appendReq {
	return &appendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: p}}
}

func textID(n int) *shared.UUID {
	return &shared.UUID{Value: &shared.UUID_String_{String_: id(n).String()}}
}

var typed = map[string]string{"type": "T", "content-type": "application/json"}

// propose sends the messages of one append and wants none cut off.
func (w *world) propose(messages ...*appendReq) (*streams.AppendResp, error) {
	answer, _, err := w.proposeTrailed(messages...)
	return answer, err
}

func (w *world) proposeTrailed(messages ...*appendReq) (*streams.AppendResp, metadata.MD, error) {
	w.Helper()
	var trailer metadata.MD
	call, err := w.stub().Append(w.ctx, grpc.Trailer(&trailer))
	w.must(err)
	for _, m := range messages {
		if err := call.Send(m); err != nil {
			w.Fatalf("cut off while sending: %v", err)
		}
	}
	answer, err := call.CloseAndRecv()
	return answer, trailer, err
}

// appendLimit is the most bytes an append may have, 0 when it has no limit that
// could be found.
func (w *world) appendLimit(stream string) int {
	w.Helper()
	messages := []*appendReq{options(stream, anything)}
	for n := range 18 {
		messages = append(messages, propose(&proposed{Id: textID(n), Metadata: typed, Data: make([]byte, 1<<20)}))
	}
	_, trailer, err := w.proposeTrailed(messages...)
	if err == nil {
		w.Log("an append of 18 MiB is accepted")
		return 0
	}
	w.wantStatus(err, codes.InvalidArgument)
	w.wantTrailers(trailer, map[string]string{"exception": "maximum-append-size-exceeded"})
	limit, err := strconv.Atoi(first(trailer, "maximum-append-size"))
	w.must(err)
	return limit
}

func first(md metadata.MD, key string) string {
	if all := md.Get(key); len(all) > 0 {
		return all[0]
	}
	return ""
}

func TestRefusedAppends(t *testing.T) {
	w := start(t)
	s := w.name("s")
	event := func(n int, metadata map[string]string) *appendReq {
		return propose(&proposed{Id: textID(n), Metadata: metadata})
	}
	cases := []struct {
		name     string
		messages []*appendReq
		code     codes.Code
		trailers map[string]string
	}{
		{"event first", []*appendReq{event(1, typed)}, codes.InvalidArgument, nil},
		{"no expectation", []*appendReq{options(s, nothing)}, codes.InvalidArgument, nil},
		{"no name", []*appendReq{options("", anything)}, codes.InvalidArgument, nil},
		{"metastream of nothing", []*appendReq{options("$$", anything)}, codes.InvalidArgument, nil},
		{"all", []*appendReq{options("$all", anything), event(1, typed)}, codes.PermissionDenied, map[string]string{"exception": "access-denied"}},
		{"no type", []*appendReq{options(s, anything), event(1, map[string]string{"content-type": "application/json"})},
			codes.InvalidArgument, map[string]string{"exception": "missing-required-metadata-property", "required-metadata-properties": "type,content-type"}},
		{"no content type", []*appendReq{options(s, anything), event(1, map[string]string{"type": "T"})},
			codes.InvalidArgument, map[string]string{"exception": "missing-required-metadata-property"}},
		{"second has no type", []*appendReq{options(s, anything), event(1, typed), event(2, nil)},
			codes.InvalidArgument, map[string]string{"exception": "missing-required-metadata-property"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := w.within(t)
			_, trailer, err := w.proposeTrailed(c.messages...)
			w.wantStatus(err, c.code)
			w.wantTrailers(trailer, c.trailers)
			w.wantMissing(s)
		})
	}
}

// The embedded server is stricter than it had to be: it names what it does not
// understand.
func TestRefusedAppendsOfTheEmbeddedServer(t *testing.T) {
	w := start(t)
	for name, messages := range map[string][]*appendReq{
		"no options":    nil,
		"no id":         {options(w.name("s"), anything), propose(&proposed{Metadata: typed})},
		"options twice": {options(w.name("s"), anything), options(w.name("s"), anything)},
		"out of range":  {options(w.name("s"), exactly(math.MaxInt64+1))},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.within(t)
			_, err := w.propose(messages...)
			w.wantStatus(err, codes.InvalidArgument)
		})
	}
}

// Who sends much more after the event that is refused still hears the reason.
func TestReasonArrivesAlthoughMoreIsSent(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.NoStream{}, event(1))
	w.must(w.tombstone(s, esdb.Any{}))
	messages := []*appendReq{options(s, anything)}
	for n := range 8 {
		messages = append(messages, propose(&proposed{Id: textID(n), Metadata: typed, Data: bytes.Repeat([]byte("x"), 100<<10)}))
	}
	_, trailer, err := w.proposeTrailed(messages...)
	w.wantStatus(err, codes.FailedPrecondition)
	w.wantTrailers(trailer, map[string]string{"exception": "stream-deleted", "stream-name": s})
}

// Being at another revision is an answer with status OK. It says what was
// expected and what is there, in the fields of today and in those of 20.6.
func TestClashIsAnAnswerWithBothRevisions(t *testing.T) {
	w := start(t)
	s, ghost := w.name("s"), w.name("ghost")
	w.append(s, esdb.Any{}, events(0, 3)...)
	type clash = streams.AppendResp_WrongExpectedVersion
	empty := &shared.Empty{}
	is2 := func(c *clash) *clash {
		c.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: 2}
		c.CurrentRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_CurrentRevision_20_6_0{CurrentRevision_20_6_0: 2}
		return c
	}
	isNone := func(c *clash) *clash {
		c.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: empty}
		c.CurrentRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_NoStream_20_6_0{NoStream_20_6_0: empty}
		return c
	}
	none := &clash{
		ExpectedRevisionOption:        &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: empty},
		ExpectedRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: math.MaxUint64}}
	seven := &clash{
		ExpectedRevisionOption:        &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: 7},
		ExpectedRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: 7}}
	exists := &clash{
		ExpectedRevisionOption:        &streams.AppendResp_WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: empty},
		ExpectedRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_StreamExists_20_6_0{StreamExists_20_6_0: empty}}
	cases := []struct {
		name, stream string
		expect       expects
		want         *clash
	}{
		{"none, but there is one", s, noStream, is2(none)},
		{"exact, but less", s, exactly(7), is2(seven)},
		{"exact, but none", ghost, exactly(7), isNone(proto.Clone(seven).(*clash))},
		{"some, but none", ghost, someStream, isNone(exists)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			answer, err := w.within(t).propose(options(c.stream, c.expect), propose(&proposed{Id: textID(99), Metadata: typed}))
			if err != nil || !proto.Equal(c.want, answer.GetWrongExpectedVersion()) {
				t.Errorf("got %v, %v, want %v", answer, err, c.want)
			}
		})
	}
}
