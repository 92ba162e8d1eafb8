package projections

import (
	"strings"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
)

// FeatureSet is a row of the feature_sets table: what is assigned together.
type FeatureSet struct {
	Key         flag.FeatureSetKey `db:"key,text" json:"key" doc:"Name of the feature set, for ever."`
	Owner       string             `db:"owner,text" json:"-"`
	Description string             `db:"description,text" json:"description,omitempty" doc:"What it is for."`
	Edition     int                `db:"edition,bigint" json:"edition" doc:"Number of what it says now, counted from 1."`
	Features    []flag.Feature     `db:"features,json" json:"features" doc:"What it says, about one flag each."`
	Flags       []string           `db:"flags,text[]" json:"-"`
	Retired     bool               `db:"retired,boolean" json:"retired" doc:"Whether it is assigned to nobody any more."`
	Revision    int64              `db:"revision,bigint" json:"revision" doc:"Revision of its history."`
	Position    int64              `db:"position,bigint" json:"-"`
	CreatedAt   time.Time          `db:"created_at,timestamptz" json:"createdAt" doc:"When it was defined."`
	UpdatedAt   time.Time          `db:"updated_at,timestamptz" json:"updatedAt" doc:"When it last changed."`
}

// StreamRevision is the revision an If-Match must name.
func (s FeatureSet) StreamRevision() uint64 { return uint64(s.Revision) }

// FeatureSets has one row for each feature set that was ever defined. Everybody may
// know of them, as of flags: who administers an integrator assigns them in it.
var FeatureSets = Table[FeatureSet]{
	Name: "feature_sets", Version: 1, Seen: Anybody,
	Key: func(r domain.Recorded) string {
		key, ok := strings.CutPrefix(string(r.Stream), "featureset-")
		if !ok || text(key) != key {
			return ""
		}
		return key
	},
	Fold: func(s FeatureSet, r domain.Recorded) (FeatureSet, bool) {
		switch e := r.Event.(type) {
		case flag.FeatureSetDefined:
			s.Key, s.Description, s.CreatedAt = e.Set, text(e.Description), r.Meta.At
			s = s.says(1, e.Features)
		case flag.FeatureSetUpdated:
			s = s.says(e.Edition, e.After)
		case flag.FeatureSetRetired:
			s.Retired = true
		}
		s.Owner = string(domain.PlatformID)
		s.Revision, s.Position, s.UpdatedAt = int64(r.Revision), int64(r.Position), r.Meta.At
		return s, s.Key != ""
	},
}

func (s FeatureSet) says(edition int, features []flag.Feature) FeatureSet {
	s.Edition, s.Features, s.Flags = edition, features, []string{}
	for _, f := range features {
		s.Flags = append(s.Flags, text(string(f.Flag)))
	}
	return s
}

// FeatureSetAssignment is a row of the feature_set_assignments table: that a node has
// a feature set.
type FeatureSetAssignment struct {
	Key        string             `db:"key,text" json:"-"` // <node>/<set>
	Owner      string             `db:"owner,text" json:"-"`
	Node       domain.NodeID      `db:"node,text" json:"node" doc:"The integrator or tenant."`
	Level      domain.Level       `db:"level,text" json:"level" enum:"integrator,tenant" doc:"Rung of the tree."`
	Set        flag.FeatureSetKey `db:"feature_set,text" json:"set" doc:"The feature set."`
	Edition    int                `db:"edition,bigint" json:"edition" doc:"Number of what the set said when the node was given it."`
	Kept       []flag.Key         `db:"kept,json" json:"kept" doc:"Flags about which the node said something of its own, and went on to."`
	AssignedBy cascade.Origin     `db:"assigned_by,json" json:"assignedBy" doc:"The fact that gave it to the node."`
	Position   int64              `db:"position,bigint" json:"-"`
}

// Veil leaves out who assigned it and why for readers whom the node lies above.
func (a *FeatureSetAssignment) Veil(above func(domain.NodeID) bool) {
	if above(a.Node) {
		a.AssignedBy = a.AssignedBy.Bare()
	}
}

// FeatureSetAssignments has one row for each feature set that a node has.
var FeatureSetAssignments = Table[FeatureSetAssignment]{
	Name: "feature_set_assignments", Version: 1, Seen: Owners,
	Indexes: []string{"feature_set", "owner"},
	Key: func(r domain.Recorded) string {
		switch e := r.Event.(type) {
		case flag.FeatureSetAssigned:
			return string(e.Node) + "/" + string(e.Set)
		case flag.FeatureSetUnassigned:
			return string(e.Node) + "/" + string(e.Set)
		}
		return ""
	},
	Fold: func(a FeatureSetAssignment, r domain.Recorded) (FeatureSetAssignment, bool) {
		a.Position = int64(r.Position)
		e, there := r.Event.(flag.FeatureSetAssigned)
		if there {
			a.Key, a.Owner = string(e.Node)+"/"+string(e.Set), string(e.Node)
			a.Node, a.Level, a.Set, a.Edition, a.AssignedBy = e.Node, e.Level, e.Set, e.Edition, cascade.OriginOf(r)
			a.Kept = append([]flag.Key{}, e.Kept...)
		}
		return a, there
	},
}
