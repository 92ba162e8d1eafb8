package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
)

// ResolvedFlag is a row of the resolved_flags table: what a flag comes to at a
// node during a time, and which fact decided it. The rows of a node and a flag
// cover all time, so that reading them takes an instant and keeping them none.
type ResolvedFlag struct {
	Key               string          `db:"key,text" json:"-"` // <node>/<flag>/<segment>
	Owner             string          `db:"owner,text" json:"-"`
	Node              domain.NodeID   `db:"node,text" json:"node" doc:"The node."`
	Flag              flag.Key        `db:"flag,text" json:"flag" doc:"The flag."`
	Segment           int             `db:"segment,int" json:"-"` // which of several times, from 0
	ValidFrom         *time.Time      `db:"valid_from,timestamptz" json:"validFrom,omitempty" doc:"Since when it comes to that."`
	ValidUntil        *time.Time      `db:"valid_until,timestamptz" json:"validUntil,omitempty" doc:"Until when, unless something happens."`
	Type              flag.Type       `db:"type,text" json:"type" enum:"boolean,string,number,json" doc:"What values of the flag are."`
	Value             json.RawMessage `db:"value,json" json:"value" doc:"The value."`
	Variant           string          `db:"variant,text" json:"variant,omitempty" doc:"Name of the value, if the flag has one for it."`
	Reason            flag.Reason     `db:"reason,text" json:"reason" enum:"STATIC,TARGETING_MATCH,SPLIT,DISABLED" doc:"Why, in OpenFeature's words."`
	Cause             flag.Cause      `db:"cause,text" json:"cause" enum:"default,override,lock,draft,killed,not-active,not-entitled,prerequisite" doc:"Why, more exactly."`
	Rule              string          `db:"rule,text" json:"rule,omitempty" doc:"The rule that matched the node: its name, or # and its number from 0."`
	Bucket            *int            `db:"bucket,int" json:"bucket,omitempty" doc:"Where in the deciding split the node is, of 100,000."`
	Blocker           string          `db:"blocker,text" json:"blocker,omitempty" doc:"What turned it off: the flag that it depends on."`
	Locked            bool            `db:"locked,boolean" json:"locked" doc:"Whether nodes below the deciding one have no say."`
	Deprecated        bool            `db:"deprecated,boolean" json:"deprecated,omitempty" doc:"Whether callers are asked to stop using the flag."`
	DeciderLevel      domain.Level    `db:"decider_level,text" json:"deciderLevel,omitempty" doc:"Level that decided; none for the default."`
	DeciderNode       domain.NodeID   `db:"decider_node,text" json:"deciderNode,omitempty" doc:"Node that decided; none for the default."`
	DecidedByEvent    uuid.UUID       `db:"decided_by_event,uuid" json:"decidedByEvent" doc:"The fact that decided."`
	DecidedByPosition int64           `db:"decided_by_position,bigint" json:"decidedByPosition" doc:"Its place in the log; the audit log tells who and why."`
}

// ResolvedFlags has, for the platform, each integrator and each tenant that has
// not ended, what every flag that can be found comes to there.
var ResolvedFlags = Derived[ResolvedFlag]{
	Name: "resolved_flags", Version: 2, Seen: Heirs.By("node"),
	Sources: []string{"nodes", "flags", "flag_overrides", "segments"},
	Indexes: []string{"node, flag, segment"},
	Derive: func(ctx context.Context, tx pgx.Tx, names Names, dirty []domain.Recorded) error {
		r := &resolving{ctx: ctx, tx: tx, names: names, whole: dirty == nil, audiences: map[flag.SegmentKey]*flag.Audience{}}
		roots, flags, err := r.touched(dirty)
		if err != nil {
			return err
		}
		return r.resolve(roots, flags)
	},
}

// A touch of flags: the flag, or every one if empty, at a node and all below.
type flagTouch struct{ Root, Flag string }

// touchedBy finds out what a page of events may have changed. A definition
// matters everywhere; an override at its node and below; a place or a standing,
// to every flag there.
func touchedBy(events []domain.Recorded) (roots, flags []string) {
	seen := map[flagTouch]bool{}
	for _, r := range events {
		t, ok := flagTouchOf(r)
		if ok && !seen[t] {
			seen[t] = true
			roots, flags = append(roots, t.Root), append(flags, t.Flag)
		}
	}
	return roots, flags
}

