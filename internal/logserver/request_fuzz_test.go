package logserver

import (
	"bytes"
	"math"
	"regexp"
	"testing"
	"unicode/utf8"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
)

// What callers send. Whatever comes is refused with an answer, or understood as
// the generated code understands it.

// FuzzAppendRequest has the hand-written reader and the generated one read the same
// requests.
func FuzzAppendRequest(f *testing.F) {
	message := func(p *api.AppendReq_ProposedMessage) *api.AppendReq {
		return &api.AppendReq{Content: &api.AppendReq_ProposedMessage_{ProposedMessage: p}}
	}
	begin := func(o *api.AppendReq_Options) *api.AppendReq {
		return &api.AppendReq{Content: &api.AppendReq_Options_{Options: o}}
	}
	id, typed := structured(uuid.UUID{1, 15: 2}), map[string]string{keyType: "T", keyContentType: typeJSON}
	for _, seed := range []*api.AppendReq{
		{}, begin(nil), message(nil),
		begin(&api.AppendReq_Options{StreamIdentifier: identifier("s"), ExpectedStreamRevision: &api.AppendReq_Options_Any{Any: empty}}),
		begin(&api.AppendReq_Options{StreamIdentifier: identifier("s"), ExpectedStreamRevision: &api.AppendReq_Options_NoStream{NoStream: empty}}),
		begin(&api.AppendReq_Options{StreamIdentifier: identifier("s"), ExpectedStreamRevision: &api.AppendReq_Options_StreamExists{StreamExists: empty}}),
		begin(&api.AppendReq_Options{StreamIdentifier: identifier("$$s"), ExpectedStreamRevision: &api.AppendReq_Options_Revision{Revision: math.MaxUint64}}),
		begin(&api.AppendReq_Options{StreamIdentifier: identifier("\xff"), ExpectedStreamRevision: &api.AppendReq_Options_Revision{Revision: 0}}),
		message(&api.AppendReq_ProposedMessage{Id: id, Metadata: typed, Data: []byte("{}"), CustomMetadata: []byte("c")}),
		message(&api.AppendReq_ProposedMessage{Id: id, Metadata: map[string]string{keyType: "", keyContentType: ""}}),
		message(&api.AppendReq_ProposedMessage{Metadata: typed}),
	} {
		wire, err := proto.Marshal(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		for _, a := range []*appendCall{{limit: 1 << 16}, {limit: 1 << 16, stream: "s", opened: true}} {
			if err := a.message(wire); err != nil && !isAnswer(err) {
				t.Errorf("%x: %v is no answer", wire, err)
			}
		}
		var m api.AppendReq
		if proto.Unmarshal(wire, &m) != nil {
			return
		}
		again, err := proto.MarshalOptions{Deterministic: true}.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		agreeOnOptions(t, again, m.GetOptions())
		agreeOnEvent(t, again, m.GetProposedMessage())
	})
}

func agreeOnOptions(t *testing.T, wire []byte, o *api.AppendReq_Options) {
	a := &appendCall{limit: 1 << 16}
	if err := a.message(wire); err != nil || o == nil {
		return
	}
	want := int64(expectAny)
	switch e := o.GetExpectedStreamRevision().(type) {
	case *api.AppendReq_Options_Revision:
		want = int64(e.Revision)
	case *api.AppendReq_Options_NoStream:
		want = expectNone
	case *api.AppendReq_Options_StreamExists:
		want = expectExists
	}
	if a.stream == "" || a.stream != string(o.GetStreamIdentifier().GetStreamName()) || a.expected != want {
		t.Errorf("%v is read as %q at %d", o, a.stream, a.expected)
	}
}

func agreeOnEvent(t *testing.T, wire []byte, p *api.AppendReq_ProposedMessage) {
	a := &appendCall{limit: 1 << 16, stream: "s", opened: true}
	if err := a.message(wire); err != nil || p == nil {
		return
	}
	if len(a.events) != 1 {
		t.Fatalf("%v is %d events", p, len(a.events))
	}
	var got api.ReadResp
	if err := proto.Unmarshal(a.events[0].encode(place{position: 1}), &got); err != nil {
		t.Fatalf("%v cannot be read back: %v", p, err)
	}
	e := got.GetEvent().GetEvent()
	if !bytes.Equal(e.GetData(), p.GetData()) || !bytes.Equal(e.GetCustomMetadata(), p.GetCustomMetadata()) ||
		e.GetMetadata()[keyType] != p.GetMetadata()[keyType] || (e.GetMetadata()[keyContentType] == typeJSON) != (p.GetMetadata()[keyContentType] == typeJSON) {
		t.Errorf("%v is read as %v", p, e)
	}
	if id, err := sharedID(p.GetId()); err != nil || id != a.events[0].id {
		t.Errorf("%v has the id %v", p, a.events[0].id)
	}
}

// Each option of a read alone and all together: a request is refused, or makes sense.
func TestReadCombinations(t *testing.T) {
	for how := range uint16(1 << 8) {
		for _, number := range []uint64{0, 1, math.MaxInt64 - 1, math.MaxInt64, math.MaxUint64} {
			makesSense(t, &api.ReadReq{Options: combined(how, "s", "x", number)}, number)
		}
	}
}

