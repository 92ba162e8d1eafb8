package logserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// deletedBefore as $tb hides a stream until it is written again.
const deletedBefore = math.MaxInt64

// metaPrefix turns a stream's name into its metastream's.
const metaPrefix = "$$"

func metastream(stream string) string { return metaPrefix + stream }

// metaTarget is the stream that a metastream describes.
func metaTarget(stream string) (target string, meta bool) {
	return strings.CutPrefix(stream, metaPrefix)
}

// A retention says which of a stream's events may still be read. It is
// evaluated when reading; the log keeps everything until a compaction.
type retention struct {
	MaxAge         int64 `json:"$maxAge"`   // seconds, 0 = unlimited
	MaxCount       int64 `json:"$maxCount"` // events, 0 = unlimited
	TruncateBefore int64 `json:"$tb"`       // first readable revision
}

// parseRetention reads stream metadata. What is not valid JSON limits nothing, and
// neither does a key in other letters: what it hides, a compaction removes.
func parseRetention(data []byte) (r retention) {
	fields := metadataFields(data)
	for key, limit := range map[string]*int64{"$maxAge": &r.MaxAge, "$maxCount": &r.MaxCount, "$tb": &r.TruncateBefore} {
		if value, said := fields[key]; said && json.Unmarshal(value, limit) != nil {
			return retention{}
		}
	}
	return r
}

func (r retention) deleted() bool { return r.TruncateBefore == deletedBefore }

// first is the oldest readable revision of a stream that ends at last.
func (r retention) first(last int64) int64 {
	first := max(r.TruncateBefore, 0)
	if r.MaxCount > 0 {
		first = max(first, last-r.MaxCount+1)
	}
	return first
}

// ticksPerSecond turns the seconds of $maxAge into the unit of creation times.
const ticksPerSecond = int64(time.Second / 100)

// oldest is the creation time, in ticks, before which events have expired. An age
// that reaches back beyond 1970 limits nothing; clients say "for ever" with numbers
// that do not fit into ticks.
func (r retention) oldest(now time.Time) int64 {
	if r.MaxAge <= 0 || r.MaxAge > ticks(now)/ticksPerSecond {
		return math.MinInt64
	}
	return ticks(now) - r.MaxAge*ticksPerSecond
}

// ticks counts 100 ns since 1970, the unit of the protocol's timestamps.
func ticks(t time.Time) int64 { return t.UnixNano() / 100 }

// deletion is the metadata that hides a whole stream.
func deletion() []byte {
	return fmt.Appendf(nil, `{"$tb":%d}`, int64(deletedBefore))
}

// revival is metadata that lets a hidden stream go on from a revision, all
// else as it was.
func revival(data []byte, from int64) []byte {
	fields := metadataFields(data)
	fields["$tb"] = fmt.Append(nil, from)
	revived, err := json.Marshal(fields)
	if err != nil {
		return fmt.Appendf(nil, `{"$tb":%d}`, from)
	}
	return revived
}

// metadataFields are those of stream metadata, to be changed; none when it is no
// object, and null is none.
func metadataFields(data []byte) map[string]json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil || fields == nil {
		return map[string]json.RawMessage{}
	}
	return fields
}

// retention reads the newest durable metadata of a stream. Metastreams keep
// their last event only.
func (s *store) retention(stream string) (retention, error) {
	if _, meta := metaTarget(stream); meta {
		return retention{MaxCount: 1}, nil
	}
	data, err := s.metadata(stream, s.head.Load())
	return parseRetention(data), err
}

// metadata returns the JSON in the last event of a stream's metastream.
func (s *store) metadata(stream string, bound uint64) ([]byte, error) {
	return s.newest(metastream(stream), bound)
}

// newest returns the data of a stream's last event, nil when there is none.
func (s *store) newest(stream string, bound uint64) ([]byte, error) {
	e, err := s.last(stream, bound)
	if err != nil || e == noEntry {
		return nil, err
	}
	r, err := s.record(e.position)
	if errors.Is(err, errRemoved) {
		return s.newest(stream, bound) // only what has a successor is removed
	}
	if err != nil {
		return nil, err
	}
	d, err := decode(r.wire)
	if err != nil {
		return nil, &CorruptionError{Path: s.path, Position: e.position, Reason: "the record cannot be decoded", Cause: err}
	}
	return d.data, nil
}
