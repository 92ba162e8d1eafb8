package conformance

import (
	"math"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

func TestDeletedStreamIsNotFoundAndGoesOn(t *testing.T) {
	for name, expected := range map[string]esdb.ExpectedRevision{
		"none": esdb.NoStream{}, "any": esdb.Any{}, "exact": esdb.Revision(2),
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			s := w.name("s")
			w.append(s, esdb.NoStream{}, events(0, 3)...)
			w.must(w.delete(s, esdb.Revision(2)))
			w.wantMissing(s)
			if r := w.append(s, expected, events(3, 2)...); r.NextExpectedVersion != 4 {
				t.Errorf("went on at %d", r.NextExpectedVersion)
			}
			w.same("revisions", []uint64{3, 4}, revisions(w.read(s)))
			m, err := w.client.GetStreamMetadata(w.ctx, s, esdb.ReadStreamOptions{})
			if err != nil || *m.TruncateBefore() != 3 {
				t.Errorf("metadata %+v, %v", m, err)
			}
		})
	}
}

// A delete replaces the metadata, and what is written then is kept when the
// stream comes back.
func TestDeleteReplacesTheMetadata(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.NoStream{}, events(0, 3)...)
	w.describe(s, func(m *esdb.StreamMetadata) { m.SetMaxCount(1); m.AddCustomProperty("colour", "red") })
	w.must(w.delete(s, esdb.Any{}))
	deleted := w.read("$$" + s)
	w.same("metadata", []string{"$metadata", `{"$tb":9223372036854775807}`}, []string{deleted[0].Event.EventType, string(deleted[0].Event.Data)})
	w.append(s, esdb.Any{}, events(3, 3)...)
	w.same("revisions", []uint64{3, 4, 5}, revisions(w.read(s)))
	m, err := w.client.GetStreamMetadata(w.ctx, s, esdb.ReadStreamOptions{})
	if err != nil || *m.TruncateBefore() != 3 || m.MaxCount() != nil || m.CustomProperty("colour") != nil {
		t.Errorf("metadata %+v, %v", m, err)
	}
}

func TestStreamIsDeletedAgainAndAgain(t *testing.T) {
	w := start(t)
	s := w.name("s")
	for n := range 4 {
		r := w.append(s, esdb.NoStream{}, event(2*n), event(2*n+1))
		w.same("last", uint64(2*n+1), r.NextExpectedVersion)
		w.same("revisions", []uint64{uint64(2 * n), uint64(2*n + 1)}, revisions(w.read(s)))
		w.must(w.delete(s, esdb.StreamExists{}))
		w.wantMissing(s)
	}
}

func TestRetryOfAnAppendThatWasDeleted(t *testing.T) {
	w := start(t)
	s := w.name("s")
	first := w.append(s, esdb.NoStream{}, events(0, 2)...)
	w.must(w.delete(s, esdb.Any{}))
	w.same("any", first, w.append(s, esdb.Any{}, events(0, 2)...))
	w.wantMissing(s)
}

func TestStreamExistsIsRefusedOnADeletedStream(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.NoStream{}, event(0))
	w.must(w.delete(s, esdb.Any{}))
	_, err := w.try(s, esdb.StreamExists{}, event(1))
	if code(err) != esdb.ErrorCodeStreamDeleted && code(err) != esdb.ErrorCodeWrongExpectedVersion { // the second since 26
		t.Error(err)
	}
	_, trailer, err := w.proposeTrailed(options(s, someStream), propose(&proposed{Id: textID(9), Metadata: typed}))
	if err != nil {
		w.wantStatus(err, codes.FailedPrecondition)
		w.wantTrailers(trailer, map[string]string{"exception": "stream-deleted", "stream-name": s})
	}
	w.wantMissing(s)
	w.append(s, esdb.Any{}, event(2))
	w.append(s, esdb.StreamExists{}, event(3))
}

// Unlike an append, a delete answers another revision with an error.
func TestDeleteClashIsAnErrorWithTrailers(t *testing.T) {
	w := start(t)
	s, ghost := w.name("s"), w.name("ghost")
	w.append(s, esdb.NoStream{}, events(0, 2)...)
	stub := w.stub()
	cases := []struct {
		name, stream     string
		options          *streams.DeleteReq_Options
		expected, actual string
	}{
		{"exact", s, &streams.DeleteReq_Options{ExpectedStreamRevision: &streams.DeleteReq_Options_Revision{Revision: 0}}, "0", "1"},
		{"none", s, &streams.DeleteReq_Options{ExpectedStreamRevision: &streams.DeleteReq_Options_NoStream{}}, "-1", "1"},
		{"never written", ghost, &streams.DeleteReq_Options{ExpectedStreamRevision: &streams.DeleteReq_Options_Any{}}, "-2", "-1"},
		{"never written, must exist", ghost, &streams.DeleteReq_Options{ExpectedStreamRevision: &streams.DeleteReq_Options_StreamExists{}}, "-4", "-1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := w.within(t)
			c.options.StreamIdentifier = named(c.stream)
			var trailer metadata.MD
			_, err := stub.Delete(w.ctx, &streams.DeleteReq{Options: c.options}, grpc.Trailer(&trailer))
			w.wantStatus(err, codes.FailedPrecondition)
			w.wantTrailers(trailer, map[string]string{"exception": "wrong-expected-version", "stream-name": c.stream, "expected-version": c.expected, "actual-version": c.actual})
		})
	}
}

