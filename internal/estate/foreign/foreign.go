// Package foreign reads what other flag systems keep their flags in, and says the same
// in documents of an estate:
//
//	r, err := foreign.Read("flagd", file, "")
//	err = estate.Write(os.Stdout, r.Documents)
//
// What cannot be said here is never left out silently. Every loss is told, and a flag of
// which something is lost that decides what it comes to becomes a draft, which is off: it
// may be off for somebody it was on for, and never the other way round.
package foreign

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/estate"
)

var (
	// ErrFile: the file is not one of the system that it is said to be of.
	ErrFile = &domain.Error{Kind: domain.Invalid, Code: "invalid-import", Detail: "the file cannot be imported"}
	// ErrLossy: not everything could be carried over, and that was asked for.
	ErrLossy = &domain.Error{Kind: domain.Invalid, Code: "lossy-import", Detail: "not everything in the file can be carried over"}
)

// A Loss is something that could not be carried over.
type Loss struct {
	Name    string `json:"name"`         // kind and name, such as Flag/new-checkout
	At      string `json:"at,omitempty"` // where in that
	What    string `json:"what"`
	Instead string `json:"instead,omitempty"` // what was done
}

// String is the loss in one line.
func (l Loss) String() string {
	s := strings.TrimSuffix(l.Name+" "+l.At, " ") + ": " + l.What
	if l.Instead != "" {
		s += "; " + l.Instead
	}
	return s
}

// A Result is what came of a file.
type Result struct {
	Documents []estate.Document
	Losses    []Loss
}

// limit is how many bytes a file may have.
const limit = 32 << 20

// Formats are those that can be read.
var Formats = slices.Sorted(maps.Keys(readers))

var readers = map[string]func(*importer, []byte) error{"flagd": readFlagd, "launchdarkly": readLaunchDarkly, "unleash": readUnleash}

// Read reads a file of a system, and of its environments the one that is named; one
// need not be named where there is only one. Error: ErrFile.
func Read(format string, r io.Reader, environment string) (*Result, error) {
	read, known := readers[format]
	if !known {
		return nil, ErrFile.At("format", "must be one of "+strings.Join(Formats, ", "))
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading: %w", err)
	case len(data) > limit:
		return nil, ErrFile.With("the file is larger than 32 MiB")
	}
	im := &importer{environment: environment, segments: map[string]bool{}}
	if err := read(im, data); err != nil {
		return nil, err
	}
	return &im.Result, nil
}

// An importer is a file on its way.
type importer struct {
	Result
	environment string
	segments    map[string]bool // that could be carried over, by key
}

func (im *importer) lose(name, at, what, instead string) {
	im.Losses = append(im.Losses, Loss{name, at, what, instead})
}

// wrong tells what is wrong with a file.
func wrong(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Field != "" {
		return ErrFile.At(e.Field, "must be "+e.Type.String())
	}
	return ErrFile.With("the file is not JSON of that system").Because(err)
}

// choose is the environment that is meant, of those that there are.
func (im *importer) choose(there []string) (string, error) {
	slices.Sort(there)
	there = slices.Compact(there)
	switch {
	case slices.Contains(there, im.environment):
		return im.environment, nil
	case im.environment == "" && len(there) == 1:
		return there[0], nil
	case im.environment == "" && len(there) == 0:
		return "", nil
	}
	return "", ErrFile.At("environment", "must be one of "+strings.Join(there, ", "))
}

// A sketch is a flag on its way.
type sketch struct {
	im      *importer
	key     string
	about   flag.Definition
	active  bool
	setting flag.Setting // of the platform
	needs   []flag.Prerequisite
	lost    bool
}

func (im *importer) sketch(key string) *sketch {
	return &sketch{im: im, key: key, about: flag.Definition{Mode: cascade.Replace, Variants: map[string]json.RawMessage{}}}
}

// note tells of something that is not quite the same here.
func (s *sketch) note(at, what, instead string) { s.im.lose("Flag/"+s.key, at, what, instead) }

// lose tells of something that decides what the flag comes to and cannot be said here.
func (s *sketch) lose(at, what string) {
	s.note(at, what, "the flag becomes a draft, without rules")
	s.lost = true
}

