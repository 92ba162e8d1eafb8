package readapi

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/projections"
)

// ResolveFlag asks what a flag comes to at a node or for a user, and for the
// whole story of how that came about.
type ResolveFlag struct {
	Flag flag.Key      `json:"flag" path:"flag" maxLength:"128" doc:"The flag."`
	Node domain.NodeID `json:"node,omitempty" query:"node" doc:"The node; the user's home, or else the platform, if left out."`
	User domain.UserID `json:"user,omitempty" query:"user" doc:"A user whose home is the node."`
	Key  string        `json:"key,omitempty" query:"key" maxLength:"256" doc:"Targeting key; the user if left out."`
	With string        `json:"context,omitempty" query:"context" maxLength:"16384" doc:"Attributes of whom it is evaluated for, as a JSON object."`
	At   time.Time     `json:"at,omitzero" query:"at" doc:"At which instant, as far as is known now; now if left out."`
}

// Nodes are the node, or the user if that is all there is. A user nobody has heard
// of can only be asked about at a node.
func (q ResolveFlag) Nodes() []domain.NodeID {
	switch {
	case q.Node != "":
		return []domain.NodeID{q.Node}
	case q.User != "":
		return []domain.NodeID{domain.NodeID(q.User)}
	}
	return nil
}

// Resolution is what a flag comes to, and the whole story.
type Resolution struct {
	Flag      flag.Key          `json:"flag" doc:"The flag."`
	Node      domain.NodeID     `json:"node" doc:"The node."`
	User      domain.UserID     `json:"user,omitempty" doc:"The user, if it was asked for one."`
	At        time.Time         `json:"at" doc:"The instant."`
	Value     json.RawMessage   `json:"value" doc:"The value."`
	Variant   string            `json:"variant,omitempty" doc:"Name of the value, if the flag has one for it."`
	Reason    flag.Reason       `json:"reason" enum:"STATIC,TARGETING_MATCH,SPLIT,DISABLED" doc:"Why, in OpenFeature's words."`
	Cause     flag.Cause        `json:"cause" enum:"default,override,lock,draft,killed,not-active,not-entitled,prerequisite" doc:"Why, more exactly."`
	Rule      string            `json:"rule,omitempty" doc:"The rule that matched: its name, or # and its number from 0."`
	Bucket    *int              `json:"bucket,omitempty" doc:"Where in the deciding split the subject is, of 100,000."`
	Blocker   string            `json:"blocker,omitempty" doc:"What turned it off: the flag that it depends on."`
	Requires  []flag.Checked    `json:"prerequisites,omitempty" doc:"What the flags that it depends on come to."`
	Status    flag.Status       `json:"status" enum:"draft,active,deprecated,killed" doc:"Where the flag is in its life."`
	Standing  domain.Standing   `json:"standing" enum:"pending,active,suspended,closed,ended" doc:"How far the node may be used, its ancestors considered."`
	DecidedBy cascade.Origin    `json:"decidedBy" doc:"The fact that decided."`
	Levels    []cascade.Verdict `json:"levels" doc:"What each of the four levels says, and its part in the decision."`
}

// Run evaluates the flag over what one statement finds.
func (q ResolveFlag) Run(ctx context.Context, db DB) (Resolution, error) {
	if q.At.IsZero() {
		q.At = time.Now().UTC().Truncate(time.Millisecond)
	}
	who, err := q.context()
	if err != nil {
		return Resolution{}, err
	}
	ladders, err := laddersOf(ctx, db, q.Node, q.User, []string{string(q.Flag)})
	if err != nil {
		return Resolution{}, err
	}
	l, ok := ladders.of(q.Flag)
	if !ok {
		return Resolution{}, flag.ErrNotFound
	}
	return ladders.resolve(l, q, who)
}

// ErrContext: whom a flag is to be evaluated for cannot be read.
var ErrContext = &domain.Error{Kind: domain.Invalid, Code: "invalid-context", Detail: "the context must be a JSON object, nested at most 16 levels deep"}

