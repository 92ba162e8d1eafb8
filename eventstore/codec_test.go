package eventstore

import (
	"errors"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// A poison event is told on the event itself, with its place.
func TestWhatCannotBeDecodedSaysSo(t *testing.T) {
	log, s := both(t)
	raw := rawClient(t, log.URL())
	for _, e := range []esdb.EventData{
		{EventID: uuid.New(), EventType: "Noted", ContentType: esdb.ContentTypeJson, Data: []byte(`{"n":"many"}`), Metadata: []byte(`{"v":1}`)},
		{EventID: uuid.New(), EventType: "Noted", ContentType: esdb.ContentTypeJson, Data: []byte(`{}`), Metadata: []byte(`{"v":9}`)},
		{EventID: uuid.New(), EventType: "Foreign", ContentType: esdb.ContentTypeBinary, Data: []byte{0, 1}},
	} {
		if _, err := raw.AppendToStream(t.Context(), "note-1", esdb.AppendToStreamOptions{}, e); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Read(t.Context(), "note-1", 0)
	if err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	for i, want := range []error{domain.ErrUnreadableEvent, domain.ErrUnknownVersion, nil} {
		if !errors.Is(got[i].Err, want) || got[i].Event != nil && want != nil {
			t.Errorf("event %d: %v, want %v", i, got[i].Err, want)
		}
	}
	if string(got[2].Data) != `"AAE="` {
		t.Errorf("foreign data %s", got[2].Data)
	}
}
