package logserver

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"
)

// tombstoneRevision is the revision of the record that ends a stream for ever.
const tombstoneRevision = math.MaxInt64

// Event types the protocol reserves.
const (
	tombstoneType = "$streamDeleted"
	metadataType  = "$metadata"
	linkType      = "$>"
)

// Field numbers of event_store.client.streams.ReadResp and the messages inside
// it, and of event_store.client.UUID and StreamIdentifier.
const (
	readRespEvent = 1

	readEventEvent  = 1
	readEventLink   = 2
	readEventCommit = 3

	recordedID       = 1
	recordedStream   = 2
	recordedRevision = 3
	recordedPrepare  = 4
	recordedCommit   = 5
	recordedMetadata = 6
	recordedCustom   = 7
	recordedData     = 8

	uuidStructured = 1
	uuidString     = 2
	streamName     = 3
	mapKey         = 1
	mapValue       = 2
)

// Keys and values of a recorded event's metadata map.
const (
	keyType        = "type"
	keyCreated     = "created"
	keyContentType = "content-type"
	typeJSON       = "application/json"
	typeBinary     = "application/octet-stream"
)

var errBadRecord = errors.New("not a stored record")

// A record is one stored event: its position and the encoded ReadResp message
// that carries it to a reader. The bytes are shared and never change.
type record struct {
	position uint64
	wire     []byte
}

// A proposal is an event on its way in. Everything the sequencer need not
// decide is encoded beforehand, outside the single-threaded part.
type proposal struct {
	id     uuid.UUID
	room   []byte // headRoom bytes, and then the fields
	fields []byte // id, stream, type, content type, custom metadata, data
	data   []byte // the last of fields
}

// headRoom and tailRoom are what a place can take before and after the fields of a
// proposal, which is so encoded where it is.
const (
	headRoom = 96
	tailRoom = 16
)

// A content is what a caller says about an event.
type content struct {
	id     uuid.UUID
	kind   string
	json   bool
	custom []byte
	data   []byte
}

// propose encodes the caller's part of an event in the named stream.
func propose(stream string, c content) proposal {
	b := make([]byte, headRoom, headRoom+96+len(stream)+len(c.kind)+len(c.custom)+len(c.data)+tailRoom)
	b = appendStructuredID(b, c.id)
	b = appendStreamField(b, recordedStream, stream)
	b = appendMapEntry(b, keyType, c.kind)
	b = appendMapEntry(b, keyContentType, contentType(c.json))
	b = appendBytesField(b, recordedCustom, c.custom)
	b = appendBytesField(b, recordedData, c.data)
	return proposal{id: c.id, room: b, fields: b[headRoom:], data: b[len(b)-len(c.data) : len(b) : len(b)]}
}

// A place is what the sequencer decides about an event: where it stands and when.
type place struct {
	revision int64
	position uint64
	created  int64 // ticks of 100 ns since 1970
}

// encode joins a proposal with its place to the ReadResp message, which takes over
// the proposal's memory: it is done once.
func (p proposal) encode(at place) []byte {
	var head, start [headRoom]byte
	h := appendVarintField(head[:0], recordedRevision, uint64(at.revision))
	h = appendVarintField(h, recordedPrepare, at.position)
	h = appendVarintField(h, recordedCommit, at.position)
	h = appendMapEntry(h, keyCreated, strconv.FormatInt(at.created, 10))
	inner := len(h) + len(p.fields)
	outer := protowire.SizeTag(readEventEvent) + protowire.SizeBytes(inner) +
		protowire.SizeTag(readEventCommit) + protowire.SizeVarint(at.position)
	s := appendHeader(start[:0], readRespEvent, outer)
	s = append(appendHeader(s, readEventEvent, inner), h...)
	copy(p.room[headRoom-len(s):], s)
	b := protowire.AppendTag(p.room[headRoom-len(s):], readEventCommit, protowire.VarintType)
	return protowire.AppendVarint(b, at.position)
}

func contentType(json bool) string {
	if json {
		return typeJSON
	}
	return typeBinary
}

func appendHeader(b []byte, field protowire.Number, size int) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(size))
}

// appendVarintField leaves zero out, as proto3 does.
func appendVarintField(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func appendBytesField(b []byte, field protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return append(appendHeader(b, field, len(v)), v...)
}

func appendStringField(b []byte, field protowire.Number, v string) []byte {
	return append(appendHeader(b, field, len(v)), v...)
}

func appendMapEntry(b []byte, key, value string) []byte {
	size := protowire.SizeTag(mapKey) + protowire.SizeBytes(len(key)) +
		protowire.SizeTag(mapValue) + protowire.SizeBytes(len(value))
	b = appendHeader(b, recordedMetadata, size)
	return appendStringField(appendStringField(b, mapKey, key), mapValue, value)
}

func appendStreamField(b []byte, field protowire.Number, stream string) []byte {
	b = appendHeader(b, field, protowire.SizeTag(streamName)+protowire.SizeBytes(len(stream)))
	return appendStringField(b, streamName, stream)
}

// appendStructuredID writes an id as the two big-endian halves the protocol
// calls most and least significant bits.
func appendStructuredID(b []byte, id uuid.UUID) []byte {
	var half [24]byte
	h := appendVarintField(half[:0], 1, binary.BigEndian.Uint64(id[:8]))
	h = appendVarintField(h, 2, binary.BigEndian.Uint64(id[8:]))
	b = appendHeader(b, recordedID, protowire.SizeTag(uuidStructured)+protowire.SizeBytes(len(h)))
	return append(appendHeader(b, uuidStructured, len(h)), h...)
}

// appendStringID writes an id in its textual form.
func appendStringID(b []byte, id uuid.UUID) []byte {
	text := id.String()
	b = appendHeader(b, recordedID, protowire.SizeTag(uuidString)+protowire.SizeBytes(len(text)))
	return appendStringField(b, uuidString, text)
}

// expired says whether the record was created before a time in ticks.
func (r record) expired(oldest int64) (bool, error) {
	if oldest == math.MinInt64 {
		return false, nil
	}
	d, err := decode(r.wire)
	return d.created < oldest, err
}
