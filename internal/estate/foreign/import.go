// Package foreign reads what other systems export about their feature flags and
// says the same in the words of an estate file. What cannot be said is found and
// told, each thing by flag and path: nothing is lost in silence, and nobody is given
// more than before because a rule was.
//
// There are three sources: flagd's flag definitions (flagd.dev/schema/v0/flags.json),
// the exports of Unleash (docs.getunleash.io, "Import & export" and the client API),
// and LaunchDarkly's flags, as its REST API or a relay tells them
// (launchdarkly.com/docs/api, and "Reading flags from a file").
package foreign

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
)

// A Source is a system whose exports can be read.
type Source string

// The sources.
const (
	Flagd        Source = "flagd"
	Unleash      Source = "unleash"
	LaunchDarkly Source = "launchdarkly"
)

// An Import is what an export comes to here.
type Import struct {
	Segments []Segment
	Flags    []Flag
	Findings []Finding
}

// A Segment is one that rules of the flags name.
type Segment struct {
	Key         flag.SegmentKey
	Description string
	flag.Membership
}

// A Flag is one flag, and what the platform says about it.
type Flag struct {
	Key flag.Key
	flag.Definition
	Draft         bool // it is off, until somebody activates it
	doubt         bool // it is off although it was not, or not to everybody
	Prerequisites []flag.Prerequisite
	Override      *flag.Override // of the platform; nil if the default says everything
}

// A Finding is something that is not here what it was there.
type Finding struct {
	Flag    string `json:"flag"`    // or segment; empty if it is about the file
	Path    string `json:"path"`    // where in that
	What    string `json:"what"`    // could not be carried over, or is assumed
	Instead string `json:"instead"` // what was done
	Loss    bool   `json:"loss"`    // false: it is the same if what is assumed holds
}

var (
	// ErrImport: a file is not an export of that system, or is beyond the limits.
	ErrImport = &domain.Error{Kind: domain.Invalid, Code: "invalid-import", Detail: "the file is no export of that system"}
	// ErrEnvironment: an export speaks of several environments, and not of the one that was asked for.
	ErrEnvironment = &domain.Error{Kind: domain.Invalid, Code: "unknown-environment", Detail: "name one of the environments that the file speaks of"}
	// ErrLossy: something is lost, and was not to be.
	ErrLossy = &domain.Error{Kind: domain.Invalid, Code: "import-lossy", Detail: "not everything could be carried over faithfully"}
)

// Limits of what is read. A file beyond them is refused as a whole.
const (
	maxFile  = 16 << 20 // bytes
	maxDepth = 100      // of objects and lists
	maxFlags = 10_000   // and as many segments
)

// Read reads an export. Where that speaks of several environments, one must be
// named. Errors: ErrImport, ErrEnvironment, and those of r.
func Read(s Source, environment string, r io.Reader) (*Import, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxFile:
		return nil, ErrImport.With(fmt.Sprintf("the file is larger than %d bytes", maxFile))
	case !utf8.Valid(text):
		return nil, ErrImport.With("the file is not UTF-8, as JSON must be")
	case tooDeep(text):
		return nil, ErrImport.With(fmt.Sprintf("the file is nested more than %d deep", maxDepth))
	}
	im := &Import{}
	switch s {
	case Flagd:
		err = im.flagd(text)
	case Unleash:
		err = im.unleash(text, environment)
	case LaunchDarkly:
		err = im.launchDarkly(text, environment)
	default:
		err = ErrImport.With(fmt.Sprintf("%q is no system that exports are read of", s))
	}
	if err != nil {
		return nil, err
	}
	im.settle()
	im.assume("", "", "attributes of contexts are single values", "of one that is a list, one member is enough here")
	return im, nil
}

// Losses counts what is not the same here.
func (im *Import) Losses() (n int) {
	for _, f := range im.Findings {
		if f.Loss {
			n++
		}
	}
	return n
}

// String is the finding in one line.
func (f Finding) String() string {
	kind := "assumed"
	if f.Loss {
		kind = "lost"
	}
	where := cmp.Or(strings.TrimSpace(f.Flag+" "+f.Path), "everything")
	line := fmt.Sprintf("%s: %s: %s; %s", kind, where, f.What, f.Instead)
	return strings.Map(func(r rune) rune { // for it is written to terminals
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, line)
}

// tooDeep finds out before anything is built of a text.
func tooDeep(text []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if depth > maxDepth {
			return true
		}
	}
	return false
}

// decode reads the whole file as one value.
func decode(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return ErrImport.With("the file cannot be read: " + err.Error())
	}
	if _, err := d.Token(); err != io.EOF {
		return ErrImport.With("the file has more than one JSON value")
	}
	return nil
}

func (im *Import) lost(name, path, what, instead string) {
	im.find(Finding{name, path, what, instead, true})
}

func (im *Import) assume(name, path, what, instead string) {
	im.find(Finding{name, path, what, instead, false})
}

// find notes each finding once.
func (im *Import) find(f Finding) {
	if !slices.Contains(im.Findings[max(0, len(im.Findings)-50):], f) {
		im.Findings = append(im.Findings, f)
	}
}

// counted refuses files with too much in them.
func counted(n int) error {
	switch {
	case n == 0:
		return ErrImport.With("the file has no flags")
	case n > maxFlags:
		return ErrImport.With(fmt.Sprintf("the file has more than %d flags or segments", maxFlags))
	}
	return nil
}

// environmentOf chooses among the environments that a file speaks of.
func environmentOf(asked string, there []string) (string, error) {
	slices.Sort(there)
	there = slices.Compact(there)
	switch {
	case asked == "" && len(there) == 0:
		return "", nil
	case asked == "" && len(there) == 1:
		return there[0], nil
	case slices.Contains(there, asked):
		return asked, nil
	case len(there) == 0:
		return "", ErrEnvironment.With("the file speaks of no environments; name none")
	}
	return "", ErrEnvironment.With("name one of the environments that the file speaks of: " + strings.Join(there, ", "))
}