func flagTouchOf(r domain.Recorded) (flagTouch, bool) {
	if r.Event == nil {
		return flagTouch{}, false
	}
	if node, key, ok := overridden(r.Event); ok {
		return flagTouch{string(node), string(key)}, true
	}
	if key := Flags.Key(r); key != "" {
		return flagTouch{string(domain.PlatformID), key}, true
	}
	_, placed := r.Event.(domain.Placed)
	_, stands := r.Event.(domain.Stands)
	node := nodeOf(r)
	return flagTouch{node, ""}, node != "" && (placed || stands)
}

// A spot is a node to resolve flags at. Want names the flags; an empty name
// among them means every flag.
type spot struct {
	ID       domain.NodeID
	Level    domain.Level
	Parent   domain.NodeID
	Standing domain.Standing
	By       cascade.Origin
	Above    domain.Standing // of the integrator a tenant hangs under
	AboveBy  cascade.Origin
	Want     []string
}

// Combined is how far a node may be used once the node it hangs under is
// considered, and the fact that made it so. A node in use under one that must
// not be used must not be used either; in every other case it stands by itself.
func Combined(own domain.Standing, by cascade.Origin, above domain.Standing, aboveBy cascade.Origin) (domain.Standing, cascade.Origin) {
	if standing := own.Under(above); standing != own {
		return standing, aboveBy
	}
	return own, by
}

// line is the nodes from the platform down to the spot.
func (s spot) line() []domain.NodeID {
	switch s.Level {
	case domain.TenantLevel:
		return []domain.NodeID{domain.PlatformID, s.Parent, s.ID}
	case domain.IntegratorLevel:
		return []domain.NodeID{domain.PlatformID, s.ID}
	}
	return []domain.NodeID{s.ID}
}

// layers puts what is said above and at the spot in order.
func (s spot) layers(said map[string]flag.Layer, key flag.Key) []flag.Layer {
	var layers []flag.Layer
	for _, node := range s.line() {
		if l, ok := said[string(node)+"/"+string(key)]; ok {
			layers = append(layers, l)
		}
	}
	return layers
}

// context is the node itself: who it is, and nobody in particular in it.
func (s spot) context() *flag.Context {
	switch s.Level {
	case domain.TenantLevel:
		return &flag.Context{Tenant: domain.TenantID(s.ID), Integrator: domain.IntegratorID(s.Parent)}
	case domain.IntegratorLevel:
		return &flag.Context{Integrator: domain.IntegratorID(s.ID)}
	}
	return &flag.Context{}
}

func resolved(s spot, f Flag, n int, span flag.Span, standing cascade.Origin) ResolvedFlag {
	e := span.Evaluation
	by := f.DecidedBy(e, standing)
	return ResolvedFlag{
		Key: strings.Join([]string{string(s.ID), string(f.Key), fmt.Sprint(n)}, "/"), Owner: string(s.ID),
		Node: s.ID, Flag: f.Key, Segment: n, ValidFrom: end(span.From), ValidUntil: end(span.Until),
		Type: f.Type, Value: e.Value, Variant: e.Variant, Reason: e.Reason, Cause: e.Cause, Rule: e.Rule, Bucket: e.Bucket, Blocker: e.Blocker,
		Locked: e.Decision.Decider.Locked, Deprecated: f.Status == flag.StatusDeprecated,
		DeciderLevel: e.Decision.Decider.Level, DeciderNode: e.Decision.Decider.Node,
		DecidedByEvent: by.EventID, DecidedByPosition: int64(by.Position),
	}
}

// DecidedBy is the fact that an evaluation of the flag rests on. Standing is the
// one that made the node stand as it does.
func (f Flag) DecidedBy(e flag.Evaluation, standing cascade.Origin) cascade.Origin {
	switch e.Cause {
	case flag.IsDraft, flag.IsKilled:
		return f.StatusBy
	case flag.NotActive:
		return standing
	case flag.Unmet:
		return f.PrerequisitesBy
	case flag.ByDefault:
		return f.DefinedBy
	}
	return e.Decision.Decider.Origin
}

// end is nil for an open end.
func end(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
