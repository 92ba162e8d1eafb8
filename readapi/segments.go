package readapi

import (
	"context"

	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/projections"
)

// SegmentByKey asks for one segment. Whoever does not operate the platform is told
// that there is none, for the table shows them none.
type SegmentByKey struct {
	AsOf
	Segment flag.SegmentKey `json:"segment" path:"segment" maxLength:"128" doc:"The segment."`
}

// Segment is a segment and what its members hang on.
type Segment struct {
	projections.Segment
	Flags []string `db:"flags" json:"flags" doc:"Flags whose rules name it, at any node."`
}

// Run answers from the segments.
func (q SegmentByKey) Run(ctx context.Context, db DB) (Segment, error) {
	return one[Segment](ctx, db, flag.ErrSegmentNotFound, `select `+segmentColumns+segmentsFrom+` and s.key = $1`, q.Segment)
}

// SegmentsBy asks for segments.
type SegmentsBy struct {
	Page
	AsOf
	Flag flag.Key `json:"flag,omitempty" query:"flag" maxLength:"128" doc:"Only those that rules of this flag name."`
}

// Run answers from the segments.
func (q SegmentsBy) Run(ctx context.Context, db DB) (List[Segment], error) {
	page := q.Page
	q.Page = Page{}
	return pageOf[Segment](ctx, db, segmentList, ask{page, "key", q, []any{q.Flag}})
}

var (
	segmentColumns = columns("s", projections.Segments) + `,
array(select distinct o.flag from readmodel.flag_overrides o where s.key = any(o.segments) order by 1) as flags `
	segmentList = listing{
		columns: segmentColumns,
		from:    segmentsFrom + ` and ($1::text = '' or exists (select from readmodel.flag_overrides o where o.flag = $1::text and s.key = any(o.segments)))`,
		id:      key{"s.key", "text"},
		sorts:   map[string]key{"key": {"s.key", "text"}},
	}
)

const segmentsFrom = `from readmodel.segments s where true`
