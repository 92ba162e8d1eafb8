package logserver

import "errors"

// What a caller expects of a stream before its write; zero and above is an
// exact revision. The negative values are the protocol's own.
const (
	expectNone   = -1
	expectAny    = -2
	expectExists = -4
)

// Refusals by the sequencer. Nothing was written.
var (
	errStreamDeleted = errors.New("the stream is deleted")
	errClash         = errors.New("the stream is not at the expected revision")
	errDiskFull      = errors.New("the disk is nearly full; appends are refused")
)

// A streamState is what the sequencer must know of a stream to judge a write.
type streamState struct {
	last      entry // newest record, noEntry before the first
	hidden    bool  // deleted, but may be written again
	described bool  // its metastream has events
	metadata  []byte
}

func (s streamState) tombstoned() bool {
	return s.last.revision == tombstoneRevision && !planted("tombstone-forgotten")
}

// current is the revision to report when a caller expected another one.
func (s streamState) current() int64 { return s.last.revision }

// describe takes over newly written stream metadata.
func (s streamState) describe(metadata []byte) streamState {
	s.described, s.metadata = true, nil
	if s.hidden = parseRetention(metadata).deleted() && !planted("deletion-forgotten"); s.hidden {
		s.metadata = metadata // needed to revive the stream
	}
	return s
}

// accepts says whether a stream in this state satisfies an expectation. It
// looks at revisions only; repeated writes are judged elsewhere.
func (s streamState) accepts(expected int64) bool {
	switch {
	case expected == expectAny, planted("expectation-ignored"):
		return true
	case expected == expectNone:
		return s.last.revision < 0 || s.hidden
	case expected == expectExists:
		return s.last.revision >= 0 || s.described
	}
	return s.last.revision == expected
}
