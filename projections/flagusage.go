package projections

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
)

// FlagUse is a row of the flag_usage table: that a flag, or all of them at once, was
// evaluated at a node.
type FlagUse struct {
	Key      string        `db:"key,text" json:"-"` // <node>/<flag>
	Owner    string        `db:"owner,text" json:"-"`
	Node     domain.NodeID `db:"node,text" json:"node" doc:"The node that it was evaluated at."`
	Flag     flag.Key      `db:"flag,text" json:"flag,omitempty" doc:"The flag; none if all were evaluated at once, which does not tell which of them anybody looked at."`
	Count    int64         `db:"count,bigint" json:"count" doc:"How often, as far as it has been recorded."`
	FirstAt  time.Time     `db:"first_at,timestamptz" json:"firstAt" doc:"When it was evaluated first, as far as is known."`
	LastAt   time.Time     `db:"last_at,timestamptz" json:"lastAt" doc:"When it was evaluated last, as far as it has been recorded."`
	Position int64         `db:"position,bigint" json:"-"`
}

// FlagUsage has one row for each node and flag that was evaluated there by itself, and
// one for each node that all were evaluated at.
var FlagUsage = Table[FlagUse]{
	Name: "flag_usage", Version: 1, Seen: Owners,
	Indexes: []string{"flag, last_at", "first_at", "owner"},
	Key: func(r domain.Recorded) string {
		if e, ok := r.Event.(flag.Evaluated); ok && r.Stream == flag.UsageStream(e.Node) {
			return text(string(e.Node)) + "/" + text(string(e.Flag))
		}
		return ""
	},
	Fold: func(u FlagUse, r domain.Recorded) (FlagUse, bool) {
		e, ok := r.Event.(flag.Evaluated)
		if !ok {
			return u, u.Key != ""
		}
		if u.Key == "" {
			u.Node, u.Flag = domain.NodeID(text(string(e.Node))), flag.Key(text(string(e.Flag)))
			u.Key, u.Owner, u.FirstAt = string(u.Node)+"/"+string(u.Flag), string(u.Node), e.First
		}
		u.Count, u.Position = u.Count+int64(e.Count), int64(r.Position)
		if e.First.Before(u.FirstAt) {
			u.FirstAt = e.First
		}
		if e.Last.After(u.LastAt) {
			u.LastAt = e.Last
		}
		return u, true
	},
}
