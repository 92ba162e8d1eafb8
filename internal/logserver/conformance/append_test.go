package conformance

import (
	"bytes"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

func TestAppendReturnsThePlaceOfTheLastEvent(t *testing.T) {
	w := start(t)
	s := w.name("orders")
	r := w.append(s, esdb.NoStream{}, events(0, 3)...)
	all := w.read(s)
	last := all[2]
	if r.NextExpectedVersion != 2 || at(r) != last.Event.Position {
		t.Errorf("append answered %+v, read back %+v", r, last.Event.Position)
	}
	if *last.Commit != r.CommitPosition || r.CommitPosition == 0 {
		t.Errorf("commit position %d, want %d", *last.Commit, r.CommitPosition)
	}
	if all[0].Event.EventID != id(0) || string(all[0].Event.UserMetadata) != `{"by":"test"}` || all[0].Event.ContentType != "application/json" {
		t.Errorf("read back %+v", all[0].Event)
	}
}

// Each case appends what comes before, then tries one append.
func TestExpectedRevision(t *testing.T) {
	w := start(t)
	cases := []struct {
		name     string
		before   int
		expected esdb.ExpectedRevision
		try      []esdb.EventData
		revision uint64
		clash    string // "expecting 'x' but got 'y'"
	}{
		{name: "any on nothing", expected: esdb.Any{}, try: events(0, 1)},
		{name: "none on nothing", expected: esdb.NoStream{}, try: events(0, 2), revision: 1},
		{name: "exact on the last", before: 2, expected: esdb.Revision(1), try: events(2, 1), revision: 2},
		{name: "exists on something", before: 2, expected: esdb.StreamExists{}, try: events(2, 1), revision: 2},
		{name: "exists on nothing", expected: esdb.StreamExists{}, try: events(0, 1), clash: "expecting 'stream_exists' but got 'no_stream'"},
		{name: "none on something", before: 2, expected: esdb.NoStream{}, try: events(7, 1), clash: "expecting 'no_stream' but got '1'"},
		{name: "exact ahead", before: 2, expected: esdb.Revision(5), try: events(7, 1), clash: "expecting '5' but got '1'"},
		{name: "exact on nothing", expected: esdb.Revision(0), try: events(7, 1), clash: "expecting '0' but got 'no_stream'"},
		{name: "exact behind", before: 3, expected: esdb.Revision(0), try: events(7, 1), clash: "expecting '0' but got '2'"},
		{name: "exact retry is answered again", before: 4, expected: esdb.Revision(0), try: events(1, 2), revision: 2},
		{name: "none retry is answered again", before: 4, expected: esdb.NoStream{}, try: events(0, 2), revision: 1},
		{name: "any retry does not duplicate", before: 4, expected: esdb.Any{}, try: events(1, 2), revision: 2},
		{name: "exists retry does not duplicate", before: 4, expected: esdb.StreamExists{}, try: events(3, 1), revision: 3},
		{name: "exact retry with more behind", before: 2, expected: esdb.Revision(0), try: events(1, 2), clash: "expecting '0' but got '1'"},
		{name: "exact retry, second differs", before: 4, expected: esdb.Revision(0), try: []esdb.EventData{event(1), event(9)}, clash: "expecting '0' but got '3'"},
		{name: "any, part repeated", before: 2, expected: esdb.Any{}, try: []esdb.EventData{event(1), event(9)}, clash: "expecting 'any' but got '1'"},
		{name: "exists, part repeated", before: 2, expected: esdb.StreamExists{}, try: []esdb.EventData{event(1), event(9)}, clash: "expecting 'stream_exists' but got '1'"},
		{name: "any, first unknown is new", before: 2, expected: esdb.Any{}, try: []esdb.EventData{event(9), event(1)}, revision: 3},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := w.within(t)
			s := w.name(strings.ReplaceAll(c.name, " ", "-"))
			if c.before > 0 {
				w.append(s, esdb.NoStream{}, events(0, c.before)...)
			}
			r, err := w.try(s, c.expected, c.try...)
			if c.clash != "" {
				w.wantCode(err, esdb.ErrorCodeWrongExpectedVersion)
				if err != nil && !strings.Contains(err.Error(), c.clash) {
					t.Error(err)
				}
				w.wantEvents(s, c.before)
				return
			}
			if err != nil || r.NextExpectedVersion != c.revision {
				t.Fatalf("got %+v, %v, want revision %d", r, err, c.revision)
			}
			if last := w.read(s)[c.revision].Event; last.Position != at(r) || last.EventID != c.try[len(c.try)-1].EventID {
				t.Errorf("answered position %d, the event is at %d", r.CommitPosition, last.Position.Commit)
			}
		})
	}
}

