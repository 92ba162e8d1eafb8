package logserver

import (
	"encoding/binary"
	"strconv"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"
)

// A decoded record shows what a stored record says. Its slices point into the
// record's bytes.
type decoded struct {
	id       uuid.UUID
	stream   []byte
	kind     []byte
	json     bool
	revision int64
	position uint64
	created  int64
	data     []byte
	event    []byte // the RecordedEvent message itself
}

// eachField calls f for every field of a message that is a number or bytes: v for
// numbers, raw, which is not nil, for bytes. The protocol has no other fields.
func eachField(b []byte, f func(n protowire.Number, v uint64, raw []byte) error) error {
	for len(b) > 0 {
		n, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return errBadRecord
		}
		b = b[size:]
		v, raw, size := consumeValue(b, n, kind)
		if size < 0 {
			return errBadRecord
		}
		b = b[size:]
		if kind != protowire.VarintType && kind != protowire.BytesType {
			continue
		}
		if err := f(n, v, raw); err != nil {
			return err
		}
	}
	return nil
}

func consumeValue(b []byte, n protowire.Number, kind protowire.Type) (v uint64, raw []byte, size int) {
	switch kind {
	case protowire.VarintType:
		v, size = protowire.ConsumeVarint(b)
	case protowire.BytesType:
		raw, size = protowire.ConsumeBytes(b)
	default:
		size = protowire.ConsumeFieldValue(n, kind, b)
	}
	return v, raw, size
}

// recordedEvent finds the RecordedEvent message inside a stored record.
func recordedEvent(wire []byte) ([]byte, error) {
	outer, err := onlyField(wire, readRespEvent)
	if err != nil {
		return nil, err
	}
	return onlyField(outer, readEventEvent)
}

// onlyField returns the message that stands first and under the given number.
func onlyField(b []byte, field protowire.Number) ([]byte, error) {
	n, kind, size := protowire.ConsumeTag(b)
	if size < 0 || n != field || kind != protowire.BytesType {
		return nil, errBadRecord
	}
	raw, rest := protowire.ConsumeBytes(b[size:])
	if rest < 0 {
		return nil, errBadRecord
	}
	return raw, nil
}

// decode reads a whole stored record.
func decode(wire []byte) (decoded, error) {
	event, err := recordedEvent(wire)
	if err != nil {
		return decoded{}, err
	}
	d := decoded{event: event}
	if err := eachField(event, d.field); err != nil {
		return decoded{}, err
	}
	if len(d.stream) == 0 || d.position == 0 || d.revision < 0 {
		return decoded{}, errBadRecord
	}
	return d, nil
}

func (d *decoded) field(n protowire.Number, v uint64, raw []byte) (err error) {
	switch n {
	case recordedID:
		d.id, err = parseID(raw)
	case recordedStream:
		d.stream, err = onlyField(raw, streamName)
	case recordedRevision:
		d.revision = int64(v)
	case recordedCommit:
		d.position = v
	case recordedMetadata:
		return d.property(raw)
	case recordedData:
		d.data = raw
	}
	return err
}

func (d *decoded) property(entry []byte) error {
	key, value, err := mapEntry(entry)
	if err != nil {
		return err
	}
	switch string(key) {
	case keyType:
		d.kind = value
	case keyContentType:
		d.json = string(value) == typeJSON
	case keyCreated:
		if d.created, err = strconv.ParseInt(string(value), 10, 64); err != nil {
			return errBadRecord
		}
	}
	return nil
}

func mapEntry(b []byte) (key, value []byte, err error) {
	err = eachField(b, func(n protowire.Number, _ uint64, raw []byte) error {
		switch n {
		case mapKey:
			key = raw
		case mapValue:
			value = raw
		}
		return nil
	})
	return key, value, err
}

// parseID reads event_store.client.UUID in either of its two forms.
func parseID(b []byte) (id uuid.UUID, err error) {
	err = eachField(b, func(n protowire.Number, _ uint64, raw []byte) (err error) {
		switch n {
		case uuidStructured:
			id, err = parseHalves(raw)
		case uuidString:
			id, err = uuid.ParseBytes(raw)
		}
		return err
	})
	return id, err
}

func parseHalves(b []byte) (id uuid.UUID, err error) {
	err = eachField(b, func(n protowire.Number, v uint64, _ []byte) error {
		switch n {
		case 1:
			binary.BigEndian.PutUint64(id[:8], v)
		case 2:
			binary.BigEndian.PutUint64(id[8:], v)
		}
		return nil
	})
	return id, err
}

// streamOf reads only the stream name of a stored record; empty when there is none.
func streamOf(wire []byte) []byte {
	event, err := recordedEvent(wire)
	for err == nil && len(event) > 0 {
		n, kind, size := protowire.ConsumeTag(event)
		if size < 0 {
			return nil
		}
		_, raw, rest := consumeValue(event[size:], n, kind)
		if rest < 0 {
			return nil
		}
		if n == recordedStream {
			name, _ := onlyField(raw, streamName)
			return name
		}
		event = event[size+rest:]
	}
	return nil
}
