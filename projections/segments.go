package projections

import (
	"strings"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
)

// Segment is a row of the segments table: who belongs to what rules name.
type Segment struct {
	Key         flag.SegmentKey    `db:"key,text" json:"key" doc:"Name of the segment, for ever."`
	Owner       string             `db:"owner,text" json:"-"`
	Description string             `db:"description,text" json:"description,omitempty" doc:"Who that is."`
	Included    []string           `db:"included,json" json:"included,omitempty" doc:"Targeting keys that belong to it."`
	Excluded    []string           `db:"excluded,json" json:"excluded,omitempty" doc:"Targeting keys that do not, unless they are included."`
	Groups      [][]flag.Condition `db:"groups,json" json:"any,omitempty" doc:"Groups of conditions; it is enough that all conditions of one group hold."`
	Retired     bool               `db:"retired,boolean" json:"retired" doc:"Whether it is out of use: nobody belongs to it."`
	Revision    int64              `db:"revision,bigint" json:"revision" doc:"Revision of its history."`
	Position    int64              `db:"position,bigint" json:"-"`
	CreatedAt   time.Time          `db:"created_at,timestamptz" json:"createdAt" doc:"When it was defined."`
	UpdatedAt   time.Time          `db:"updated_at,timestamptz" json:"updatedAt" doc:"When it last changed."`
}

// StreamRevision is the revision an If-Match must name.
func (s Segment) StreamRevision() uint64 { return uint64(s.Revision) }

// Audience is who belongs to the segment, ready for evaluation.
func (s Segment) Audience() *flag.Audience {
	if s.Retired {
		return nil
	}
	return flag.Membership{Included: s.Included, Excluded: s.Excluded, Any: s.Groups}.Audience()
}

// Segments has one row for each segment that was ever defined. They are the
// platform's own: who belongs to one may be somebody else's user.
var Segments = Table[Segment]{
	Name: "segments", Version: 2, Seen: Owners,
	Key: func(r domain.Recorded) string {
		key, ok := strings.CutPrefix(string(r.Stream), "segment-")
		if !ok || text(key) != key {
			return ""
		}
		return key
	},
	Fold: func(s Segment, r domain.Recorded) (Segment, bool) {
		switch e := r.Event.(type) {
		case flag.SegmentDefined:
			s.Key, s.Description, s.CreatedAt = e.Segment, text(e.Description), r.Meta.At
			s = s.members(e.Membership)
		case flag.SegmentUpdated:
			s = s.members(e.After)
		case flag.SegmentRetired:
			s.Retired = true
		}
		s.Owner = string(domain.PlatformID)
		s.Revision, s.Position, s.UpdatedAt = int64(r.Revision), int64(r.Position), r.Meta.At
		return s, s.Key != ""
	},
}

func (s Segment) members(m flag.Membership) Segment {
	s.Included, s.Excluded, s.Groups = m.Included, m.Excluded, m.Any
	return s
}