// wantEvents counts a stream's events, where none means that there is no stream.
func (w *world) wantEvents(stream string, count int) {
	w.Helper()
	if count == 0 {
		w.wantMissing(stream)
		return
	}
	if n := len(w.read(stream)); n != count {
		w.Errorf("%d events, want %d", n, count)
	}
}

func TestExactRetryReturnsTheOriginalResultEvenAfterLaterWrites(t *testing.T) {
	w := start(t)
	s := w.name("s")
	first := w.append(s, esdb.NoStream{}, events(0, 2)...)
	second := w.append(s, esdb.Revision(1), events(2, 2)...)
	w.append(s, esdb.Any{}, events(5, 3)...)
	w.append(w.name("other"), esdb.Any{}, events(5, 3)...)
	w.same("none", first, w.append(s, esdb.NoStream{}, events(0, 2)...))
	w.same("exact", second, w.append(s, esdb.Revision(1), events(2, 2)...))
	w.wantEvents(s, 7)
}

func TestAnyRetryDoesNotDuplicate(t *testing.T) {
	w := start(t)
	s := w.name("s")
	first := w.append(s, esdb.Any{}, events(0, 2)...)
	w.append(s, esdb.Any{}, events(5, 3)...)
	w.same("any", first, w.append(s, esdb.Any{}, events(0, 2)...))
	w.same("exists", first, w.append(s, esdb.StreamExists{}, events(0, 2)...))
	w.wantEvents(s, 5)
}

