package flag

import (
	"crypto/sha256"
	"encoding/json"
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
	named func(key string) mention
	any   []*group
}

// A group is conditions, compiled, and the sum that it is known by.
type group struct {
	sum   [sha256.Size]byte
	tests []test
}

// stands reports whether anybody can belong to the segment.
func (s *Segment) stands() bool { return s.Known && !s.Retired }

// Audience compiles a segment: nil, which nobody is a member of, once it is
// retired. A group that this build cannot read is for nobody.
func (s Segment) Audience() *Audience {
	if !s.stands() {
		return nil
	}
	return s.Membership.Audience()
}

// Audience compiles a membership.
func (m Membership) Audience() *Audience {
	named := make(map[string]mention, len(m.Included)+len(m.Excluded))
	for _, k := range m.Included {
		named[k] |= included
	}
	for _, k := range m.Excluded {
		named[k] |= excluded
	}
	return &Audience{named: func(k string) mention { return named[k] }, any: groupsOf(m.Any, nil)}
}

// groupsOf compiles groups that are not among those known already.
func groupsOf(any [][]Condition, known []*group) (out []*group) {
	for _, conditions := range any {
		text, _ := json.Marshal(conditions) // which came out of JSON
		sum := sha256.Sum256(text)
		if i := slices.IndexFunc(known, func(g *group) bool { return g.sum == sum }); i >= 0 {
			out = append(out, known[i])
		} else if tests, err := compileGroup(conditions, ""); err == nil {
			out = append(out, &group{sum, tests})
		}
	}
	return out
}

// Has reports whether somebody is a member.
func (a *Audience) Has(c *Context) bool {
	if a == nil || c == nil {
		return false
	}
	if c.Key != "" {
		if m := a.named(c.Key); m != 0 {
			return m&included != 0
		}
	}
	for _, g := range a.any {
		if hold(g.tests, &Input{Context: c}) {
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
