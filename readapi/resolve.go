package readapi

import (
	"context"
	"encoding/json"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
)

// ResolveFlag asks what a flag comes to at a node or for a user, now or as of
// then, and for the whole story of how that came about.
type ResolveFlag struct {
	Flag flag.Key `json:"flag" path:"flag" maxLength:"128" doc:"The flag."`
	Whom
	AsOf
	At time.Time `json:"at,omitzero" query:"at" doc:"At which instant, as far as was known as of then; that of asOf or atPosition, or else now, if left out."`
}

// Resolution is what a flag comes to, and the whole story.
type Resolution struct {
	Flag      flag.Key          `json:"flag" doc:"The flag."`
	Node      domain.NodeID     `json:"node" doc:"The node."`
	User      domain.UserID     `json:"user,omitempty" doc:"The user, if it was asked for one."`
	At        time.Time         `json:"at" doc:"The instant."`
	Position  uint64            `json:"position" doc:"Position of the log as of which it comes to that."`
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

func (q ResolveFlag) recall(ctx context.Context, m memory) (Resolution, uint64, error) {
	position, at, err := q.in(m.Flags)
	if err != nil {
		return Resolution{}, 0, err
	}
	if !q.At.IsZero() {
		at = q.At
	}
	who, err := q.context()
	if err != nil {
		return Resolution{}, 0, err
	}
	node, err := m.place(q.Whom, position)
	if err != nil {
		return Resolution{}, 0, err
	}
	v, err := m.Flags.Look(flag.Question{Node: node, User: q.User, Context: who, At: at, Position: position})
	if err != nil {
		return Resolution{}, 0, err
	}
	f, e, decided, err := v.Explain(q.Flag)
	if err != nil {
		return Resolution{}, 0, err
	}
	r := Resolution{
		Flag: q.Flag, Node: node, User: q.User, At: at, Position: m.trueAt(position, v.Position()),
		Value: e.Value, Variant: e.Variant, Reason: e.Reason, Cause: e.Cause, Rule: e.Rule, Bucket: e.Bucket, Blocker: e.Blocker, Requires: e.Prerequisites,
		Status: f.Status, Standing: v.Standing(), DecidedBy: cascade.Origin{Position: decided}, Levels: e.Decision.Story,
	}
	r.cite(ctx, m, v.Whose(e.Cause, e.Decision.Decider.Node))
	return r, r.Position, nil
}

// cite tells of the facts as much as the reader may know.
func (r *Resolution) cite(ctx context.Context, m memory, whose domain.NodeID) {
	positions := []uint64{r.DecidedBy.Position}
	for _, l := range r.Levels {
		positions = append(positions, l.Origin.Position)
	}
	facts, user := m.cited(ctx, positions...), domain.NodeID(r.User)
	if r.DecidedBy = facts[r.DecidedBy.Position]; !m.tells(whose, user, r.Node) {
		r.DecidedBy = r.DecidedBy.Bare()
	}
	for i := range r.Levels {
		l := &r.Levels[i]
		if l.Level == domain.UserLevel {
			l.Node = user
		}
		if l.Origin = facts[l.Origin.Position]; !m.tells(l.Node, user, r.Node) {
			l.Origin = l.Origin.Bare()
		}
		if l.Node != "" && m.named(l.Node, user, r.Node) == "" {
			l.Node = ""
			if l.Ruling != cascade.Set && l.Ruling != cascade.Merged {
				l.Value = nil
			}
		}
	}
}
