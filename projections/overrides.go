package projections

import (
	"encoding/json"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
)

// FlagOverride is a row of the flag_overrides table: what one node says about
// one flag, in force or not.
type FlagOverride struct {
	Key        string             `db:"key,text" json:"-"` // <node>/<flag>
	Owner      string             `db:"owner,text" json:"-"`
	Node       domain.NodeID      `db:"node,text" json:"node" doc:"The node."`
	Level      domain.Level       `db:"level,text" json:"level" enum:"platform,integrator,tenant,user" doc:"Rung of the tree."`
	Parent     domain.NodeID      `db:"parent,text" json:"parent,omitempty" doc:"Node it hung under when it said so; a user's home."`
	Flag       flag.Key           `db:"flag,text" json:"flag" doc:"The flag."`
	Value      json.RawMessage    `db:"value,json" json:"value,omitempty" doc:"What it says to everybody whom no rule is for."`
	Plain      bool               `db:"plain,boolean" json:"-"` // it has a value
	Variant    string             `db:"variant,text" json:"variant,omitempty" doc:"Name of the variant it was set by."`
	Rules      []flag.Rule        `db:"rules,json" json:"rules,omitempty" doc:"What it says to whom; the first that matches counts."`
	Split      *flag.Split        `db:"split,json" json:"split,omitempty" doc:"What it gives to shares of those whom no rule is for."`
	Segments   []string           `db:"segments,text[]" json:"-"` // that its rules name
	ValidFrom  *time.Time         `db:"valid_from,timestamptz" json:"validFrom,omitempty" doc:"When it comes into force."`
	ValidUntil *time.Time         `db:"valid_until,timestamptz" json:"validUntil,omitempty" doc:"When it falls out of force."`
	Locked     bool               `db:"locked,boolean" json:"locked" doc:"Whether it holds against every node below."`
	Opted      flag.Opted         `db:"opted,text" json:"opted,omitempty" enum:"in,out" doc:"How the node itself chose; none if it was overridden."`
	Set        flag.FeatureSetKey `db:"feature_set,text" json:"featureSet,omitempty" doc:"Feature set that gave it to the node; none if the node said so by itself."`
	SaidBy     cascade.Origin     `db:"said_by,json" json:"saidBy" doc:"The fact that set it."`
	LockedBy   *cascade.Origin    `db:"locked_by,json" json:"lockedBy,omitempty" doc:"The fact that locked it."`
	Position   int64              `db:"position,bigint" json:"-"`
}

// Setting is what the node says.
func (o FlagOverride) Setting() flag.Setting {
	s := flag.Setting{Variant: o.Variant, Rules: o.Rules, Split: o.Split, ValidFrom: o.ValidFrom, ValidUntil: o.ValidUntil, Locked: o.Locked, Opted: o.Opted, Set: o.Set}
	if o.Plain {
		s.Value = o.Value
	}
	return s
}

// Layer is the override as it is evaluated.
func (o FlagOverride) Layer() flag.Layer {
	l := o.Setting().Layer(o.Level, o.Node)
	l.Origin = o.SaidBy
	return l
}

// Veil leaves out who set it and why for readers whom the node lies above.
func (o *FlagOverride) Veil(above func(domain.NodeID) bool) {
	if !above(o.Node) {
		return
	}
	o.SaidBy = o.SaidBy.Bare()
	if o.LockedBy != nil {
		bare := o.LockedBy.Bare()
		o.LockedBy = &bare
	}
}

// FlagOverrides has one row for each flag that a node says something about.
var FlagOverrides = Table[FlagOverride]{
	Name: "flag_overrides", Version: 4, Seen: Heirs,
	Indexes: []string{"node, flag", "flag, level", "owner"},
	Key: func(r domain.Recorded) string {
		if node, key, ok := overridden(r.Event); ok {
			return string(node) + "/" + string(key)
		}
		return ""
	},
	Fold: func(o FlagOverride, r domain.Recorded) (FlagOverride, bool) {
		o.Position = int64(r.Position)
		switch e := r.Event.(type) {
		case interface{ Said() flag.Saying }:
			o = o.say(e.Said(), cascade.OriginOf(r))
		case flag.Locked:
			by := cascade.OriginOf(r)
			o.Locked, o.LockedBy = true, &by
		case flag.Unlocked:
			o.Locked, o.LockedBy = false, nil
		case flag.Cleared:
			return o, false
		}
		return o, o.Key != ""
	},
}

func (o FlagOverride) say(e flag.Saying, by cascade.Origin) FlagOverride {
	o.Key, o.Owner = string(e.Node)+"/"+string(e.Flag), string(e.Node)
	o.Node, o.Level, o.Parent, o.Flag = e.Node, e.Level, e.Parent, e.Flag
	o.Value, o.Plain, o.Variant, o.Rules, o.Split, o.ValidFrom, o.ValidUntil = e.Value, e.Value != nil, e.Variant, e.Rules, e.Split, e.ValidFrom, e.ValidUntil
	o.Opted, o.Set, o.Segments = e.Opted, flag.FeatureSetKey(text(string(e.Set))), []string{}
	for _, k := range e.Segments() {
		o.Segments = append(o.Segments, text(string(k)))
	}
	if o.Locked = e.Setting.Locked; !o.Locked {
		o.LockedBy = nil
	}
	if e.Level == domain.UserLevel {
		o.Owner = string(e.Parent)
	}
	o.SaidBy = by
	return o
}

// overridden is the node and the flag that an event about an override names.
func overridden(e domain.Event) (domain.NodeID, flag.Key, bool) {
	switch e := e.(type) {
	case interface{ Said() flag.Saying }:
		s := e.Said()
		return s.Node, s.Flag, true
	case flag.Cleared:
		return e.Node, e.Flag, true
	case flag.Locked:
		return e.Node, e.Flag, true
	case flag.Unlocked:
		return e.Node, e.Flag, true
	}
	return "", "", false
}
