package conformance

import (
	"bytes"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/internal/logserver"
)

// Where the limit lies is found by the answer to an append that is above any.
func TestTooLargeAnAppendIsRefusedWholeAndOneBelowTheLimitIsNot(t *testing.T) {
	w := start(t)
	s := w.name("s")
	limit := w.appendLimit(s)
	if limit == 0 {
		return
	}
	_, err := w.try(s, esdb.Any{}, sized(0, limit/2), sized(1, limit/2+1024), sized(2, 1))
	w.wantCode(err, esdb.ErrorCodeUnknown) // the official client knows no better: see TestRefusedAppends
	w.wantMissing(s)
	w.append(s, esdb.NoStream{}, sized(0, limit/2), sized(1, limit/2-1024))
	w.append(s, esdb.Revision(1), sized(2, limit-1024))
	if all := w.read(s); len(all) != 3 || len(all[2].Event.Data) != limit-1024 {
		t.Errorf("%d events", len(all))
	}
}

// The embedded server counts data, metadata, and the type in two-byte characters.
func TestAppendLimitIsExact(t *testing.T) {
	w := start(t)
	s := w.name("s")
	fits := sized(1, logserver.DefaultMaxAppendSize-2*len("Sized")-len(`{}`))
	fits.Metadata = []byte(`{}`)
	over := fits
	over.EventID, over.Metadata = id(2), []byte(`{} `)
	_, err := w.try(s, esdb.Any{}, over)
	if err == nil {
		t.Error("one byte more was accepted")
	}
	w.wantMissing(s)
	w.append(s, esdb.NoStream{}, fits)
	if got := w.read(s)[0].Event; !bytes.Equal(got.Data, fits.Data) {
		t.Errorf("read %d bytes", len(got.Data))
	}
}

// The official client receives messages of up to 17 MiB.
func TestLargestEventThatClientsCanReceive(t *testing.T) {
	const size = 17<<20 - 1<<10
	w := own(t, logserver.Options{MaxAppendSize: 17 << 20})
	s := w.name("s")
	w.append(s, esdb.NoStream{}, sized(1, size))
	if got := w.read(s)[0].Event; len(got.Data) != size {
		t.Errorf("read %d bytes", len(got.Data))
	}
	e := w.follow(s, esdb.Start{}).Recv()
	if e.EventAppeared == nil || len(e.EventAppeared.Event.Data) != size {
		t.Errorf("subscribed: %+v", e)
	}
}

func sized(n, size int) esdb.EventData {
	return esdb.EventData{EventID: uuid.NewSHA1(id(n), []byte("sized")), EventType: "Sized", Data: bytes.Repeat([]byte{byte(n)}, size)}
}
