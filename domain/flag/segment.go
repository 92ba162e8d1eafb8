package flag

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/reeve-platform/reeve/domain"
)

// SegmentKey names a segment for ever, as a flag is named.
type SegmentKey string

var segmentGrammar = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// SegmentStream names the history of a segment.
func SegmentStream(k SegmentKey) domain.StreamID { return domain.StreamID("segment-" + k) }

// Membership says who belongs to a segment: whoever is included by key, and of
// those who are not excluded by key whomever all conditions of one group hold for.
type Membership struct {
	Included []string      `json:"included,omitempty" maxItems:"10000" pii:"person" doc:"Targeting keys that belong to it."`
	Excluded []string      `json:"excluded,omitempty" maxItems:"10000" pii:"person" doc:"Targeting keys that do not, unless they are included."`
	Any      [][]Condition `json:"any,omitempty" maxItems:"50" doc:"Groups of conditions; it is enough that all conditions of one group hold. They cannot name segments."`
}

// A Segment is what the rules need to remember of one.
type Segment struct {
	Known      bool
	Retired    bool
	Membership Membership
}

// Evolve folds one event.
func (s Segment) Evolve(e domain.Event) Segment {
	switch e := e.(type) {
	case SegmentDefined:
		s = Segment{Known: true, Membership: e.Membership}
	case SegmentUpdated:
		s.Membership = e.After
	case SegmentRetired:
		s.Retired = true
	}
	return s
}

var (
	// ErrSegmentNotFound: nobody has defined such a segment, or it was retired.
	ErrSegmentNotFound = &domain.Error{Kind: domain.NotFound, Code: "segment-not-found", Detail: "there is no such segment"}
	// ErrUnknownSegment: a rule names a segment that is not there.
	ErrUnknownSegment = &domain.Error{Kind: domain.Invalid, Code: "unknown-segment", Detail: "a condition names a segment that is not defined or was retired"}
	// ErrSegmentKey: a segment cannot be named that way.
	ErrSegmentKey = &domain.Error{Kind: domain.Invalid, Code: "invalid-segment-key", Detail: "a segment key is 1 to 128 of A-Z, a-z, 0-9 and ._- and begins with a letter or digit"}
	// ErrSegmentTooLarge: a segment does not fit the log's events.
	ErrSegmentTooLarge = &domain.Error{Kind: domain.Invalid, Code: "segment-too-large", Detail: "a segment may take 256 KiB; describe its members by conditions"}
)

// maxSegment is how many bytes a segment may take.
const maxSegment = 256 << 10

// An Audience is who belongs to a segment, compiled once. It is immutable. Of nil
// nobody is a member.
type Audience struct {
	included, excluded map[string]bool
	any                [][]test
}

// Audience compiles a segment: nil, which nobody is a member of, once it is
// retired. A group that this build cannot read is for nobody.
func (s Segment) Audience() *Audience {
	if !s.Known || s.Retired {
		return nil
	}
	return s.Membership.Audience()
}

// Audience compiles a membership.
func (m Membership) Audience() *Audience {
	a := &Audience{included: setOf(m.Included), excluded: setOf(m.Excluded)}
	for _, group := range m.Any {
		if tests, err := compileGroup(group, ""); err == nil {
			a.any = append(a.any, tests)
		}
	}
	return a
}

func setOf(keys []string) map[string]bool {
	set := make(map[string]bool, len(keys))
	for _, k := range keys {
		set[k] = true
	}
	return set
}

// Has reports whether somebody is a member.
func (a *Audience) Has(c *Context) bool {
	switch {
	case a == nil || c == nil:
		return false
	case c.Key != "" && a.included[c.Key]:
		return true
	case c.Key != "" && a.excluded[c.Key]:
		return false
	}
	for _, tests := range a.any {
		if hold(tests, &Input{Context: c}) {
			return true
		}
	}
	return false
}

// compileGroup compiles conditions of a segment, which must not name one: so there
// are no segments of segments, and none that contains itself.
func compileGroup(group []Condition, place string) ([]test, error) {
	if len(group) == 0 {
		return nil, ErrCondition.At(place, "needs at least one condition")
	}
	for i, c := range group {
		if c.Segment != "" {
			return nil, ErrCondition.At(fmt.Sprintf("%s/%d/segment", place, i), "cannot be named by a segment")
		}
	}
	return compileAll(group, place)
}

// check refuses what cannot be compiled or stored.
func (m Membership) check() error {
	for i, group := range m.Any {
		if _, err := compileGroup(group, fmt.Sprintf("/any/%d", i)); err != nil {
			return err
		}
	}
	if sizeOf(m) > maxSegment {
		return ErrSegmentTooLarge
	}
	return nil
}

// Segments are the segments that what a node says depends on, sorted.
func (s Setting) Segments() []SegmentKey {
	named := map[SegmentKey]bool{}
	for _, r := range s.Rules {
		for _, c := range r.When {
			if c.Segment != "" {
				named[c.Segment] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(named))
}
