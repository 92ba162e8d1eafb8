package logserver_test

import (
	"bytes"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// Lag is that of who is farthest behind, and nobody who waits for news is behind,
// however much is written elsewhere.
func TestLagOfSubscribers(t *testing.T) {
	w := start(t, t.TempDir())
	w.append("quiet", esdb.Any{}, event(0))
	quiet, err := w.client.SubscribeToStream(w.ctx, "quiet", esdb.SubscribeToStreamOptions{From: esdb.Start{}})
	if err != nil {
		t.Fatal(err)
	}
	defer quiet.Close()
	busy, err := connect(t, w.server.URL()).SubscribeToAll(w.ctx, esdb.SubscribeToAllOptions{From: esdb.Start{}})
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	const count = 60 // of 256 KiB, more than the windows between us hold
	big := event(1)
	big.Data = bytes.Repeat([]byte("x"), 256<<10)
	for n := range count {
		big.EventID = id(1 + n)
		w.append("busy", esdb.Any{}, big)
	}
	if s := w.server.Stats(); s.Subscribers != 2 || s.Behind == 0 || s.Behind > count {
		t.Errorf("%+v", s)
	}
	for seen := 0; seen < count+1; {
		e := busy.Recv()
		if e.SubscriptionDropped != nil {
			t.Fatal(e.SubscriptionDropped.Error)
		}
		if e.EventAppeared != nil {
			seen++
		}
	}
	w.until("everybody to have everything", func() bool { return w.server.Stats().Behind == 0 })
}

// What the figures say of batches adds up, and an open after a kill says how
// much it found above the mark.
func TestFigures(t *testing.T) {
	w := start(t, t.TempDir())
	for n := range 5 {
		w.append("s", esdb.Any{}, events(10*n, 10)...)
	}
	_, err := w.try("s", esdb.Revision(3), event(-1))
	w.wantCode(err, esdb.ErrorCodeWrongExpectedVersion)
	s := w.server.Stats()
	if s.Appends != 5 || s.Refused != 1 || s.Events != 50 || s.BatchEvents.Count != s.Batches || s.BatchEvents.Sum != 50 ||
		s.BatchEvents.Buckets[8] != 0 || s.BatchEvents.Buckets[16] != 5 || s.SyncSeconds.Count != s.Batches || s.SyncSeconds.Sum <= 0 || s.DiskFree == 0 || s.Recovered != 0 {
		t.Errorf("%+v", s)
	}
	dir := killed(t)
	mark := marked(t, dir)
	again := start(t, dir)
	if s := again.server.Stats(); s.Recovered != s.Head-mark || s.Recovered == 0 {
		t.Errorf("%+v, mark %d", s, mark)
	}
}
