package logserver

import (
	"encoding/binary"
	"math"
)

// The key space has three regions. The length before a stream's name keeps one
// stream's entries from ever standing among another's, whatever bytes it has.
//
//	l <position>                 -> record (an encoded ReadResp)
//	s <length> <name> <revision> -> position
//	m <name>                     -> facts about the log itself
const (
	logRegion    = 'l'
	streamRegion = 's'
	factRegion   = 'm'
)

var (
	logFloor   = []byte{logRegion}
	logCeiling = []byte{logRegion + 1}
	factID     = []byte{factRegion, 'i', 'd'}
	factFormat = []byte{factRegion, 'f', 'o', 'r', 'm', 'a', 't'}
)

const logKeySize = 1 + 8

func logKey(position uint64) []byte {
	return appendLogKey(make([]byte, 0, logKeySize), position)
}

func appendLogKey(b []byte, position uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, logRegion), position)
}

func positionOf(logKey []byte) uint64 {
	if len(logKey) != logKeySize {
		return 0
	}
	return binary.BigEndian.Uint64(logKey[1:])
}

func streamPrefix(stream string) []byte {
	return appendStreamPrefix(make([]byte, 0, streamKeySize(stream)), stream)
}

func appendStreamPrefix(b []byte, stream string) []byte {
	b = binary.BigEndian.AppendUint32(append(b, streamRegion), uint32(len(stream)))
	return append(b, stream...)
}

func streamKeySize(stream string) int { return 1 + 4 + len(stream) + 8 }

func streamKey(stream string, revision int64) []byte {
	return appendStreamKey(make([]byte, 0, streamKeySize(stream)), stream, revision)
}

func appendStreamKey(b []byte, stream string, revision int64) []byte {
	return binary.BigEndian.AppendUint64(appendStreamPrefix(b, stream), uint64(revision))
}

// streamCeiling is above every revision of the stream, the tombstone's included.
func streamCeiling(stream string) []byte {
	return binary.BigEndian.AppendUint64(streamPrefix(stream), math.MaxUint64)
}

func revisionOf(streamKey []byte) int64 {
	return int64(binary.BigEndian.Uint64(streamKey[len(streamKey)-8:]))
}
