// Package flag is what a platform switches on and off: definitions with a life
// of their own, and overrides that cascade from the platform over integrators
// and tenants down to users.
//
//	draft -> active -> deprecated -> archived
//	         active, deprecated -> killed -> back
//
// A definition is one stream; all overrides of one node are another, so that a
// node is one consistency boundary. What a flag comes to is decided by
// [Evaluate], a short pipeline around [cascade.Resolve].
package flag

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/reeve-platform/reeve/domain"
)

// Events is everything that can ever have happened to a flag or its overrides.
var Events = domain.Vocabulary{
	domain.Define[Defined]("FlagDefined", 1),
	domain.Define[Updated]("FlagUpdated", 1),
	domain.Define[Activated]("FlagActivated", 1),
	domain.Define[Deprecated]("FlagDeprecated", 1),
	domain.Define[Killed]("FlagKilled", 1),
	domain.Define[Revived]("FlagRevived", 1),
	domain.Define[Archived]("FlagArchived", 1),
	domain.Define[Restored]("FlagRestored", 1),
	domain.Define[Overridden]("FlagOverridden", 1),
	domain.Define[Cleared]("FlagOverrideCleared", 1),
	domain.Define[Locked]("FlagLocked", 1),
	domain.Define[Unlocked]("FlagUnlocked", 1),
	domain.Define[RolloutSet]("RolloutSet", 1),
	domain.Define[RolloutAdvanced]("RolloutAdvanced", 1),
	domain.Define[RolloutPaused]("RolloutPaused", 1),
	domain.Define[RolloutResumed]("RolloutResumed", 1),
	domain.Define[OptedIn]("FeatureOptedIn", 1),
	domain.Define[OptedOut]("FeatureOptedOut", 1),
	domain.Define[PrerequisitesSet]("FlagPrerequisitesSet", 1),
	domain.Define[SegmentDefined]("SegmentDefined", 1),
	domain.Define[SegmentUpdated]("SegmentUpdated", 1),
	domain.Define[SegmentRetired]("SegmentRetired", 1),
	domain.Define[FeatureSetDefined]("FeatureSetDefined", 1),
	domain.Define[FeatureSetUpdated]("FeatureSetUpdated", 1),
	domain.Define[FeatureSetRetired]("FeatureSetRetired", 1),
	domain.Define[FeatureSetAssigned]("FeatureSetAssigned", 1),
	domain.Define[FeatureSetUnassigned]("FeatureSetUnassigned", 1),
	domain.Define[MarkedStale]("FlagMarkedStale", 1),
	domain.Define[UnmarkedStale]("FlagUnmarkedStale", 1),
	domain.Define[Evaluated]("FlagEvaluated", 1),
}

// Key names a flag for ever: a letter or digit, then up to 127 of A-Z, a-z, 0-9,
// dot, underscore and hyphen.
type Key string

var keyGrammar = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// Stream names the history of a flag's definition.
func Stream(k Key) domain.StreamID { return domain.StreamID("flag-" + k) }

// Status is where a flag is in its life.
type Status string

// The statuses, as the outside world reads them. Absent is the zero value.
const (
	StatusAbsent     Status = ""
	StatusDraft      Status = "draft" // evaluates off
	StatusActive     Status = "active"
	StatusDeprecated Status = "deprecated" // evaluates, and callers are asked to stop
	StatusKilled     Status = "killed"     // off everywhere, above every lock
	StatusArchived   Status = "archived"   // not found; the key stays reserved
)

// Flag is what the rules need to remember of a definition.
type Flag struct {
	Key        Key
	Status     Status
	Before     Status // that a kill interrupted
	Definition Definition
	Stale      bool // somebody said that nobody needs it any more

	Prerequisites []Prerequisite
	dependants    layered[Key, bool] // flags that depend on it
}

// Evolve folds one event.
func (f Flag) Evolve(e domain.Event) Flag {
	switch e := e.(type) {
	case Defined:
		f.Key, f.Status, f.Definition = e.Flag, StatusDraft, e.Definition
	case Updated:
		f.Definition = e.After
	case Activated:
		f.Status = StatusActive
	case Deprecated:
		f.Status = StatusDeprecated
	case Killed:
		f.Status, f.Before = StatusKilled, e.From
	case Revived:
		f.Status = e.To
	case Archived:
		f.Status = StatusArchived
	case Restored:
		f.Status = StatusDeprecated
	case MarkedStale:
		f.Stale = true
	case UnmarkedStale:
		f.Stale = false
	case PrerequisitesSet:
		f = f.depend(e)
	}
	return f
}

// depend listens to what any flag depends on.
func (f Flag) depend(e PrerequisitesSet) Flag {
	if e.Flag == f.Key {
		f.Prerequisites = e.Prerequisites
	}
	on := slices.ContainsFunc(e.Prerequisites, func(p Prerequisite) bool { return p.Flag == f.Key })
	switch {
	case on:
		f.dependants = f.dependants.with(e.Flag, &on)
	case f.dependants.of(e.Flag) != nil:
		f.dependants = f.dependants.with(e.Flag, nil)
	}
	return f
}

var (
	// ErrNotFound: nobody has defined such a flag.
	ErrNotFound = &domain.Error{Kind: domain.NotFound, Code: "flag-not-found", Detail: "there is no such flag"}
	// ErrKey: a flag cannot be named that way.
	ErrKey = &domain.Error{Kind: domain.Invalid, Code: "invalid-flag-key", Detail: "a flag key is 1 to 128 of A-Z, a-z, 0-9 and ._- and begins with a letter or digit"}
	// ErrDeprecateFirst: callers must have been warned before a flag goes away.
	ErrDeprecateFirst = &domain.Error{Kind: domain.Conflict, Code: "deprecate-first", Detail: "an active flag must be deprecated before it is archived"}
)

// allowed says which commands a status leads on to, for people who are refused.
var allowed = map[Status]string{
	StatusDraft:      "update, activate, archive",
	StatusActive:     "update, deprecate, kill",
	StatusDeprecated: "update, activate, kill, archive",
	StatusKilled:     "update, revive",
	StatusArchived:   "revive",
}

// refused tells that there is no such step from the present status.
func (f Flag) refused(step string) error {
	if f.Status == StatusAbsent {
		return ErrNotFound
	}
	return domain.ErrTransition.With(fmt.Sprintf("a flag that is %s cannot be %s; allowed: %s", f.Status, step, allowed[f.Status]))
}