func FuzzReadCombinations(f *testing.F) {
	for n := range 8 {
		f.Add(uint16(1)<<n, "s", "x", uint64(n))
	}
	f.Add(uint16(math.MaxUint16), "$$", "(", uint64(math.MaxUint64))
	f.Add(uint16(0x112), "", "^[^$].*", uint64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, how uint16, stream, expression string, number uint64) {
		makesSense(t, &api.ReadReq{Options: combined(how, stream, expression, number)}, number)
	})
}

func makesSense(t *testing.T, r *api.ReadReq, number uint64) {
	t.Helper()
	c, err := newReadCall(r)
	if err != nil {
		if !isAnswer(err) {
			t.Errorf("%v: %v is no answer", r, err)
		}
		return
	}
	if name := string(r.GetOptions().GetStream().GetStreamIdentifier().GetStreamName()); name != c.stream {
		t.Errorf("%v reads %q", r, c.stream)
	}
	if c.stream != "" && (c.filter != nil || c.from.at >= tombstoneRevision) || c.follow && c.backwards || c.from.edge != atPlace && c.from.at != 0 {
		t.Errorf("%v makes sense as %+v", r, c)
	}
	if c.pageLimit(number, 10) > 10 {
		t.Errorf("%v looks at more than there is", r)
	}
}

// combined are the options of a read: each bit of how chooses one.
func combined(how uint16, stream, expression string, number uint64) *api.ReadReq_Options {
	bit := func(n int) bool { return how>>n&1 == 1 }
	o := &api.ReadReq_Options{
		ResolveLinks: bit(0), CountOption: &api.ReadReq_Options_Count{Count: number}, FilterOption: &api.ReadReq_Options_NoFilter{NoFilter: empty},
		UuidOption:    &api.ReadReq_Options_UUIDOption{Content: &api.ReadReq_Options_UUIDOption_Structured{Structured: empty}},
		ControlOption: &api.ReadReq_Options_ControlOption{Compatibility: uint32(how >> 8)},
		StreamOption: &api.ReadReq_Options_Stream{Stream: &api.ReadReq_Options_StreamOptions{
			StreamIdentifier: identifier(stream), RevisionOption: &api.ReadReq_Options_StreamOptions_Revision{Revision: number}}},
	}
	if bit(1) {
		o.StreamOption = &api.ReadReq_Options_All{All: &api.ReadReq_Options_AllOptions{AllOption: &api.ReadReq_Options_AllOptions_Position{
			Position: &api.ReadReq_Options_Position{CommitPosition: number, PreparePosition: number / 2 * 2}}}}
	}
	if bit(2) {
		o.CountOption = &api.ReadReq_Options_Subscription{Subscription: &api.ReadReq_Options_SubscriptionOptions{}}
	}
	if bit(3) {
		o.ReadDirection = api.ReadReq_Options_Backwards
	}
	if bit(4) {
		o.FilterOption = &api.ReadReq_Options_Filter{Filter: chosen(bit(5), bit(6), expression, uint32(number))}
	}
	if bit(7) {
		o.UuidOption = nil
	}
	return o
}

// chosen are filter options over streams or types, by a prefix or an expression.
func chosen(byType, regex bool, expression string, number uint32) *api.ReadReq_Options_FilterOptions {
	e := &api.ReadReq_Options_FilterOptions_Expression{Prefix: []string{expression}}
	if regex {
		e = &api.ReadReq_Options_FilterOptions_Expression{Regex: expression}
	}
	o := &api.ReadReq_Options_FilterOptions{
		Filter:                       &api.ReadReq_Options_FilterOptions_StreamIdentifier{StreamIdentifier: e},
		Window:                       &api.ReadReq_Options_FilterOptions_Max{Max: number},
		CheckpointIntervalMultiplier: number,
	}
	if byType {
		o.Filter = &api.ReadReq_Options_FilterOptions_EventType{EventType: e}
	}
	return o
}

// FuzzFilter holds the filter to what prefixes and RE2 are.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{"", "a", "^a", "^[^$].*", "(", "a{1000}", "(?i)S", "\\C", "[[:alpha:]]", "(a*)*b", "\xff", "$$", "(?P<n>x)", "a|b|"} {
		for _, number := range []uint32{0, 1, 32, math.MaxUint32} {
			f.Add(seed, "a-stream", "A-Type", number, number%2 == 0, number > 1)
		}
	}
	f.Fuzz(func(t *testing.T, expression, stream, kind string, number uint32, byType, regex bool) {
		if stream == "" || !utf8.ValidString(kind) {
			return
		}
		wire := propose(stream, content{id: uuid.UUID{1}, kind: kind}).encode(place{position: 1})
		subject := stream
		if byType {
			subject = kind
		}
		want, sound := bytes.HasPrefix([]byte(subject), []byte(expression)), true
		if regex {
			re, err := regexp.Compile(expression)
			sound = err == nil && expression != ""
			want = sound && re.MatchString(subject)
		}
		c, err := newFilter(chosen(byType, regex, expression, number))
		if (err == nil) != (sound && number > 0) {
			t.Fatalf("%q, %d: %v", expression, number, err)
		}
		if err != nil {
			return
		}
		if c.passes(wire) != want || c.interval != uint64(number)*uint64(number) {
			t.Errorf("%q on %q: %v, a checkpoint every %d", expression, subject, !want, c.interval)
		}
	})
}
