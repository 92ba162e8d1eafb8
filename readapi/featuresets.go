package readapi

import (
	"context"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/projections"
)

// FeatureSetByKey asks for one feature set.
type FeatureSetByKey struct {
	AsOf
	Set flag.FeatureSetKey `json:"set" path:"set" maxLength:"128" doc:"The feature set."`
}

// Run answers from the feature sets.
func (q FeatureSetByKey) Run(ctx context.Context, db DB) (projections.FeatureSet, error) {
	return one[projections.FeatureSet](ctx, db, flag.ErrFeatureSetNotFound, `select `+featureSetColumns+` from readmodel.feature_sets s where s.key = $1`, q.Set)
}

// FeatureSetsBy asks for feature sets.
type FeatureSetsBy struct {
	Page
	AsOf
	Flag flag.Key `json:"flag,omitempty" query:"flag" maxLength:"128" doc:"Only those that say something about this flag."`
}

// Run answers from the feature sets.
func (q FeatureSetsBy) Run(ctx context.Context, db DB) (List[projections.FeatureSet], error) {
	page := q.Page
	q.Page = Page{}
	return pageOf[projections.FeatureSet](ctx, db, featureSetList, ask{page, "key", q, []any{q.Flag}})
}

// AssignmentsBy asks which nodes have which feature sets.
type AssignmentsBy struct {
	Page
	AsOf
	Set  flag.FeatureSetKey `json:"set,omitempty" query:"set" maxLength:"128" doc:"Only of this feature set."`
	Node domain.NodeID      `json:"node,omitempty" query:"node" doc:"Only of this node."`
}

// Run answers from the assignments, by node.
func (q AssignmentsBy) Run(ctx context.Context, db DB) (List[projections.FeatureSetAssignment], error) {
	page := q.Page
	q.Page = Page{}
	return pageOf[projections.FeatureSetAssignment](ctx, db, assignmentList, ask{page, "node", q, []any{q.Set, q.Node}})
}

var (
	featureSetColumns = columns("s", projections.FeatureSets)
	featureSetList    = listing{
		columns: featureSetColumns,
		from:    `from readmodel.feature_sets s where ($1::text = '' or $1::text = any(s.flags))`,
		id:      key{"s.key", "text"},
		sorts:   map[string]key{"key": {"s.key", "text"}},
	}
	assignmentList = listing{
		columns: columns("a", projections.FeatureSetAssignments),
		from:    `from readmodel.feature_set_assignments a where ($1::text = '' or a.feature_set = $1::text) and ($2::text = '' or a.node = $2::text)`,
		id:      key{"a.key", "text"},
		sorts:   map[string]key{"node": {"a.node", "text"}},
	}
)
