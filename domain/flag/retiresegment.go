package flag

import "github.com/reeve-platform/reeve/domain"

// RetireSegment takes a segment out of use. Rules that name it are for nobody by
// that condition, from now on and for good.
type RetireSegment struct {
	Segment SegmentKey `json:"segment" path:"segment" doc:"The segment."`
}

// SegmentRetired: nobody belongs to the segment any more.
type SegmentRetired struct {
	Segment SegmentKey `json:"segment"`
}

// Change gives whether it is in use.
func (e SegmentRetired) Change() (before, after any) { return true, false }

// Stream names the segment's history.
func (c RetireSegment) Stream() domain.StreamID { return SegmentStream(c.Segment) }

// Decide applies the rule. Whether a rule names the segment is not asked: it could
// by the time that this is recorded.
func (c RetireSegment) Decide(s Segment, _ domain.Meta) ([]domain.Event, error) {
	switch {
	case !s.Known:
		return nil, ErrSegmentNotFound
	case s.Retired:
		return nil, nil
	}
	return []domain.Event{SegmentRetired{c.Segment}}, nil
}
