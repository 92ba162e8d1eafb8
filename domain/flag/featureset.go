package flag

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/reeve-platform/reeve/domain"
)

// FeatureSetKey names a feature set for ever, as a flag is named.
type FeatureSetKey string

// FeatureSetStream names the history of a feature set.
func FeatureSetStream(k FeatureSetKey) domain.StreamID { return domain.StreamID("featureset-" + k) }

// A Feature is what a feature set says about one flag.
type Feature struct {
	Flag Key `json:"flag" doc:"The flag."`
	Serving
}

// A FeatureSet is what the rules need to remember of one. Its editions are counted
// from 1; what a node was given stays that of the edition which it was given.
type FeatureSet struct {
	Edition  int // 0 before it is defined
	Retired  bool
	Features []Feature
}

var (
	// ErrFeatureSetNotFound: nobody has defined such a feature set, or it was retired.
	ErrFeatureSetNotFound = &domain.Error{Kind: domain.NotFound, Code: "feature-set-not-found", Detail: "there is no such feature set"}
	// ErrFeatureSetKey: a feature set cannot be named that way.
	ErrFeatureSetKey = &domain.Error{Kind: domain.Invalid, Code: "invalid-feature-set-key", Detail: "the key of a feature set is 1 to 128 of A-Z, a-z, 0-9 and ._- and begins with a letter or digit"}
	// ErrFeatures: what a feature set says cannot be said of these flags.
	ErrFeatures = &domain.Error{Kind: domain.Invalid, Code: "invalid-features", Detail: "a feature set says one thing about each of 1 to 200 flags that are defined and not archived"}
)

// maxFeatures is how many flags a set may be about: all that it says is assigned
// by one append.
const maxFeatures = 200

// evolveSets folds what is known of feature sets, and which a node has.
func (l Ladder) evolveSets(e domain.Event) Ladder {
	switch e := e.(type) {
	case FeatureSetDefined:
		l.sets = with(l.sets, e.Set, FeatureSet{Edition: 1, Features: e.Features})
	case FeatureSetUpdated:
		l.sets = with(l.sets, e.Set, FeatureSet{Edition: e.Edition, Features: e.After})
	case FeatureSetRetired:
		s := l.sets[e.Set]
		s.Retired = true
		l.sets = with(l.sets, e.Set, s)
	case FeatureSetAssigned:
		l.assigned, l.last = with(l.assigned, assignment{e.Node, e.Set}, e.Edition), e.Node
	case FeatureSetUnassigned:
		l.assigned, l.last = maps.Clone(l.assigned), e.Node
		delete(l.assigned, assignment{e.Node, e.Set})
	}
	return l
}

// An assignment is that a node has a feature set.
type assignment struct {
	node domain.NodeID
	set  FeatureSetKey
}

// A spoke is a flag at a node.
type spoke struct {
	node domain.NodeID
	flag Key
}

// displace remembers what the node said of its own for as long as a feature set speaks
// in its place.
func (l Ladder) displace(s Saying) Ladder {
	at := spoke{s.Node, s.Flag}
	switch was, known := l.instead[at]; {
	case s.Set == "" && known:
		l.instead = maps.Clone(l.instead)
		delete(l.instead, at)
	case s.Set != "" && s.Before != nil && s.Before.Set == "":
		own := *s.Before
		own.Locked = false // a lock is on whatever the node says
		l.instead = with(l.instead, at, &own)
	case s.Set != "" && s.Before == nil && was != nil:
		l.instead = with(l.instead, at, nil)
	}
	return l
}

// flagsOf are the histories of the flags that are named.
func flagsOf(features []Feature) (names []domain.StreamID) {
	for _, f := range features {
		names = append(names, Stream(f.Flag))
	}
	return names
}

// composed checks what a feature set is to say, and puts it in the order of the flags.
func (l Ladder) composed(features []Feature) ([]Feature, error) {
	if len(features) == 0 || len(features) > maxFeatures {
		return nil, ErrFeatures.At("/features", "must be 1 to 200")
	}
	named := map[Key]bool{}
	for i, f := range features {
		place := fmt.Sprintf("/features/%d", i)
		known := l.flags[f.Flag]
		switch {
		case known.Status == StatusAbsent || known.Status == StatusArchived:
			return nil, ErrFeatures.At(place+"/flag", "is not a flag that can be set")
		case named[f.Flag]:
			return nil, ErrFeatures.At(place+"/flag", "is named before")
		}
		named[f.Flag] = true
		if _, err := known.Definition.give(f.Serving, place); err != nil {
			return nil, err
		}
	}
	features = slices.SortedFunc(slices.Values(features), func(a, b Feature) int { return cmp.Compare(a.Flag, b.Flag) })
	if sizeOf(features) > maxSetting {
		return nil, ErrTooLarge
	}
	return features, nil
}