// A retry may arrive while the original is under way: whoever is answered hears
// the same, and there is one effect.
func TestRetriesBesideTheOriginalHearTheSame(t *testing.T) {
	w := start(t)
	s := w.name("s")
	var wg sync.WaitGroup
	results := make([]*esdb.WriteResult, 16)
	for n := range results {
		wg.Go(func() {
			var err error
			if results[n], err = w.try(s, esdb.NoStream{}, events(0, 3)...); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, r := range results {
		w.same("result", results[0], r)
	}
	w.wantEvents(s, 3)
}

func TestPartRepeatedAppendIsRefusedAndNothingWritten(t *testing.T) {
	w := start(t)
	s := w.name("s")
	w.append(s, esdb.NoStream{}, events(0, 3)...)
	for _, expected := range []esdb.ExpectedRevision{esdb.Any{}, esdb.StreamExists{}, esdb.Revision(1)} {
		_, err := w.try(s, expected, event(2), event(9))
		w.wantCode(err, esdb.ErrorCodeWrongExpectedVersion)
	}
	w.wantEvents(s, 3)
}

func TestIdsBelongToTheirStream(t *testing.T) {
	w := start(t)
	a, b := w.name("a"), w.name("b")
	w.append(a, esdb.Any{}, event(1))
	w.append(b, esdb.Any{}, event(1))
	w.wantEvents(a, 1)
	w.wantEvents(b, 1)
}

func TestEmptyAppendIsLegal(t *testing.T) {
	w := start(t)
	s := w.name("nothing")
	answer, err := w.propose(options(s, noStream))
	if err != nil || answer.GetSuccess().GetNoStream() == nil || answer.GetSuccess().GetNoPosition() == nil {
		t.Errorf("%v, %v", answer, err)
	}
	w.wantMissing(s)
	w.append(s, esdb.NoStream{}, events(0, 2)...)
	if answer, err = w.propose(options(s, exactly(1))); err != nil || answer.GetSuccess().GetCurrentRevision() != 1 {
		t.Errorf("%v, %v", answer, err)
	}
	if answer, err = w.propose(options(s, exactly(7))); err != nil || answer.GetWrongExpectedVersion().GetCurrentRevision() != 1 {
		t.Errorf("%v, %v", answer, err)
	}
	w.wantEvents(s, 2)
}

func TestLegalNames(t *testing.T) {
	w := start(t)
	labels := []string{"/x/foo", "with space", "a::b", "größe", "注文-🧾", "per%cent?#&=+", `quote"'\`, "tab\tnew\nline", "$system", "a@b", strings.Repeat("n", 900)}
	for _, label := range labels {
		s := w.name(label)
		w.append(s, esdb.NoStream{}, event(1))
		if got := w.read(s)[0].Event.StreamID; got != s {
			t.Errorf("wrote %q, read %q", s, got)
		}
		w.same("subscribed", []string{label + "/0", "caught up"}, w.hear(w.follow(s, esdb.Start{}), "caught up"))
		w.describe(s, func(m *esdb.StreamMetadata) { m.SetMaxCount(3) })
		if m, err := w.client.GetStreamMetadata(w.ctx, s, esdb.ReadStreamOptions{}); err != nil || *m.MaxCount() != 3 {
			t.Errorf("%q: metadata %v, %v", s, m, err)
		}
		w.must(w.delete(s, esdb.Revision(0)))
	}
}

// The names differ in one character, or one begins with the other.
func TestStreamsWithNamesAlikeAreApart(t *testing.T) {
	w := start(t)
	names := []string{w.name("s"), w.name("s") + "\x00", w.name("s") + "0", w.name("S"), w.name("s") + " ", w.name("s") + "ü", w.name("s") + "u\u0308"}
	for n, s := range names {
		w.append(s, esdb.NoStream{}, events(10*n, 2)...)
	}
	for n, s := range names {
		all := w.read(s)
		if len(all) != 2 || all[0].Event.EventID != id(10*n) {
			t.Errorf("%q: %v", s, places(all))
		}
		w.append(s, esdb.Revision(1), event(10*n+2))
	}
}

func TestOneWinnerOf32RacingExactAppends(t *testing.T) {
	w := start(t)
	s := w.name("race")
	w.append(s, esdb.NoStream{}, event(0))
	var won, lost atomic.Int32
	var wg sync.WaitGroup
	for n := range 32 {
		wg.Go(func() {
			switch _, err := w.try(s, esdb.Revision(0), event(100+n)); code(err) {
			case -1:
				won.Add(1)
			case esdb.ErrorCodeWrongExpectedVersion:
				lost.Add(1)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 31 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
	w.wantEvents(s, 2)
}

func TestPayloadsAreBytes(t *testing.T) {
	w := start(t)
	blob := bytes.Repeat([]byte{0, 255, '\n'}, 1000)
	cases := []struct {
		name  string
		event esdb.EventData
		kind  string // content type when read
	}{
		{"binary", esdb.EventData{Data: blob, Metadata: blob}, "application/octet-stream"},
		{"empty binary", esdb.EventData{}, "application/octet-stream"},
		{"empty JSON", esdb.EventData{ContentType: esdb.ContentTypeJson}, "application/json"},
		{"empty data, metadata", esdb.EventData{ContentType: esdb.ContentTypeJson, Metadata: []byte(`{}`)}, "application/json"},
		{"JSON, and not as we write it", esdb.EventData{ContentType: esdb.ContentTypeJson, Data: []byte("{ \"b\":1,\n\"a\" : 1.0}")}, "application/json"},
	}
	for n, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := w.within(t)
			s := w.name(c.name)
			c.event.EventID, c.event.EventType = id(n), "Payload"
			w.append(s, esdb.Any{}, c.event)
			got := w.read(s)[0].Event
			if !bytes.Equal(got.Data, c.event.Data) || !bytes.Equal(got.UserMetadata, c.event.Metadata) || got.ContentType != c.kind || got.EventType != "Payload" {
				t.Errorf("read %+v", got)
			}
		})
	}
}

func TestAppendOf500EventsIsOneWrite(t *testing.T) {
	w := start(t)
	s := w.name("s")
	from := w.anchor()
	r := w.append(s, esdb.NoStream{}, events(0, 500)...)
	if r.NextExpectedVersion != 499 {
		t.Errorf("%+v", r)
	}
	all := w.read(s)
	if len(all) != 500 || all[499].Event.Position != at(r) {
		t.Errorf("%d events", len(all))
	}
	for n, e := range w.since(from)[1:] {
		if e.Event.EventID != id(n) || e.Event.EventNumber != uint64(n) {
			t.Fatalf("in $all, event %d is %+v", n, e.Event)
		}
	}
	w.same("again", r, w.append(s, esdb.NoStream{}, events(0, 500)...))
}
