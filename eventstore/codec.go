package eventstore

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/reeve-platform/reeve/domain"
)

// stored is the metadata of an event as it is in the log.
type stored struct {
	Version int `json:"v"`
	domain.Meta
}

// encode makes what is sent to the log, and counts its bytes as the log does:
// data, metadata, and the type in two-byte characters.
func encode(r *domain.Registry, m domain.Meta, facts []domain.Proposed) ([]esdb.EventData, int, error) {
	out, size := make([]esdb.EventData, len(facts)), 0
	for i, f := range facts {
		name, version, data, err := r.Encode(f.Event)
		if err != nil {
			return nil, 0, err
		}
		meta, err := json.Marshal(stored{version, m})
		if err != nil {
			return nil, 0, err
		}
		out[i] = esdb.EventData{EventID: f.ID, EventType: name, ContentType: esdb.ContentTypeJson, Data: data, Metadata: meta}
		size += len(data) + len(meta) + 2*len(name)
	}
	return out, size, nil
}

// A decoder reads events one after the other. Events of one append mostly carry
// the same metadata, which is then read once.
type decoder struct {
	registry *domain.Registry
	raw      []byte
	meta     stored
}

// read makes a recorded event of what the log holds. What cannot be decoded is
// said on the event, so that whoever does not need it can go on. Metadata that is
// not ours is left out; data that is not JSON becomes a string in base64.
func (d *decoder) read(e *esdb.RecordedEvent) domain.Recorded {
	meta := d.metadata(e.UserMetadata)
	out := domain.Recorded{
		ID: e.EventID, Type: e.EventType, Meta: meta.Meta, Version: meta.Version,
		Stream: domain.StreamID(e.StreamID), Revision: e.EventNumber, Position: e.Position.Commit, Data: e.Data, Metadata: e.UserMetadata,
	}
	event, err := d.registry.Decode(e.EventType, max(meta.Version, 1), e.Data)
	if err != nil {
		out.Err = fmt.Errorf("event %s of type %s, revision %d of %s, position %d: %w", e.EventID, e.EventType, e.EventNumber, e.StreamID, e.Position.Commit, err)
	}
	out.Event = event
	if event == nil {
		out.Data = asJSON(e.Data)
	}
	return out
}

func (d *decoder) metadata(raw []byte) stored {
	if d.raw == nil || !bytes.Equal(raw, d.raw) {
		d.raw, d.meta = raw, stored{}
		if json.Unmarshal(raw, &d.meta) != nil {
			d.meta = stored{}
		}
	}
	return d.meta
}

// asJSON gives bytes as a JSON value.
func asJSON(b []byte) json.RawMessage {
	switch {
	case len(b) == 0:
		return json.RawMessage("null")
	case json.Valid(b):
		return b
	}
	text, _ := json.Marshal(b) // bytes always marshal
	return text
}
