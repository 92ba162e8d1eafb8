package flag

import "github.com/reeve-platform/reeve/domain"

// UpdateSegment changes who belongs to a segment, wherever it is named. What is
// left out stays as it is.
type UpdateSegment struct {
	Segment  SegmentKey    `json:"segment" path:"segment" doc:"The segment."`
	Included []string      `json:"included,omitempty" maxItems:"10000" doc:"All targeting keys that belong to it."`
	Excluded []string      `json:"excluded,omitempty" maxItems:"10000" doc:"All targeting keys that do not, unless they are included."`
	Any      [][]Condition `json:"any,omitempty" maxItems:"50" doc:"All groups of conditions; it is enough that all conditions of one group hold."`
}

// SegmentUpdated: After says who belongs to the segment.
type SegmentUpdated struct {
	Segment SegmentKey `json:"segment"`
	Before  Membership `json:"before"`
	After   Membership `json:"after"`
}

// Change gives who belonged to it before and after.
func (e SegmentUpdated) Change() (before, after any) { return e.Before, e.After }

// Stream names the segment's history.
func (c UpdateSegment) Stream() domain.StreamID { return SegmentStream(c.Segment) }

// Decide applies the rule.
func (c UpdateSegment) Decide(s Segment, _ domain.Meta) ([]domain.Event, error) {
	if !s.Known || s.Retired {
		return nil, ErrSegmentNotFound
	}
	after := s.Membership
	set(&after.Included, c.Included, c.Included != nil)
	set(&after.Excluded, c.Excluded, c.Excluded != nil)
	set(&after.Any, c.Any, c.Any != nil)
	if err := after.check(); err != nil {
		return nil, err
	}
	if alike(after, s.Membership) {
		return nil, nil
	}
	return []domain.Event{SegmentUpdated{c.Segment, s.Membership, after}}, nil
}
