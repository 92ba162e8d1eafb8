package readapi

import (
	"context"
	"errors"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/projections"
)

// recall answers what every flag came to at a node as of then. It tells what the
// table of resolved flags did then: nothing of users and of what had ended.
func (q ResolvedFlagsOf) recall(ctx context.Context, m memory) (List[projections.ResolvedFlag], uint64, error) {
	var list List[projections.ResolvedFlag]
	position, at, err := q.in(m.Flags)
	if err != nil {
		return list, 0, err
	}
	node, err := m.place(Whom{Node: q.Node}, position)
	if err != nil {
		return list, 0, err
	}
	v, err := m.Flags.Look(flag.Question{Node: node, Context: &flag.Context{}, At: at, Position: position})
	if err != nil {
		return list, 0, err
	}
	page := q.Page
	q.Page = Page{}
	a := ask{page, "flag", q, nil}
	var after string
	if a.After != "" {
		end, err := a.unseal()
		if err != nil {
			return list, 0, err
		}
		after = end.ID
	}
	list.Items = []projections.ResolvedFlag{}
	if v.Standing() == domain.Ended || v.Level() == domain.UserLevel {
		return list, m.trueAt(position, v.Position()), nil
	}
	for k := range v.Keys(flag.Key(after)) {
		row, err := m.resolved(&v, k)
		if errors.Is(err, flag.ErrNotFound) {
			continue
		}
		if err != nil {
			return list, 0, err
		}
		if len(list.Items) == limitOf(a.Limit) {
			last := string(list.Items[len(list.Items)-1].Flag)
			list.Next = a.seal(mark{last, last})
			break
		}
		list.Items = append(list.Items, row)
	}
	m.identify(ctx, list.Items)
	return list, m.trueAt(position, v.Position()), nil
}

// resolved is the row of a flag, but for the id of the event that decided.
func (m memory) resolved(v *flag.View, k flag.Key) (projections.ResolvedFlag, error) {
	f, s, decided, err := v.Span(k)
	if err != nil {
		return projections.ResolvedFlag{}, err
	}
	e, node := s.Evaluation, v.Node()
	row := projections.ResolvedFlag{
		Node: node, Flag: k, ValidFrom: end(s.From), ValidUntil: end(s.Until), Type: f.Definition.Type,
		Value: e.Value, Variant: e.Variant, Reason: e.Reason, Cause: e.Cause, Rule: e.Rule, Bucket: e.Bucket, Blocker: e.Blocker,
		Locked: e.Decision.Decider.Locked, Deprecated: f.Status == flag.StatusDeprecated, DeciderLevel: e.Decision.Decider.Level, DecidedByPosition: int64(decided),
	}
	if row.DeciderLevel != "" {
		row.DeciderNode = m.named(e.Decision.Decider.Node, "", node)
	}
	return row, nil
}

// identify finds the events that decided.
func (m memory) identify(ctx context.Context, rows []projections.ResolvedFlag) {
	positions := make([]uint64, len(rows))
	for i, r := range rows {
		positions[i] = uint64(r.DecidedByPosition)
	}
	facts := m.cited(ctx, positions...)
	for i := range rows {
		rows[i].DecidedByEvent = facts[positions[i]].EventID
	}
}

// end is nil for an open end.
func end(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