// context is whom the question is about, apart from the node.
func (q ResolveFlag) context() (flag.Context, error) {
	c := flag.Context{Key: cmp.Or(q.Key, string(q.User)), User: q.User}
	if q.With == "" {
		return c, nil
	}
	if deeper([]byte(q.With), maxContextDepth) || json.Unmarshal([]byte(q.With), &c.Attributes) != nil || c.Attributes == nil {
		return c, ErrContext.At("context", "must be a JSON object, nested at most 16 levels deep")
	}
	return c, nil
}

// A ladder is a flag and what can decide it at one place: the line of nodes from
// the platform down, and what each of them says.
type ladder struct {
	projections.Flag
	Line     []rung                `db:"line"`
	Said     []saying              `db:"said"`
	Segments []projections.Segment `db:"segments"`
}

// A saying is an override as the statement below tells it.
type saying struct {
	projections.FlagOverride
	Plain bool `json:"plain"`
}

func (s saying) layer() flag.Layer {
	s.FlagOverride.Plain = s.Plain
	return s.Layer()
}

// Veil leaves out who and why wherever the node lies above the reader.
func (l *ladder) Veil(above func(domain.NodeID) bool) {
	l.Flag.Veil(above)
	for i, n := range l.Line {
		if above(n.ID) {
			l.Line[i].By = n.By.Bare()
		}
	}
	for i, said := range l.Said {
		if above(said.Node) {
			l.Said[i].SaidBy = said.SaidBy.Bare()
		}
	}
}

// A rung is a node of the line.
type rung struct {
	ID       domain.NodeID   `json:"id"`
	Level    domain.Level    `json:"level"`
	Standing domain.Standing `json:"standing"`
	By       cascade.Origin  `json:"by"`
}

// ladders are those of some flags and of all that these depend on.
type ladders []ladder

func (all ladders) of(k flag.Key) (l ladder, ok bool) {
	i := slices.IndexFunc(all, func(l ladder) bool { return l.Key == k })
	if i < 0 {
		return l, false
	}
	return all[i], true
}

func laddersOf(ctx context.Context, db DB, node domain.NodeID, user domain.UserID, keys []string) (ladders, error) {
	return many[ladder](ctx, db, ladderSQL, keys, node, user)
}

// Users that are known have a home; those that are not are known by it once they
// have an override, which names it. Overrides of users count below their home
// only. Without a node, the home is where to look; without both, the platform.
var ladderSQL = `with recursive wanted(key) as (
  select unnest($1::text[])
  union select p->>'flag' from wanted w join readmodel.flags f on f.key = w.key cross join lateral json_array_elements(f.prerequisites) p),
place(id) as (
  select case when $2::text <> '' then $2::text else coalesce((select u.home from readmodel.users u where u.id = nullif($3::text, '')::uuid), (select o.parent from readmodel.flag_overrides o where o.node = $3::text and o.level = 'user' limit 1), 'platform') end),
line as (
  select n.id, n.level, n.standing, n.standing_by, step.depth from place p join readmodel.nodes s on s.id = p.id
  cross join lateral unnest(string_to_array(s.path, '/')) with ordinality as step(id, depth)
  join readmodel.nodes n on n.id = step.id)
select ` + flagColumns + `,
(select coalesce(json_agg(json_build_object('id', l.id, 'level', l.level, 'standing', l.standing, 'by', l.standing_by) order by l.depth), '[]') from line l) as line,
(select coalesce(json_agg(json_build_object('level', o.level, 'node', o.node, 'value', o.value, 'plain', o.plain, 'rules', o.rules, 'split', o.split, 'locked', o.locked, 'validFrom', o.valid_from, 'validUntil', o.valid_until, 'saidBy', o.said_by)), '[]')
 from readmodel.flag_overrides o
 where o.flag = f.key and (o.node in (select l.id from line l) or o.node = $3::text and o.level = 'user' and o.parent in (select p.id from place p))) as said,
(select coalesce(json_agg(json_build_object('key', s.key, 'included', s.included, 'excluded', s.excluded, 'any', s.groups, 'retired', s.retired)), '[]')
 from readmodel.segments s where s.key in (select unnest(o.segments) from readmodel.flag_overrides o
  where o.flag = f.key and (o.node in (select l.id from line l) or o.node = $3::text and o.level = 'user'))) as segments
from readmodel.flags f where f.key in (select w.key from wanted w) order by f.key`

