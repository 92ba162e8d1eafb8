package flag

import (
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// DefineSegment names a set of people or tenants, for conditions of any flag.
type DefineSegment struct {
	Key         SegmentKey `json:"key" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$" doc:"Name of the segment, for ever."`
	Description string     `json:"description,omitempty" maxLength:"2000" doc:"Who that is."`
	Membership
}

// SegmentDefined: conditions may name the segment.
type SegmentDefined struct {
	Segment     SegmentKey `json:"segment"`
	Description string     `json:"description,omitempty"`
	Membership  Membership `json:"membership"`
}

// Change gives what came into being.
func (e SegmentDefined) Change() (before, after any) { return nil, e.Membership }

// Stream names the segment's history.
func (c DefineSegment) Stream() domain.StreamID { return SegmentStream(c.Key) }

// Named ignores the id: a segment is named by its key.
func (c DefineSegment) Named(uuid.UUID) DefineSegment { return c }

// Chosen is the key.
func (c DefineSegment) Chosen() string { return string(c.Key) }

// Decide applies the rule. The key of a retired segment is not used again, or rules
// that still name it would mean somebody else.
func (c DefineSegment) Decide(s Segment, _ domain.Meta) ([]domain.Event, error) {
	if !segmentGrammar.MatchString(string(c.Key)) {
		return nil, ErrSegmentKey.At("/key", "1 to 128 of A-Z, a-z, 0-9 and ._-")
	}
	if s.Known {
		return nil, domain.ErrTransition.With("the segment is defined already, or was; allowed: update, retire")
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return []domain.Event{SegmentDefined{c.Key, c.Description, c.Membership}}, nil
}
