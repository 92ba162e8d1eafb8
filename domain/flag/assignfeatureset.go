package flag

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// AssignFeatureSet gives an integrator or a tenant what a feature set says, as
// overrides of the node, which are told one by one. Assigned again, it gives what the
// set says by now.
type AssignFeatureSet struct {
	Node     domain.NodeID `json:"node" path:"node" doc:"The integrator or tenant."`
	Set      FeatureSetKey `json:"set" path:"set" doc:"The feature set."`
	Own      Own           `json:"own,omitempty" enum:"keep,replace" doc:"What becomes of overrides that the node has of its own: they are kept, or give way until the set is unassigned. If left out and there are any, the set is not assigned."`
	Replaces FeatureSetKey `json:"replaces,omitempty" maxLength:"128" doc:"A feature set that the node has and that this one takes the place of, at once."`
}

// Own is what becomes of what a node says of its own when it is assigned a feature
// set.
type Own string

// The choices. The zero value refuses a set that would meet such an override.
const (
	Keep    Own = "keep"
	Replace Own = "replace"
)

// FeatureSetAssigned: the node has an edition of the set. What it says of its own
// since then are the overrides recorded with this.
type FeatureSetAssigned struct {
	Node    domain.NodeID `json:"node"`
	Level   domain.Level  `json:"level"`
	Set     FeatureSetKey `json:"set"`
	Edition int           `json:"edition"`
	Before  int           `json:"before,omitempty"` // edition that it had of this set
	Kept    []Key         `json:"kept,omitempty"`   // about which the node says something of its own
}

// Change gives the editions, 0 for none.
func (e FeatureSetAssigned) Change() (before, after any) { return e.Before, e.Edition }

// FeatureSetUnassigned: the node does not have the set any more.
type FeatureSetUnassigned struct {
	Node    domain.NodeID `json:"node"`
	Level   domain.Level  `json:"level"`
	Set     FeatureSetKey `json:"set"`
	Edition int           `json:"edition"`
}

// Change gives the edition that it had.
func (e FeatureSetUnassigned) Change() (before, after any) { return e.Edition, 0 }

var (
	// ErrOwnOverrides: the node says something of its own about flags of the set.
	ErrOwnOverrides = &domain.Error{Kind: domain.Conflict, Code: "own-overrides", Detail: "the node has overrides of its own for flags of the set; say in own whether they are kept or give way"}
	// ErrSetsOverlap: the node has another feature set that is about the same flag.
	ErrSetsOverlap = &domain.Error{Kind: domain.Conflict, Code: "feature-sets-overlap", Detail: "another feature set of the node is about the same flag; unassign it, or name it in replaces"}
	// ErrNotAssigned: the node does not have the feature set.
	ErrNotAssigned = &domain.Error{Kind: domain.Conflict, Code: "feature-set-not-assigned", Detail: "the node does not have the feature set"}
)

// maxAssignment is how many bytes one assignment may take.
const maxAssignment = 4 << 20

// Stream names the history of the node's overrides.
func (c AssignFeatureSet) Stream() domain.StreamID { return target{node: c.Node}.stream() }

// Reads names the set, the flags it is about, the node and the overrides above it.
func (c AssignFeatureSet) Reads(l Ladder) []domain.StreamID {
	names := append([]domain.StreamID{FeatureSetStream(c.Set)}, flagsOf(l.sets[c.Set].Features)...)
	return append(names, target{node: c.Node}.surroundings(l)...)
}

// Decide applies the rule.
func (c AssignFeatureSet) Decide(l Ladder, m domain.Meta) ([]domain.Event, error) {
	s := l.sets[c.Set]
	if s.Edition == 0 || s.Retired {
		return nil, ErrFeatureSetNotFound
	}
	t := contract{Ladder: l, node: c.Node, set: c.Set, at: m.At, own: c.Own}
	if err := t.mayHave(); err != nil {
		return nil, err
	}
	had := l.assigned[assignment{c.Node, c.Set}]
	if had == s.Edition && c.Own == "" && c.Replaces == "" {
		return nil, nil
	}
	var facts []domain.Event
	if replaced := l.assigned[assignment{c.Node, c.Replaces}]; c.Replaces != "" && c.Replaces != c.Set {
		if replaced == 0 {
			return nil, ErrNotAssigned.At("/replaces", "is not a feature set of the node")
		}
		t.replaces = c.Replaces
		facts = append(facts, FeatureSetUnassigned{c.Node, l.level(c.Node), c.Replaces, replaced})
	}
	changes, err := t.give(s.Features)
	if err != nil || had == s.Edition && len(facts)+len(changes) == 0 {
		return nil, err
	}
	facts = append(facts, FeatureSetAssigned{c.Node, l.level(c.Node), c.Set, s.Edition, had, t.kept})
	if facts = append(facts, changes...); sizeOf(facts) > maxAssignment {
		return nil, ErrTooLarge.With("what the set gives the node, and what it replaces there, may take 4 MiB together")
	}
	return facts, nil
}

