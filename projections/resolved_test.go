package projections_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/platform"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/projections/projectionstest"
)

// A scene is the nodes and flags that a script is about; scenes of different
// numbers have nothing in common.
type scene struct {
	number      int
	integrators []domain.IntegratorID
	tenants     []domain.TenantID
	flags       []flag.Key
}

func newScene(number int) scene {
	s := scene{number: number}
	for i := range 2 {
		s.integrators = append(s.integrators, domain.IntegratorID(fmt.Sprintf("%08x-0000-4000-8000-%012x", number, i+1)))
	}
	for i := range 4 {
		s.tenants = append(s.tenants, domain.TenantID(fmt.Sprintf("%08x-0000-4000-9000-%012x", number, i+1)))
	}
	for i := range 3 {
		s.flags = append(s.flags, flag.Key(fmt.Sprintf("flag-%d-%d", number, i)))
	}
	return s
}

// beginning brings every node and flag of the scene into being.
func (s scene) beginning() (parts []part) {
	for _, i := range s.integrators {
		parts = append(parts, in(domain.IntegratorStream(i), integrator.Registered{Integrator: i}, integrator.Activated{Integrator: i}))
	}
	for n, id := range s.tenants {
		parts = append(parts, in(domain.TenantStream(id), tenant.Created{Tenant: id, Integrator: s.integrators[n%2]}, tenant.Activated{Tenant: id}))
	}
	parts = append(parts, in(flag.SegmentStream(s.segment()), flag.SegmentDefined{Segment: s.segment()}))
	for n, key := range s.flags {
		d := flag.Definition{Type: flag.Number, Default: raw("0"), Off: raw("-1"), Mode: []cascade.Mode{cascade.Replace, cascade.Restrict, cascade.Replace}[n]}
		parts = append(parts, defined(key, d, flag.Activated{Flag: key}))
	}
	return parts
}

func (s scene) nodes() map[domain.NodeID]domain.Level {
	all := map[domain.NodeID]domain.Level{domain.PlatformID: domain.PlatformLevel}
	for _, i := range s.integrators {
		all[domain.NodeID(i)] = domain.IntegratorLevel
	}
	for _, t := range s.tenants {
		all[domain.NodeID(t)] = domain.TenantLevel
	}
	return all
}

func drawn[T any](t *rapid.T, list []T) T { return rapid.SampledFrom(list).Draw(t, "one") }

// instantOrNone is one of few instants, so that scripts often hit the same one.
func instantOrNone(t *rapid.T) *time.Time {
	n := rapid.IntRange(0, 5).Draw(t, "hour")
	if n == 0 {
		return nil
	}
	at := noon.Add(time.Duration(n) * time.Hour)
	return &at
}

// step is one thing that may happen, legal or not: rows follow events.
func (s scene) step(t *rapid.T) part {
	key, id, i := drawn(t, s.flags), drawn(t, s.tenants), drawn(t, s.integrators)
	node := drawn(t, []domain.NodeID{domain.PlatformID, domain.NodeID(i), domain.NodeID(id), domain.NodeID(id)})
	nodeflags := domain.StreamID("nodeflags-" + node)
	value := raw(fmt.Sprint(rapid.IntRange(-5, 5).Draw(t, "value")))
	return drawn(t, []part{
		in(nodeflags, flag.Overridden{Node: node, Level: s.nodes()[node], Flag: key, Setting: flag.Setting{Value: value, ValidFrom: instantOrNone(t), ValidUntil: instantOrNone(t)}}),
		in(nodeflags, flag.Overridden{Node: node, Level: s.nodes()[node], Flag: key, Setting: flag.Setting{Value: value}}, flag.Locked{Node: node, Flag: key}),
		in(nodeflags, flag.Overridden{Node: node, Level: s.nodes()[node], Flag: key, Setting: s.forSome(t, value)}),
		in(nodeflags, flag.Unlocked{Node: node, Flag: key}),
		in(flag.GraphStream, s.needs(t)),
		in(flag.SegmentStream(s.segment()), drawn(t, []domain.Event{
			flag.SegmentUpdated{Segment: s.segment(), After: s.members(t)}, flag.SegmentUpdated{Segment: s.segment(), After: s.members(t)}, flag.SegmentRetired{Segment: s.segment()}})),
		in(nodeflags, flag.Cleared{Node: node, Flag: key}),
		in(flag.Stream(key), drawn(t, []domain.Event{flag.Killed{Flag: key, From: flag.StatusActive}, flag.Activated{Flag: key}, flag.Archived{Flag: key}, flag.Deprecated{Flag: key}})),
		in(flag.Stream(key), flag.Updated{Flag: key, After: flag.Definition{Type: flag.Number, Default: value, Off: raw("-1"), Mode: cascade.Replace}}),
		in(domain.IntegratorStream(i), drawn(t, []domain.Event{integrator.Stopped{Integrator: i}, integrator.Restarted{Integrator: i, To: integrator.StatusActive}, integrator.Activated{Integrator: i}})),
		in(domain.TenantStream(id), drawn(t, []domain.Event{tenant.Suspended{Tenant: id}, tenant.Reactivated{Tenant: id}, tenant.Activated{Tenant: id}, tenant.Archived{Tenant: id}, tenant.Deleted{Tenant: id}})),
		in(domain.TenantStream(id), tenant.Reassigned{Tenant: id, To: i}),
	})
}