func TestTombstoneClashIsAnErrorWithTrailers(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.NoStream{}, events(0, 2)...)
	o := &streams.TombstoneReq_Options{StreamIdentifier: named(s), ExpectedStreamRevision: &streams.TombstoneReq_Options_Revision{Revision: 7}}
	var trailer metadata.MD
	_, err := w.stub().Tombstone(w.ctx, &streams.TombstoneReq{Options: o}, grpc.Trailer(&trailer))
	w.wantStatus(err, codes.FailedPrecondition)
	w.wantTrailers(trailer, map[string]string{"exception": "wrong-expected-version", "stream-name": s, "expected-version": "7", "actual-version": "1"})
	w.wantEvents(s, 2)
}

func TestDeleteReturnsAPosition(t *testing.T) {
	w := start(t)
	s := w.name("s")
	before := w.append(s, esdb.NoStream{}, event(0))
	deleted, err := w.client.DeleteStream(w.ctx, s, esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}})
	w.must(err)
	ended, err := w.client.TombstoneStream(w.ctx, s, esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}})
	w.must(err)
	if p := deleted.Position.Commit; p <= before.CommitPosition || ended.Position.Commit <= p {
		t.Errorf("appended at %d, deleted at %d, ended at %d", before.CommitPosition, p, ended.Position.Commit)
	}
	w.same("$all", ended.Position, w.since(at(before))[2].Event.Position)
}

func TestTombstoneIsForEver(t *testing.T) {
	w := start(t)
	from := w.anchor()
	s, never := w.name("s"), w.name("never")
	w.append(s, esdb.NoStream{}, events(0, 2)...)
	w.must(w.tombstone(s, esdb.Revision(1)))
	w.must(w.tombstone(never, esdb.NoStream{}))
	if last := w.since(from)[3].Event; last.EventType != "$streamDeleted" || last.EventNumber != math.MaxInt64 || last.StreamID != s {
		t.Errorf("$all shows %+v", last)
	}
	for _, s := range []string{s, never} {
		for _, expected := range []esdb.ExpectedRevision{esdb.Any{}, esdb.NoStream{}, esdb.StreamExists{}, esdb.Revision(1)} {
			_, err := w.try(s, expected, event(9))
			w.wantCode(err, esdb.ErrorCodeStreamDeleted)
		}
		for _, d := range []esdb.Direction{esdb.Forwards, esdb.Backwards} {
			_, err := w.readWith(s, esdb.ReadStreamOptions{From: esdb.End{}, Direction: d}, 10)
			w.wantCode(err, esdb.ErrorCodeStreamDeleted)
		}
		_, err := w.client.SubscribeToStream(w.ctx, s, esdb.SubscribeToStreamOptions{})
		w.wantCode(err, esdb.ErrorCodeStreamDeleted)
		w.wantCode(w.tombstone(s, esdb.Any{}), esdb.ErrorCodeStreamDeleted)
		w.wantCode(w.delete(s, esdb.Any{}), esdb.ErrorCodeStreamDeleted)
		_, err = w.try("$$"+s, esdb.Any{}, event(9))
		w.wantCode(err, esdb.ErrorCodeStreamDeleted)
	}
}

// The trailers say which stream, whatever was asked of it.
func TestTombstoneHasTrailers(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.must(w.tombstone(s, esdb.Any{}))
	want := map[string]string{"exception": "stream-deleted", "stream-name": s}
	stub := w.stub()
	for name, call := range map[string]func(grpc.CallOption) error{
		"append": func(o grpc.CallOption) error {
			call, err := stub.Append(w.ctx, o)
			w.must(err)
			w.must(call.Send(options(s, anything)))
			_, err = call.CloseAndRecv()
			return err
		},
		"read": func(o grpc.CallOption) error {
			call, err := stub.Read(w.ctx, request(s, nil), o)
			w.must(err)
			_, err = call.Recv()
			return err
		},
		"subscribe": func(o grpc.CallOption) error {
			call, err := stub.Read(w.ctx, request(s, subscribed), o)
			w.must(err)
			for err == nil {
				_, err = call.Recv()
			}
			return err
		},
		"delete": func(o grpc.CallOption) error {
			_, err := stub.Delete(w.ctx, &streams.DeleteReq{Options: &streams.DeleteReq_Options{StreamIdentifier: named(s), ExpectedStreamRevision: &streams.DeleteReq_Options_Any{}}}, o)
			return err
		},
		"tombstone": func(o grpc.CallOption) error {
			_, err := stub.Tombstone(w.ctx, &streams.TombstoneReq{Options: &streams.TombstoneReq_Options{StreamIdentifier: named(s), ExpectedStreamRevision: &streams.TombstoneReq_Options_Any{}}}, o)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.within(t)
			var trailer metadata.MD
			w.wantStatus(call(grpc.Trailer(&trailer)), codes.FailedPrecondition)
			w.wantTrailers(trailer, want)
		})
	}
}

func TestDeletedStreamCanBeEndedForEver(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.Any{}, event(0))
	w.must(w.delete(s, esdb.Any{}))
	w.must(w.tombstone(s, esdb.Any{}))
	_, err := w.try(s, esdb.Any{}, event(1))
	w.wantCode(err, esdb.ErrorCodeStreamDeleted)
}
