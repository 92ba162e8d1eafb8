package projections_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/projections"
)

func raw(s string) json.RawMessage { return json.RawMessage(s) }

var darkMode = flag.Definition{Type: flag.Boolean, Default: raw("false"), Off: raw("false"), Variants: map[string]json.RawMessage{"on": raw("true")}, Mode: cascade.Replace, Tags: []string{"ui"}}

func defined(key flag.Key, d flag.Definition, events ...domain.Event) part {
	return in(flag.Stream(key), append([]domain.Event{flag.Defined{Flag: key, Definition: d}}, events...)...)
}

func TestFlags(t *testing.T) {
	row := func(revision int, change func(*projections.Flag)) []projections.Flag {
		f := projections.Flag{
			Key: "dark", Owner: "platform", Type: flag.Boolean, Default: raw("false"), Off: raw("false"), Variants: darkMode.Variants, Mode: cascade.Replace,
			Status: flag.StatusDraft, Tags: []string{"ui"}, Levels: []domain.Level{}, Prerequisites: []flag.Prerequisite{}, DefinedBy: by(1), StatusBy: by(1),
			Revision: int64(revision), Position: int64(revision + 1), CreatedAt: minute(1), UpdatedAt: minute(revision + 1),
		}
		change(&f)
		return []projections.Flag{f}
	}
	renamed := darkMode
	renamed.Description, renamed.Owner = "Dark colours", "design"
	activated, killed := flag.Activated{Flag: "dark"}, flag.Killed{Flag: "dark", From: flag.StatusActive}
	tell(t, projections.Flags, []given[projections.Flag]{
		{"defined is a draft", story(defined("dark", darkMode)), row(0, func(*projections.Flag) {})},
		{"activated", story(defined("dark", darkMode, activated)), row(1, func(f *projections.Flag) { f.Status, f.StatusBy = flag.StatusActive, by(2) })},
		{"updated keeps its status", story(defined("dark", darkMode, flag.Updated{Flag: "dark", Before: darkMode, After: renamed})), row(1, func(f *projections.Flag) {
			f.Description, f.Contact, f.DefinedBy = "Dark colours", "design", by(2)
		})},
		{"killed remembers what it was", story(defined("dark", darkMode, activated, killed)), row(2, func(f *projections.Flag) {
			f.Status, f.Before, f.StatusBy = flag.StatusKilled, flag.StatusActive, by(3)
		})},
		{"marked as stale", story(defined("dark", darkMode, flag.MarkedStale{Flag: "dark"})), row(1, func(f *projections.Flag) { f.MarkedBy = new(by(2)) })},
		{"marked no more", story(defined("dark", darkMode, flag.MarkedStale{Flag: "dark"}, flag.UnmarkedStale{Flag: "dark"})), row(2, func(*projections.Flag) {})},
		{"a day of expiry", story(defined("dark", flag.Definition{Type: darkMode.Type, Default: darkMode.Default, Off: darkMode.Off, Variants: darkMode.Variants, Mode: darkMode.Mode, Tags: darkMode.Tags, Expires: "2027-03-31"})), row(0, func(f *projections.Flag) { f.Expires = "2027-03-31" })},
		{"archived stays a row", story(defined("dark", darkMode, flag.Archived{Flag: "dark"})), row(1, func(f *projections.Flag) { f.Status, f.StatusBy = flag.StatusArchived, by(2) })},
		{"another stream's name is no flag", story(in("flag-other", nil)), nil},
	})
}

func TestFlagOverrides(t *testing.T) {
	until := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	said := flag.Overridden{Node: domain.NodeID(north), Level: domain.TenantLevel, Parent: domain.NodeID(acme), Flag: "dark", Setting: flag.Setting{Value: raw("true"), Variant: "on", ValidUntil: &until}}
	stream := domain.StreamID("nodeflags-" + north)
	row := func(position int, change func(*projections.FlagOverride)) []projections.FlagOverride {
		o := projections.FlagOverride{
			Key: string(north) + "/dark", Owner: string(north), Node: domain.NodeID(north), Level: domain.TenantLevel, Parent: domain.NodeID(acme), Flag: "dark",
			Value: raw("true"), Plain: true, Variant: "on", Segments: []string{}, ValidUntil: &until, SaidBy: by(1), Position: int64(position),
		}
		change(&o)
		return []projections.FlagOverride{o}
	}
	locked := by(2)
	rules := []flag.Rule{{Name: "beta", When: []flag.Condition{{Attribute: "plan", Op: flag.In, Values: []json.RawMessage{raw(`"beta"`)}}}, Serving: flag.Serving{Value: raw("true")}}}
	tell(t, projections.FlagOverrides, []given[projections.FlagOverride]{
		{"said", story(in(stream, said)), row(1, func(*projections.FlagOverride) {})},
		{"locked says by whom", story(in(stream, said, flag.Locked{Node: said.Node, Flag: "dark"})), row(2, func(o *projections.FlagOverride) { o.Locked, o.LockedBy = true, &locked })},
		{"unlocked", story(in(stream, said, flag.Locked{Node: said.Node, Flag: "dark"}, flag.Unlocked{Node: said.Node, Flag: "dark"})), row(3, func(*projections.FlagOverride) {})},
		{"said again is by the last", story(in(stream, said, said)), row(2, func(o *projections.FlagOverride) { o.SaidBy = by(2) })},
		{"rules alone are no value", story(in(stream, flag.Overridden{Node: said.Node, Level: said.Level, Parent: said.Parent, Flag: "dark", Setting: flag.Setting{Rules: rules, ValidUntil: &until}})),
			row(1, func(o *projections.FlagOverride) { o.Value, o.Plain, o.Variant, o.Rules = nil, false, "", rules })},
		{"given by a feature set", story(in(stream, flag.Overridden{Node: said.Node, Level: said.Level, Parent: said.Parent, Flag: "dark", Setting: flag.Setting{Value: raw("true"), Variant: "on", ValidUntil: &until, Set: "gold"}})),
			row(1, func(o *projections.FlagOverride) { o.Set = "gold" })},
		{"cleared is gone", story(in(stream, said, flag.Cleared{Node: said.Node, Flag: "dark"})), nil},
	})
}