func (s scene) script(t *rapid.T) []part {
	parts := s.beginning()
	for range rapid.IntRange(1, 20).Draw(t, "steps") {
		parts = append(parts, s.step(t))
	}
	return parts
}

func (s scene) end() (parts []part) {
	for _, id := range s.tenants {
		parts = append(parts, in(domain.TenantStream(id), tenant.Deleted{Tenant: id}))
	}
	for _, i := range s.integrators {
		parts = append(parts, in(domain.IntegratorStream(i), integrator.Offboarded{Integrator: i}))
	}
	for _, key := range s.flags {
		parts = append(parts, in(flag.Stream(key), flag.Archived{Flag: key}))
	}
	return parts
}

// A verdict is what a reader of resolved_flags learns at one instant.
type verdict struct {
	Value, Variant string
	Reason         flag.Reason
	Cause          flag.Cause
	Decider        domain.NodeID
	Event          string
}

// self is a node as conditions see it.
func self(n projections.Node) *flag.Context {
	switch n.Level {
	case domain.TenantLevel:
		return &flag.Context{Tenant: domain.TenantID(n.ID), Integrator: domain.IntegratorID(n.Parent)}
	case domain.IntegratorLevel:
		return &flag.Context{Integrator: domain.IntegratorID(n.ID)}
	}
	return nil
}

// forSome is a rule for one node and a value for everybody else, or for nobody.
func (s scene) forSome(t *rapid.T, value json.RawMessage) flag.Setting {
	words := map[string]string{"tenant": string(drawn(t, s.tenants)), "integrator": string(drawn(t, s.integrators))}
	attribute := drawn(t, []string{"tenant", "integrator"})
	who, _ := json.Marshal(words[attribute])
	when := flag.Condition{Attribute: attribute, Op: flag.In, Values: []json.RawMessage{who}, Not: rapid.Bool().Draw(t, "not")}
	out := flag.Setting{Rules: []flag.Rule{{When: []flag.Condition{when}, Serving: flag.Serving{Value: value}}}, ValidFrom: instantOrNone(t)}
	if rapid.Bool().Draw(t, "segment, too") {
		out.Rules = append(out.Rules, flag.Rule{When: []flag.Condition{{Segment: s.segment()}}, Serving: flag.Serving{Value: raw("8")}})
	}
	if first, next := instantOrNone(t), rapid.Uint32Range(0, flag.Whole).Draw(t, "weight"); first != nil {
		out.Split = &flag.Split{By: attribute, Shares: []flag.Share{{Serving: flag.Serving{Value: raw("7")}, Weight: flag.Whole - next}}, Steps: []flag.Step{{At: *first, Weights: []uint32{next}}}}
	}
	if rapid.Bool().Draw(t, "value, too") {
		out.Value = raw("3")
	}
	return out
}

func (s scene) segment() flag.SegmentKey { return flag.SegmentKey(fmt.Sprint("segment-", s.number)) }

func (s scene) members(t *rapid.T) flag.Membership {
	who, _ := json.Marshal(drawn(t, s.tenants))
	return flag.Membership{Any: [][]flag.Condition{{{Attribute: "tenant", Op: flag.In, Values: []json.RawMessage{who}}}}}
}

// needs makes a flag depend on one that comes later, so that there is no cycle.
func (s scene) needs(t *rapid.T) domain.Event {
	n := rapid.IntRange(0, len(s.flags)-2).Draw(t, "flag")
	on := flag.Prerequisite{Flag: s.flags[rapid.IntRange(n+1, len(s.flags)-1).Draw(t, "on")], Value: raw(drawn(t, []string{"0", "3", "7"}))}
	return flag.PrerequisitesSet{Flag: s.flags[n], Prerequisites: []flag.Prerequisite{on}}
}

