package conformance

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
)

type readOptions = streams.ReadReq_Options

// request is a counted read of a stream from its start, changed.
func request(stream string, change func(*readOptions)) *streams.ReadReq {
	o := &readOptions{
		StreamOption: &streams.ReadReq_Options_Stream{Stream: &streams.ReadReq_Options_StreamOptions{
			StreamIdentifier: named(stream),
			RevisionOption:   &streams.ReadReq_Options_StreamOptions_Start{},
		}},
		CountOption:  &streams.ReadReq_Options_Count{Count: 10},
		FilterOption: &streams.ReadReq_Options_NoFilter{},
		UuidOption:   &streams.ReadReq_Options_UUIDOption{Content: &streams.ReadReq_Options_UUIDOption_Structured{}},
	}
	if change != nil {
		change(o)
	}
	return &streams.ReadReq{Options: o}
}

func ofAll(o *readOptions) {
	o.StreamOption = &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{AllOption: &streams.ReadReq_Options_AllOptions_Start{}}}
}

func ofAllFrom(o *readOptions, commit, prepare uint64) {
	ofAll(o)
	o.GetAll().AllOption = &streams.ReadReq_Options_AllOptions_Position{Position: &streams.ReadReq_Options_Position{CommitPosition: commit, PreparePosition: prepare}}
}

func subscribed(o *readOptions) { o.CountOption = &streams.ReadReq_Options_Subscription{} }

func compatible(o *readOptions) {
	o.ControlOption = &streams.ReadReq_Options_ControlOption{Compatibility: 1}
}

func filtered(o *readOptions, regex string, multiplier uint32) {
	o.FilterOption = &streams.ReadReq_Options_Filter{Filter: &streams.ReadReq_Options_FilterOptions{
		Filter:                       &streams.ReadReq_Options_FilterOptions_EventType{EventType: &streams.ReadReq_Options_FilterOptions_Expression{Regex: regex}},
		Window:                       &streams.ReadReq_Options_FilterOptions_Max{Max: 10},
		CheckpointIntervalMultiplier: multiplier,
	}}
}

// receive collects everything a counted read says.
func (w *world) receive(r *streams.ReadReq) ([]*streams.ReadResp, error) {
	call, err := w.stub().Read(w.ctx, r)
	if err != nil {
		return nil, err
	}
	var all []*streams.ReadResp
	for {
		m, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, m)
	}
}

func TestRefusedReads(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, event(1))
	cases := map[string]func(*readOptions){
		"no id form":                   func(o *readOptions) { o.UuidOption = nil },
		"no source":                    func(o *readOptions) { o.StreamOption = nil },
		"no count":                     func(o *readOptions) { o.CountOption = nil },
		"no filter option":             func(o *readOptions) { o.FilterOption = nil },
		"no start":                     func(o *readOptions) { o.GetStream().RevisionOption = nil },
		"no start of $all":             func(o *readOptions) { ofAll(o); o.GetAll().AllOption = nil },
		"no name":                      func(o *readOptions) { o.GetStream().StreamIdentifier = named("") },
		"filter on a stream":           func(o *readOptions) { filtered(o, "x", 1) },
		"filter on a followed stream":  func(o *readOptions) { filtered(o, "x", 1); subscribed(o) },
		"backwards for ever":           func(o *readOptions) { subscribed(o); o.ReadDirection = streams.ReadReq_Options_Backwards },
		"$all backwards for ever":      func(o *readOptions) { ofAll(o); subscribed(o); o.ReadDirection = streams.ReadReq_Options_Backwards },
		"prepare over commit":          func(o *readOptions) { ofAllFrom(o, 1, 2) },
		"prepare over commit for ever": func(o *readOptions) { ofAllFrom(o, 1, 2); subscribed(o) },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			w := w.within(t)
			_, err := w.receive(request(s, change))
			w.wantStatus(err, codes.InvalidArgument)
		})
	}
}

func TestNoStrayMessagesInACountedRead(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, events(0, 3)...)
	w.describe(s, func(m *esdb.StreamMetadata) { m.SetTruncateBefore(1) })
	for name, change := range map[string]func(*readOptions){
		"forwards": nil,
		"backwards": func(o *readOptions) {
			o.ReadDirection = streams.ReadReq_Options_Backwards
			o.GetStream().RevisionOption = &streams.ReadReq_Options_StreamOptions_End{}
		},
	} {
		said, err := w.receive(request(s, change))
		if err != nil || len(said) != 2 {
			t.Fatalf("%s: %d messages, %v", name, len(said), err)
		}
		for _, m := range said {
			if m.GetEvent() == nil {
				t.Errorf("%s: %v", name, m)
			}
		}
	}
	all, err := w.receive(request("", func(o *readOptions) { ofAll(o); o.GetCountOption().(*streams.ReadReq_Options_Count).Count = 3 }))
	if err != nil || len(all) != 3 || all[0].GetEvent() == nil {
		t.Errorf("$all: %v, %v", all, err)
	}
}

func TestFirstAndLastPositionForWhoUnderstandsThem(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, events(0, 3)...)
	w.describe(s, func(m *esdb.StreamMetadata) { m.SetTruncateBefore(1) })
	said, err := w.receive(request(s, compatible))
	if err != nil || len(said) != 4 || said[0].GetFirstStreamPosition() != 1 || said[3].GetLastStreamPosition() != 2 {
		t.Errorf("forwards: %v, %v", said, err)
	}
	said, err = w.receive(request(s, func(o *readOptions) {
		compatible(o)
		o.ReadDirection = streams.ReadReq_Options_Backwards
		o.GetStream().RevisionOption = &streams.ReadReq_Options_StreamOptions_End{}
	}))
	if err != nil || len(said) != 3 || said[2].GetLastStreamPosition() != 2 {
		t.Errorf("backwards: %v, %v", said, err)
	}
}

func TestIdsInBothForms(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, event(0))
	structured, err := w.receive(request(s, nil))
	w.must(err)
	text, err := w.receive(request(s, func(o *readOptions) { o.UuidOption.Content = &streams.ReadReq_Options_UUIDOption_String_{} }))
	w.must(err)
	a, b := structured[0].GetEvent().GetEvent(), text[0].GetEvent().GetEvent()
	if a.GetId().GetStructured() == nil || b.GetId().GetString_() != id(0).String() {
		t.Errorf("%v and %v", a.GetId(), b.GetId())
	}
	if !bytes.Equal(a.GetData(), b.GetData()) || a.GetCommitPosition() != b.GetCommitPosition() || len(b.GetMetadata()) != 3 || structured[0].GetEvent().GetCommitPosition() != a.GetCommitPosition() {
		t.Errorf("%v and %v", a, b)
	}
}
