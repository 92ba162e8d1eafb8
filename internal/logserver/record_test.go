package logserver

import (
	"bytes"
	"testing"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// A stored record is what the official protobuf code reads, and what our own
// decoder reads.
func TestRecordIsAReadResp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stream := rapid.StringN(1, 40, -1).Draw(t, "stream")
		c := content{
			id:     uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
			kind:   rapid.String().Draw(t, "kind"),
			json:   rapid.Bool().Draw(t, "json"),
			custom: rapid.SliceOf(rapid.Byte()).Draw(t, "custom"),
			data:   rapid.SliceOf(rapid.Byte()).Draw(t, "data"),
		}
		at := place{
			revision: rapid.Int64Min(0).Draw(t, "revision"),
			position: rapid.Uint64Min(1).Draw(t, "position"),
			created:  rapid.Int64().Draw(t, "created"),
		}
		wire := propose(stream, c).encode(at)
		d, err := decode(wire)
		if err != nil {
			t.Fatal(err)
		}
		got := content{d.id, string(d.kind), d.json, c.custom, d.data}
		if !bytes.Equal(got.data, c.data) || got.kind != c.kind || got.id != c.id || got.json != c.json {
			t.Fatalf("decoded %+v, want %+v", got, c)
		}
		if string(d.stream) != stream || string(streamOf(wire)) != stream || d.revision != at.revision || d.position != at.position || d.created != at.created {
			t.Fatalf("decoded %+v", d)
		}
		agree(t, wire, c)
	})
}

func agree(t *rapid.T, wire []byte, c content) {
	var m api.ReadResp
	if err := proto.Unmarshal(wire, &m); err != nil {
		t.Fatal(err)
	}
	e := m.GetEvent().GetEvent()
	if !bytes.Equal(e.GetCustomMetadata(), c.custom) || !bytes.Equal(e.GetData(), c.data) || e.GetMetadata()[keyType] != c.kind || len(e.GetMetadata()) != 3 {
		t.Fatalf("protobuf reads %v", &m)
	}
	text := readEvent(withStringID(mustDecode(t, wire).event), nil, 7)
	var again api.ReadResp
	if err := proto.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if again.GetEvent().GetEvent().GetId().GetString_() != c.id.String() || again.GetEvent().GetCommitPosition() != 7 {
		t.Fatalf("with a textual id %v", &again)
	}
}

func TestSuccessAnswerIsAnAppendResp(t *testing.T) {
	for _, last := range []entry{{-1, 0}, {0, 1}, {5, 0}, {1 << 40, 1 << 50}} {
		var m api.AppendResp
		if err := proto.Unmarshal(successAnswer(last), &m); err != nil {
			t.Fatal(err)
		}
		s := m.GetSuccess()
		_, none := s.GetCurrentRevisionOption().(*api.AppendResp_Success_NoStream)
		_, nowhere := s.GetPositionOption().(*api.AppendResp_Success_NoPosition)
		if none != (last.revision < 0) || nowhere != (last.position == 0) || s.GetPosition().GetCommitPosition() != last.position ||
			s.GetPosition().GetPreparePosition() != last.position || !none && s.GetCurrentRevision() != uint64(last.revision) {
			t.Errorf("%+v is answered %v", last, &m)
		}
	}
}

func mustDecode(t *rapid.T, wire []byte) decoded {
	d, err := decode(wire)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Whatever stands on the disk, decoding neither panics nor accepts a record
// that cannot be written again.
func FuzzDecode(f *testing.F) {
	c := content{id: uuid.New(), kind: "T", data: []byte("{}")}
	f.Add(propose("s", c).encode(place{position: 1}))
	f.Add([]byte{})
	f.Add([]byte{0x0a, 0x02, 0x0a, 0x00})
	f.Fuzz(func(t *testing.T, wire []byte) {
		d, err := decode(wire)
		if err != nil {
			return
		}
		if len(d.stream) == 0 || d.position == 0 || d.revision < 0 {
			t.Errorf("accepted %+v", d)
		}
		if !bytes.Equal(streamOf(wire), d.stream) && len(streamOf(wire)) == 0 {
			t.Errorf("found %q, then none", d.stream)
		}
		withStringID(d.event)
	})
}

// FuzzAppendMessage feeds the hand-written request reader.
func FuzzAppendMessage(f *testing.F) {
	good := &api.AppendReq{Content: &api.AppendReq_ProposedMessage_{ProposedMessage: &api.AppendReq_ProposedMessage{
		Metadata: map[string]string{"type": "T", "content-type": typeJSON}, Data: []byte("{}")}}}
	wire, err := proto.Marshal(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(wire)
	f.Fuzz(func(t *testing.T, wire []byte) {
		a := &appendCall{limit: 1 << 20, stream: "s", opened: true}
		if a.message(wire) != nil {
			return
		}
		var m api.AppendReq
		if proto.Unmarshal(wire, &m) != nil {
			return // protobuf is stricter about text; ours passes bytes on
		}
		for _, p := range a.events {
			d, err := decode(p.encode(place{position: 1}))
			if err != nil || d.id != p.id {
				t.Errorf("%+v, %v", d, err)
			}
		}
	})
}

func TestRetentionOfBadMetadata(t *testing.T) {
	for text, want := range map[string]retention{
		`{"$maxAge":5,"$maxCount":6,"$tb":7,"$acl":{"$r":["a"]}}`: {5, 6, 7},
		`{"$MAXAGE":5,"$maxcount":6,"$TB":7}`:                     {},
		`{"$maxCount":6,"$tb":1.5}`:                               {},
		`{"$maxCount":null,"$tb":7}`:                              {0, 0, 7},
		`nonsense`:                                                {},
		`{"$maxCount":"x"}`:                                       {},
		``:                                                        {},
	} {
		if diff := cmp.Diff(want, parseRetention([]byte(text))); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	if got := string(revival([]byte(`{"$tb":9223372036854775807,"$acl":{"$r":"a"}}`), 3)); got != `{"$acl":{"$r":"a"},"$tb":3}` {
		t.Error(got)
	}
}
