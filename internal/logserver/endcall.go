package logserver

import (
	"context"
	"errors"
	"math"
	"strings"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// Delete hides a stream's events; the next append continues the numbering.
func (s *streamsService) Delete(ctx context.Context, r *api.DeleteReq) (*api.DeleteResp, error) {
	o := r.GetOptions()
	w := &write{action: hideStream, stream: string(o.GetStreamIdentifier().GetStreamName())}
	var err error
	switch o.GetExpectedStreamRevision().(type) {
	case *api.DeleteReq_Options_Revision:
		w.expected, err = exact(o.GetRevision())
	case *api.DeleteReq_Options_NoStream:
		w.expected = expectNone
	case *api.DeleteReq_Options_Any:
		w.expected = expectAny
	case *api.DeleteReq_Options_StreamExists:
		w.expected = expectExists
	default:
		err = errNoExpectation
	}
	if err != nil {
		return nil, err
	}
	at, err := s.finish(ctx, w)
	if err != nil {
		return nil, err
	}
	p := &api.DeleteResp_Position{CommitPosition: at, PreparePosition: at}
	return &api.DeleteResp{PositionOption: &api.DeleteResp_Position_{Position: p}}, nil
}

// Tombstone ends a stream for ever.
func (s *streamsService) Tombstone(ctx context.Context, r *api.TombstoneReq) (*api.TombstoneResp, error) {
	o := r.GetOptions()
	w := &write{action: endStream, stream: string(o.GetStreamIdentifier().GetStreamName())}
	var err error
	switch o.GetExpectedStreamRevision().(type) {
	case *api.TombstoneReq_Options_Revision:
		w.expected, err = exact(o.GetRevision())
	case *api.TombstoneReq_Options_NoStream:
		w.expected = expectNone
	case *api.TombstoneReq_Options_Any:
		w.expected = expectAny
	case *api.TombstoneReq_Options_StreamExists:
		w.expected = expectExists
	default:
		err = errNoExpectation
	}
	if err != nil {
		return nil, err
	}
	at, err := s.finish(ctx, w)
	if err != nil {
		return nil, err
	}
	p := &api.TombstoneResp_Position{CommitPosition: at, PreparePosition: at}
	return &api.TombstoneResp{PositionOption: &api.TombstoneResp_Position_{Position: p}}, nil
}

var errNoExpectation = invalid("the request does not say which revision it expects")

func exact(revision uint64) (int64, error) {
	if revision > math.MaxInt64 {
		return 0, invalid("the expected revision is out of range")
	}
	return int64(revision), nil
}

// finish submits a Delete or Tombstone. Unlike an append, it answers another
// revision than expected with an error.
func (s *streamsService) finish(ctx context.Context, w *write) (position uint64, err error) {
	if err := writable(w.stream); err != nil {
		return 0, err
	}
	if strings.HasPrefix(w.stream, metaPrefix) {
		return 0, invalid("a metastream cannot be deleted")
	}
	if err := s.permit(ctx, w); err != nil {
		return 0, err
	}
	o, err := s.sequence.submit(ctx, w)
	if err != nil {
		return 0, unsettled(err)
	}
	s.count.answered(o)
	switch {
	case errors.Is(o.err, errStreamDeleted):
		return 0, streamDeleted(w.stream)
	case errors.Is(o.err, errClash):
		return 0, wrongVersion(w.stream, w.expected, o.current)
	case errors.Is(o.err, errDiskFull):
		return 0, errFull
	}
	return o.last.position, nil
}
