package projections

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
)

// Flag is a row of the flags table: a definition and where it is in its life.
type Flag struct {
	Key             flag.Key                   `db:"key,text" json:"key" doc:"Name of the flag, for ever."`
	Owner           string                     `db:"owner,text" json:"-"`
	Type            flag.Type                  `db:"type,text" json:"type" enum:"boolean,string,number,json" doc:"What its values are."`
	Default         json.RawMessage            `db:"default_value,json" json:"default" doc:"Value where no node says otherwise."`
	Off             json.RawMessage            `db:"off_value,json" json:"off" doc:"Value while it is off."`
	Variants        map[string]json.RawMessage `db:"variants,json" json:"variants" doc:"Names for values."`
	Mode            cascade.Mode               `db:"mode,text" json:"mode" enum:"replace,merge,append,restrict" doc:"How the values of several levels combine."`
	Status          flag.Status                `db:"status,text" json:"status" enum:"draft,active,deprecated,killed,archived" doc:"Where in its life it is."`
	Before          flag.Status                `db:"status_before,text" json:"-"` // that a kill interrupted
	Description     string                     `db:"description,text" json:"description,omitempty" doc:"What it is for."`
	Contact         string                     `db:"contact,text" json:"owner,omitempty" doc:"Who answers for it."`
	Tags            []string                   `db:"tags,text[]" json:"tags" doc:"Words to find it by."`
	Exposed         bool                       `db:"exposed,boolean" json:"exposed" doc:"Whether clients outside the platform may see it."`
	Levels          []domain.Level             `db:"levels,text[]" json:"levels" doc:"Levels at which it may be overridden; all if empty."`
	Optional        bool                       `db:"optional,boolean" json:"optional" doc:"Whether integrators and tenants may opt in and out."`
	Expires         string                     `db:"expires,text" json:"expires,omitempty" doc:"Day by which nobody should need it any more."`
	MarkedBy        *cascade.Origin            `db:"marked_by,json" json:"markedStaleBy,omitempty" doc:"The fact that somebody said that nobody needs it any more."`
	Prerequisites   []flag.Prerequisite        `db:"prerequisites,json" json:"prerequisites" doc:"What other flags must come to, or it is off."`
	PrerequisitesBy cascade.Origin             `db:"prerequisites_by,json" json:"-"`
	DefinedBy       cascade.Origin             `db:"defined_by,json" json:"definedBy" doc:"The fact that gave it this definition."`
	StatusBy        cascade.Origin             `db:"status_by,json" json:"statusBy" doc:"The fact that gave it this status."`
	Revision        int64                      `db:"revision,bigint" json:"revision" doc:"Revision of its history."`
	Position        int64                      `db:"position,bigint" json:"-"`
	CreatedAt       time.Time                  `db:"created_at,timestamptz" json:"createdAt" doc:"When it was defined."`
	UpdatedAt       time.Time                  `db:"updated_at,timestamptz" json:"updatedAt" doc:"When it last changed."`
}

// Veil leaves out who made it what it is and why for readers whom the platform lies
// above, who are all but those of the platform.
func (f *Flag) Veil(above func(domain.NodeID) bool) {
	if above(domain.PlatformID) {
		f.DefinedBy, f.StatusBy = f.DefinedBy.Bare(), f.StatusBy.Bare()
		if f.MarkedBy != nil {
			f.MarkedBy = new(f.MarkedBy.Bare())
		}
	}
}

// StreamRevision is the revision an If-Match must name.
func (f Flag) StreamRevision() uint64 { return uint64(f.Revision) }

// Rules is the flag as it is evaluated.
func (f Flag) Rules() flag.Flag {
	return flag.Flag{Key: f.Key, Status: f.Status, Before: f.Before, Prerequisites: f.Prerequisites, Definition: flag.Definition{
		Type: f.Type, Default: f.Default, Off: f.Off, Variants: f.Variants, Mode: f.Mode,
		Description: f.Description, Owner: f.Contact, Tags: f.Tags, Exposed: f.Exposed, Levels: f.Levels, Optional: f.Optional, Expires: f.Expires,
	}}
}

// Flags has one row for each flag that was ever defined.
var Flags = Table[Flag]{
	Name: "flags", Version: 3, Seen: Anybody,
	Indexes: []string{"status", "created_at"},
	Key: func(r domain.Recorded) string {
		if e, ok := r.Event.(flag.PrerequisitesSet); ok {
			return text(string(e.Flag))
		}
		key, ok := strings.CutPrefix(string(r.Stream), "flag-")
		if !ok || text(key) != key {
			return ""
		}
		return key
	},
	Fold: func(f Flag, r domain.Recorded) (Flag, bool) {
		f = f.evolve(r)
		f.Owner = string(domain.PlatformID)
		f.Position, f.UpdatedAt = int64(r.Position), r.Meta.At
		if _, elsewhere := r.Event.(flag.PrerequisitesSet); !elsewhere {
			f.Revision = int64(r.Revision)
		}
		return f, f.Key != ""
	},
}

func (f Flag) evolve(r domain.Recorded) Flag {
	switch e := r.Event.(type) {
	case flag.Defined:
		f.Key, f.CreatedAt, f.Prerequisites = e.Flag, r.Meta.At, []flag.Prerequisite{}
		f = f.define(e.Definition, cascade.OriginOf(r))
	case flag.Updated:
		f = f.define(e.After, cascade.OriginOf(r))
	case flag.MarkedStale:
		f.MarkedBy = new(cascade.OriginOf(r))
	case flag.UnmarkedStale:
		f.MarkedBy = nil
	case flag.PrerequisitesSet:
		f.Prerequisites, f.PrerequisitesBy = append([]flag.Prerequisite{}, e.Prerequisites...), cascade.OriginOf(r)
	}
	s := flag.Flag{Status: f.Status, Before: f.Before}.Evolve(r.Event)
	if s.Status != f.Status {
		f.StatusBy = cascade.OriginOf(r)
	}
	f.Status, f.Before = s.Status, s.Before
	return f
}

func (f Flag) define(d flag.Definition, by cascade.Origin) Flag {
	f.Type, f.Default, f.Off, f.Mode, f.DefinedBy = d.Type, d.Default, d.Off, d.Mode, by
	f.Description, f.Contact, f.Exposed, f.Optional, f.Expires = text(d.Description), text(d.Owner), d.Exposed, d.Optional, text(d.Expires)
	f.Tags, f.Levels = make([]string, len(d.Tags)), append([]domain.Level{}, d.Levels...)
	for i, tag := range d.Tags {
		f.Tags[i] = text(tag)
	}
	f.Variants = d.Variants
	if f.Variants == nil {
		f.Variants = map[string]json.RawMessage{}
	}
	return f
}
