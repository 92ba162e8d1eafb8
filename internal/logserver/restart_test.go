package logserver_test

import (
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// What clients see of a server in one life is held by the conformance suite.

func TestRetryAfterLaterWritesAndARestart(t *testing.T) {
	dir := t.TempDir()
	first := func() *esdb.WriteResult {
		w := start(t, dir)
		defer w.server.Close()
		r := w.append("a", esdb.NoStream{}, events(0, 2)...)
		w.append("a", esdb.Any{}, events(5, 3)...)
		return r
	}()
	w := start(t, dir)
	for _, expected := range []esdb.ExpectedRevision{esdb.NoStream{}, esdb.Any{}} {
		if again := w.append("a", expected, events(0, 2)...); *again != *first {
			t.Errorf("%T: first %+v, again %+v", expected, first, again)
		}
	}
	if n := len(w.read("a")); n != 5 {
		t.Errorf("%d events, want 5", n)
	}
}

func TestTombstoneSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	w := start(t, dir)
	w.append("s", esdb.NoStream{}, events(0, 2)...)
	if err := w.tombstone("s", esdb.Revision(1)); err != nil {
		t.Fatal(err)
	}
	if err := w.tombstone("never", esdb.NoStream{}); err != nil {
		t.Fatal(err)
	}
	w.server.Close()
	w = start(t, dir)
	for _, stream := range []string{"s", "never"} {
		_, err := w.try(stream, esdb.Any{}, event(9))
		w.wantCode(err, esdb.ErrorCodeStreamDeleted)
		_, err = w.readWith(stream, esdb.ReadStreamOptions{From: esdb.Start{}}, 10)
		w.wantCode(err, esdb.ErrorCodeStreamDeleted)
		_, err = w.client.SubscribeToStream(w.ctx, stream, esdb.SubscribeToStreamOptions{})
		w.wantCode(err, esdb.ErrorCodeStreamDeleted)
		w.wantCode(w.tombstone(stream, esdb.Any{}), esdb.ErrorCodeStreamDeleted)
		_, err = w.try("$$"+stream, esdb.Any{}, event(9))
		w.wantCode(err, esdb.ErrorCodeStreamDeleted)
	}
}