// A contract is what one feature set gives one node.
type contract struct {
	Ladder
	node     domain.NodeID
	set      FeatureSetKey
	replaces FeatureSetKey
	at       time.Time
	own      Own
	kept     []Key
}

// mayHave refuses nodes that have no feature sets.
func (t *contract) mayHave() error {
	if t.node == domain.PlatformID {
		return ErrLevel
	}
	p, err := target{node: t.node}.place(t.Ladder)
	switch {
	case err != nil:
		return err
	case p.level == domain.UserLevel:
		return ErrLevel
	}
	return p.configurable()
}

// ours reports whether what the node says about a flag is the set's, or that of the
// one which it replaces.
func (t *contract) ours(s *Setting) bool {
	return s != nil && s.Set != "" && (s.Set == t.set || s.Set == t.replaces)
}

// give are the changes that make the node say what the set says, flag by flag; of what
// it says no more the node says again what it said before.
func (t *contract) give(features []Feature) (facts []domain.Event, err error) {
	given, clash := map[Key]bool{}, ErrOwnOverrides
	for _, f := range features {
		given[f.Flag] = true
		change, err := t.feature(f)
		switch {
		case errors.Is(err, ErrOwnOverrides):
			clash = clash.At("/own", "the node says something about "+string(f.Flag))
		case err != nil:
			return nil, told(f.Flag, err)
		}
		facts = append(facts, change...)
	}
	if len(clash.Fields) > 0 {
		return nil, clash
	}
	for _, k := range sortedKeys(t.settings[t.node]) {
		if s := t.setting(t.node, k); t.ours(s) && !given[k] {
			change, err := t.say(k, t.before(k))
			if err != nil {
				return nil, told(k, err)
			}
			facts = append(facts, change...)
		}
	}
	slices.SortFunc(facts, func(a, b domain.Event) int { return cmp.Compare(aboutFlag(a), aboutFlag(b)) })
	return facts, nil
}

// feature makes the node say one thing that the set says.
func (t *contract) feature(f Feature) ([]domain.Event, error) {
	now := t.setting(t.node, f.Flag)
	if now.phase(t.at) == expired {
		now = nil
	}
	switch {
	case t.ours(now):
	case now == nil:
	case now.Set != "":
		return nil, ErrSetsOverlap.With("the flag is given by the feature set " + string(now.Set) + " already; unassign that, or name it in replaces")
	case t.own == Keep:
		t.kept = append(t.kept, f.Flag)
		return nil, nil
	case t.own != Replace:
		return nil, ErrOwnOverrides
	}
	target := target{node: t.node, flag: f.Flag}
	l, known, err := target.find(t.Ladder)
	if err != nil {
		return nil, err
	}
	if !known.Definition.allows(l.level(t.node)) {
		return nil, ErrLevel
	}
	after, err := known.Definition.completed(Setting{Value: f.Value, Variant: f.Variant})
	if err != nil {
		return nil, err
	}
	if err := target.free(l, t.at); err != nil {
		return nil, err
	}
	if err := target.tightens(l, known.Definition, after, t.at); err != nil {
		return nil, err
	}
	after.Set = t.set
	return t.say(f.Flag, &after)
}

// say is the change to what the node says about a flag, nil for nothing; no fact if it
// says so already. A lock of the node's stays on what it says.
func (t *contract) say(k Key, after *Setting) ([]domain.Event, error) {
	before := t.setting(t.node, k)
	switch {
	case after != nil:
		after.Locked = before.holds(t.at)
		if before.phase(t.at) != expired && before.equal(*after) {
			return nil, nil
		}
		return []domain.Event{Overridden{t.node, t.level(t.node), t.parent(t.node), k, *after, before}}, nil
	case before == nil:
		return nil, nil
	case before.holds(t.at):
		return nil, ErrUnlockFirst
	}
	return []domain.Event{Cleared{t.node, k, *before}}, nil
}

// before is what the node said of its own about a flag that a set gave it, nil if that
// was nothing or is over.
func (t *contract) before(k Key) *Setting {
	s := t.instead[spoke{t.node, k}]
	if p := s.phase(t.at); p == missing || p == expired {
		return nil
	}
	c := *s
	return &c
}

// told is an error about one flag of several.
func told(k Key, err error) error {
	e, ok := domain.AsError(err)
	if !ok {
		return err
	}
	return e.With(fmt.Sprintf("%s: %s", k, e.Detail))
}

// aboutFlag is the flag that a change of a node's is about.
func aboutFlag(e domain.Event) Key {
	switch e := e.(type) {
	case Overridden:
		return e.Flag
	case Cleared:
		return e.Flag
	}
	return ""
}