// naive evaluates by the definition: every layer of every node, one by one.
func (s scene) naive(log []domain.Recorded, at time.Time) map[string]verdict {
	nodes, said := map[domain.NodeID]projections.Node{}, map[string]projections.FlagOverride{}
	for _, n := range rows(projections.Nodes, log) {
		nodes[n.ID] = n
	}
	for _, o := range rows(projections.FlagOverrides, log) {
		said[o.Key] = o
	}
	flags, segments := map[flag.Key]projections.Flag{}, map[flag.SegmentKey]projections.Segment{}
	for _, f := range rows(projections.Flags, log) {
		flags[f.Key] = f
	}
	for _, g := range rows(projections.Segments, log) {
		segments[g.Key] = g
	}
	out := map[string]verdict{}
	for _, f := range flags {
		for id := range s.nodes() {
			n := nodes[id]
			standing, why := n.Standing, n.StandingBy
			if above := nodes[n.Parent]; n.Level == domain.TenantLevel && standing == domain.Usable && (above.Standing == domain.Barred || above.Standing == domain.Ended) {
				standing, why = above.Standing, above.StandingBy
			}
			in := flag.Input{Standing: standing, At: at, Context: self(n)}
			in.Segments = func(k flag.SegmentKey) *flag.Audience { return segments[k].Audience() }
			in.Prerequisites = func(k flag.Key, in flag.Input) (flag.Evaluation, error) {
				return flag.Evaluate(flags[k].Rules(), in, lineOf(nodes, said, id, k)...)
			}
			e, err := flag.Evaluate(f.Rules(), in, lineOf(nodes, said, id, f.Key)...)
			if err != nil || n.Standing == domain.Ended {
				continue
			}
			by := e.Decision.Decider.Origin
			switch e.Cause {
			case flag.ByDefault:
				by = f.DefinedBy
			case flag.IsKilled, flag.IsDraft:
				by = f.StatusBy
			case flag.Unmet:
				by = f.PrerequisitesBy
			case flag.NotActive:
				by = why
			}
			v := verdict{string(e.Value), e.Variant, e.Reason, e.Cause, e.Decision.Decider.Node, by.EventID.String()}
			if e.Reason == flag.Disabled {
				v.Decider = ""
			}
			out[string(id)+"/"+string(f.Key)] = v
		}
	}
	return out
}

// lineOf is what is said about a flag from the platform down to a node.
func lineOf(nodes map[domain.NodeID]projections.Node, said map[string]projections.FlagOverride, id domain.NodeID, k flag.Key) (layers []flag.Layer) {
	for _, up := range []domain.NodeID{nodes[nodes[id].Parent].Parent, nodes[id].Parent, id} {
		if o, ok := said[string(up)+"/"+string(k)]; ok {
			layers = append(layers, o.Layer())
		}
	}
	return layers
}

// stored is what the table says about the scene at one instant; it also proves
// that there is one answer at every instant.
func (s scene) stored(t *rapid.T, all []projections.ResolvedFlag, at time.Time) map[string]verdict {
	out := map[string]verdict{}
	for _, r := range all {
		if r.ValidFrom != nil && at.Before(*r.ValidFrom) || r.ValidUntil != nil && !at.Before(*r.ValidUntil) {
			continue
		}
		key := string(r.Node) + "/" + string(r.Flag)
		if _, twice := out[key]; twice {
			t.Fatalf("%s has two answers at %s", key, at)
		}
		out[key] = verdict{string(r.Value), r.Variant, r.Reason, r.Cause, r.DeciderNode, r.DecidedByEvent.String()}
	}
	return out
}

func TestResolvedFlagsAreWhatEvaluationSays(t *testing.T) {
	db, log := projectionstest.Open(t), projectionstest.NewHistory()
	engine := projectionstest.Start(t, db, log, projections.All, projections.Options{PageSize: 20})
	record := scribe()
	log.Append(record(in(platform.Stream, platform.Established{Node: domain.PlatformID}))...)
	number := 0
	rapid.Check(t, func(t *rapid.T) {
		number++
		s := newScene(number)
		mine := record(s.script(t)...)
		log.Append(mine...)
		projectionstest.Await(t, engine, log)
		all := s.load(t, db)
		mine = append(story(in(platform.Stream, platform.Established{Node: domain.PlatformID})), mine...)
		for hour := range 7 {
			for _, at := range []time.Time{noon.Add(time.Duration(hour) * time.Hour), noon.Add(time.Duration(hour)*time.Hour - time.Millisecond)} {
				if diff := cmp.Diff(s.naive(mine, at), s.stored(t, all, at)); diff != "" {
					t.Fatalf("at %s (-evaluated +stored):\n%s", at, diff)
				}
			}
		}
		log.Append(record(s.end()...)...) // so that the table does not grow from check to check
	})
}

func (s scene) load(t *rapid.T, db interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}) []projections.ResolvedFlag {
	keys := make([]string, len(s.flags))
	for i, k := range s.flags {
		keys[i] = string(k)
	}
	var nodes []string
	for id := range s.nodes() {
		nodes = append(nodes, string(id))
	}
	found, err := db.Query(t.Context(), `select * from readmodel.resolved_flags where flag = any($1) and node = any($2)`, keys, nodes)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(found, pgx.RowToStructByPos[projections.ResolvedFlag])
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestResolvedFlagsAreTheSameHoweverTheyAreMade(t *testing.T) {
	for seed := range 2 {
		parts := rapid.Custom(newScene(seed + 1).script).Example(seed)
		parts = append([]part{in(platform.Stream, platform.Established{Node: domain.PlatformID})}, parts...)
		projectionstest.Agree(t, story(parts...), projections.Nodes, projections.Flags, projections.FlagOverrides, projections.Segments, projections.ResolvedFlags)
	}
}