// variant gives a value a name that is one here, and none that another value has.
func (s *sketch) variant(name string, v json.RawMessage) string {
	name = strings.Trim(odd.ReplaceAllString(name, "-"), "-._")
	name = name[:min(len(name), 120)]
	if name == "" {
		name = "v"
	}
	for at, n := name, 2; ; at, n = fmt.Sprintf("%s-%d", name, n), n+1 {
		if _, taken := s.about.Variants[at]; !taken {
			s.about.Variants[at] = v
			return at
		}
	}
}

var odd = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// typeOf is the type that all values are of.
func typeOf(values []json.RawMessage) flag.Type {
	for _, t := range []flag.Type{flag.Boolean, flag.String, flag.Number} {
		if !slices.ContainsFunc(values, func(v json.RawMessage) bool { return !t.Has(v) }) {
			return t
		}
	}
	return flag.JSON
}

// fits reports whether there can be such a flag here. What the platform cannot say about
// it is lost.
func (s *sketch) fits() bool {
	d := s.about
	define := flag.Define{Key: flag.Key(s.key), Type: d.Type, Default: d.Default, Off: d.Off, Variants: d.Variants, Mode: d.Mode, Description: d.Description, Owner: d.Owner, Tags: d.Tags, Exposed: d.Exposed, Expires: d.Expires}
	if _, err := define.Decide(flag.Flag{}, domain.Meta{}); err != nil {
		s.note(pointer(err), detail(err), "the flag is left out")
		return false
	}
	if _, err := d.Completed(s.setting); !s.lost && s.speaks() && err != nil {
		s.lose(pointer(err), detail(err))
	}
	return true
}

// done makes the documents of a flag that fits.
func (s *sketch) done() {
	d := s.about
	if s.lost {
		s.active, s.setting, s.needs = false, flag.Setting{}, nil
	}
	spec := &estate.Flag{
		Type: string(d.Type), Default: estate.Node(d.Default), Off: estate.Node(d.Off), Description: d.Description, Owner: d.Owner, Tags: d.Tags, Exposed: d.Exposed, Expires: d.Expires,
		State: map[bool]string{true: "active", false: "draft"}[s.active],
	}
	if len(d.Variants) > 0 {
		spec.Variants = map[string]yaml.Node{}
		for name, v := range d.Variants {
			spec.Variants[name] = estate.Node(v)
		}
	}
	if len(s.needs) > 0 {
		spec.Requires = estate.Node(said(s.needs))
	}
	s.im.Documents = append(s.im.Documents, estate.Document{Kind: "Flag", Name: s.key, Spec: spec})
	if s.speaks() {
		o := &estate.FlagOverride{Variant: s.setting.Variant, Value: estate.Node(s.setting.Value), Reason: "imported"}
		if len(s.setting.Rules) > 0 {
			o.Rules = estate.Node(said(s.setting.Rules))
		}
		if s.setting.Split != nil {
			o.Split = estate.Node(said(s.setting.Split))
		}
		s.im.Documents = append(s.im.Documents, estate.Document{Kind: "FlagOverride", Name: s.key + "@platform", Spec: o})
	}
}

// speaks reports whether the platform says anything about the flag.
func (s *sketch) speaks() bool {
	return s.setting.Variant != "" || s.setting.Value != nil || len(s.setting.Rules) > 0 || s.setting.Split != nil
}

// segment makes the document of a segment.
func (im *importer) segment(key, about string, m flag.Membership) {
	if _, err := (flag.DefineSegment{Key: flag.SegmentKey(key), Description: about, Membership: m}).Decide(flag.Segment{}, domain.Meta{}); err != nil {
		im.lose("Segment/"+key, pointer(err), detail(err), "the segment is left out")
		return
	}
	spec := &estate.Segment{Description: about, Included: m.Included, Excluded: m.Excluded}
	if len(m.Any) > 0 {
		spec.Any = estate.Node(said(m.Any))
	}
	im.segments[key] = true
	im.Documents = append(im.Documents, estate.Document{Kind: "Segment", Name: key, Spec: spec})
}

// said is what is said as JSON.
func said(v any) json.RawMessage {
	b, _ := json.Marshal(v) // texts, numbers and lists of them
	return b
}

func pointer(err error) string {
	if e, ok := domain.AsError(err); ok && len(e.Fields) > 0 {
		return e.Fields[0].Pointer
	}
	return ""
}

func detail(err error) string {
	e, ok := domain.AsError(err)
	switch {
	case !ok:
		return err.Error()
	case len(e.Fields) > 0:
		return e.Detail + ": " + e.Fields[0].Detail
	}
	return e.Detail
}
