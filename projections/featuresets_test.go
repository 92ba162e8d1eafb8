package projections_test

import (
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/projections"
)

func TestFeatureSets(t *testing.T) {
	stream := flag.FeatureSetStream("gold")
	small, large := []flag.Feature{{Flag: "dark", Serving: flag.Serving{Variant: "on"}}}, []flag.Feature{{Flag: "dark", Serving: flag.Serving{Variant: "on"}}, {Flag: "export", Serving: flag.Serving{Value: raw("true")}}}
	base := flag.FeatureSetDefined{Set: "gold", Description: "what gold gives", Features: small}
	row := func(revision int, change func(*projections.FeatureSet)) []projections.FeatureSet {
		s := projections.FeatureSet{
			Key: "gold", Owner: "platform", Description: "what gold gives", Edition: 1, Features: small, Flags: []string{"dark"},
			Revision: int64(revision), Position: int64(revision + 1), CreatedAt: minute(1), UpdatedAt: minute(revision + 1),
		}
		change(&s)
		return []projections.FeatureSet{s}
	}
	tell(t, projections.FeatureSets, []given[projections.FeatureSet]{
		{"defined", story(in(stream, base)), row(0, func(*projections.FeatureSet) {})},
		{"updated", story(in(stream, base, flag.FeatureSetUpdated{Set: "gold", Edition: 2, Before: small, After: large})), row(1, func(s *projections.FeatureSet) {
			s.Edition, s.Features, s.Flags = 2, large, []string{"dark", "export"}
		})},
		{"retired stays a row", story(in(stream, base, flag.FeatureSetRetired{Set: "gold"})), row(1, func(s *projections.FeatureSet) { s.Retired = true })},
	})
}

func TestFeatureSetAssignments(t *testing.T) {
	node := domain.NodeID(north)
	stream := domain.StreamID("nodeflags-" + north)
	first := flag.FeatureSetAssigned{Node: node, Level: domain.TenantLevel, Set: "gold", Edition: 1, Kept: []flag.Key{"dark"}}
	again := flag.FeatureSetAssigned{Node: node, Level: domain.TenantLevel, Set: "gold", Edition: 2, Before: 1}
	row := func(edition, position int, kept ...flag.Key) []projections.FeatureSetAssignment {
		return []projections.FeatureSetAssignment{{
			Key: string(north) + "/gold", Owner: string(north), Node: node, Level: domain.TenantLevel, Set: "gold", Edition: edition,
			Kept: append([]flag.Key{}, kept...), AssignedBy: by(position), Position: int64(position),
		}}
	}
	tell(t, projections.FeatureSetAssignments, []given[projections.FeatureSetAssignment]{
		{"assigned", story(in(stream, first)), row(1, 1, "dark")},
		{"assigned again", story(in(stream, first, again)), row(2, 2)},
		{"unassigned is gone", story(in(stream, first, flag.FeatureSetUnassigned{Node: node, Level: domain.TenantLevel, Set: "gold", Edition: 1})), nil},
	})
}