// place is the node at the end of the line, and how far it may be used.
func (l ladder) place() (n rung, standing domain.Standing, by cascade.Origin) {
	n = l.Line[len(l.Line)-1]
	var above rung
	if n.Level == domain.TenantLevel && len(l.Line) > 1 {
		above = l.Line[len(l.Line)-2]
	}
	standing, by = projections.Combined(n.Standing, n.By, above.Standing, above.By)
	return n, standing, by
}

// layers is one layer for each of the four levels, silent where nothing is said.
func (l ladder) layers(user domain.UserID) []flag.Layer {
	var layers [4]flag.Layer
	for depth, level := range []domain.Level{domain.PlatformLevel, domain.IntegratorLevel, domain.TenantLevel, domain.UserLevel} {
		layers[depth].Level = level
	}
	for _, n := range l.Line {
		layers[n.Level.Depth()].Node = n.ID
	}
	layers[domain.UserLevel.Depth()].Node = domain.NodeID(user)
	for _, said := range l.Said {
		layers[said.Level.Depth()] = said.layer()
	}
	return layers[:]
}

// within adds to a context the nodes of the line.
func (l ladder) within(who flag.Context) *flag.Context {
	for _, n := range l.Line {
		switch n.Level {
		case domain.IntegratorLevel:
			who.Integrator = domain.IntegratorID(n.ID)
		case domain.TenantLevel:
			who.Tenant = domain.TenantID(n.ID)
		}
	}
	return &who
}

// audience is who belongs to a segment that is named here.
func (all ladders) audience(k flag.SegmentKey) *flag.Audience {
	for _, l := range all {
		for _, s := range l.Segments {
			if s.Key == k {
				return s.Audience()
			}
		}
	}
	return nil
}

// evaluate decides at one instant.
func (all ladders) evaluate(l ladder, who flag.Context, at time.Time) (flag.Evaluation, cascade.Origin, error) {
	n, standing, by := l.place()
	e, err := flag.Evaluate(l.Rules(), flag.Input{
		Standing: standing, Node: n.ID, At: at, Context: l.within(who), Segments: all.audience, Prerequisites: all.prerequisite,
	}, l.layers(who.User)...)
	return e, l.DecidedBy(e, by), err
}

// prerequisite evaluates a flag that another depends on.
func (all ladders) prerequisite(k flag.Key, in flag.Input) (flag.Evaluation, error) {
	l, _ := all.of(k) // what is not there is not found
	return flag.Evaluate(l.Rules(), in, l.layers(in.Context.User)...)
}

func (all ladders) resolve(l ladder, q ResolveFlag, who flag.Context) (Resolution, error) {
	if len(l.Line) == 0 {
		return Resolution{}, flag.ErrNodeNotFound
	}
	n, standing, _ := l.place()
	e, by, err := all.evaluate(l, who, q.At)
	return Resolution{
		Flag: l.Key, Node: n.ID, User: q.User, At: q.At,
		Value: e.Value, Variant: e.Variant, Reason: e.Reason, Cause: e.Cause, Rule: e.Rule, Bucket: e.Bucket, Blocker: e.Blocker, Requires: e.Prerequisites,
		Status: l.Status, Standing: standing, DecidedBy: by, Levels: e.Decision.Story,
	}, err
}
