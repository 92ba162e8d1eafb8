package readapi

import (
	"cmp"
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
)

// FlagTimeline asks what a flag came to at a node or for a user over time.
type FlagTimeline struct {
	Page
	Flag flag.Key `json:"flag" path:"flag" maxLength:"128" doc:"The flag."`
	Whom
	From time.Time `json:"from,omitzero" query:"from" doc:"From which instant on; from the beginning if left out."`
	To   time.Time `json:"to,omitzero" query:"to" doc:"Before which instant; now if left out. Beyond now it tells what is going to be, as far as is known."`
}

// A Flip is that a flag comes to something from an instant on.
type Flip struct {
	At        time.Time       `json:"at" doc:"From when on."`
	Position  uint64          `json:"position" doc:"Position of the log as of which it comes to that."`
	Turned    flag.Turned     `json:"turned" enum:"fact,time,before" doc:"What turned it: a fact, an instant that something known before had named, or neither, because it was so before the time that was asked about."`
	By        *cascade.Origin `json:"by,omitempty" doc:"The fact that turned it."`
	Found     bool            `json:"found" doc:"Whether there is such a flag and such a node then."`
	Value     json.RawMessage `json:"value,omitempty" doc:"The value."`
	Variant   string          `json:"variant,omitempty" doc:"Name of the value, if the flag has one for it."`
	Reason    flag.Reason     `json:"reason,omitempty" enum:"STATIC,TARGETING_MATCH,SPLIT,DISABLED" doc:"Why, in OpenFeature's words."`
	Cause     flag.Cause      `json:"cause,omitempty" enum:"default,override,lock,draft,killed,not-active,not-entitled,prerequisite" doc:"Why, more exactly."`
	Rule      string          `json:"rule,omitempty" doc:"The rule that matched: its name, or # and its number from 0."`
	Blocker   string          `json:"blocker,omitempty" doc:"What turned it off: the flag that it depends on."`
	Level     domain.Level    `json:"level,omitempty" doc:"Level that decided; none for the default."`
	Node      domain.NodeID   `json:"node,omitempty" doc:"Node that decided; none for the default."`
	DecidedBy cascade.Origin  `json:"decidedBy" doc:"The fact that decided. It is another one than that which turned the flag where something else had been in its way."`
}

// maxLooks bounds how often a flag is evaluated for one page of a timeline. A page
// that it cuts short has a next one.
const maxLooks = 20_000

func (q FlagTimeline) reaches() uint64 { return 0 }

func (q FlagTimeline) recall(ctx context.Context, m memory) (List[Flip], uint64, error) {
	open, place, err := m.history(q.Flag, q.Whom)
	if err != nil {
		return List[Flip]{}, 0, err
	}
	page, user, known := q.Page, domain.NodeID(q.User), max(m.Flags.Position(), m.least)
	q.Page = Page{}
	flips, next, err := turned(open, q, ask{page, "at", q, nil}, m.Flags.Last(q.From))
	if err != nil {
		return List[Flip]{}, 0, err
	}
	return List[Flip]{Items: m.flips(ctx, user, place, flips...), Next: next}, known, nil
}

// turned is a page of the flips that are asked for, and where the next one begins.
func turned(open *flag.History, q FlagTimeline, a ask, after uint64) (flips []flag.Flip, next string, err error) {
	from, to := q.From, q.To
	if to.IsZero() {
		to = time.Now()
	}
	if a.After != "" {
		if after, from, err = a.resume(); err != nil {
			return nil, "", err
		}
	}
	limit, last := limitOf(a.Limit), flag.Flip{}
	for f, err := range open.Flips(after, from, to) {
		flip := f.Turned == flag.ByFact || f.Turned == flag.ByTime || f.Turned == flag.Already && f.Found && a.After == ""
		switch {
		case err != nil:
			return nil, "", err
		case open.Evaluations > maxLooks || flip && len(flips) == limit:
			return flips, a.seal(mark{last.At.Format(time.RFC3339Nano), strconv.FormatUint(last.Position, 10)}), nil
		case flip:
			flips = append(flips, f)
		}
		last = f
	}
	return flips, "", nil
}

// resume is where a page of a timeline ended.
func (a ask) resume() (position uint64, at time.Time, err error) {
	m, err := a.unseal()
	if err != nil {
		return 0, at, err
	}
	at, wrong := time.Parse(time.RFC3339Nano, m.Key)
	position, odd := strconv.ParseUint(m.ID, 10, 64)
	if wrong != nil || odd != nil {
		return 0, at, ErrCursor
	}
	return position, at, nil
}

// history opens what a flag ever came to at a place that the reader may know of.
func (m memory) history(k flag.Key, q Whom) (*flag.History, domain.NodeID, error) {
	who, err := q.context()
	if err != nil {
		return nil, "", err
	}
	place, err := m.place(q, 0)
	if err != nil {
		return nil, "", err
	}
	asks := flag.Question{Node: place, User: q.User, Context: who}
	if _, err := m.Flags.Look(asks); err != nil {
		return nil, "", err
	}
	open, err := m.Flags.History(k, asks)
	return open, place, err
}

// flips tells of flips as much as the reader may know.
func (m memory) flips(ctx context.Context, user, place domain.NodeID, all ...flag.Flip) []Flip {
	var positions []uint64
	for _, f := range all {
		positions = append(positions, f.Position, f.Answer.Position)
	}
	facts, out := m.cited(ctx, positions...), make([]Flip, 0, len(all))
	fact := func(position uint64, of domain.NodeID) cascade.Origin {
		if m.tells(of, user, place) {
			return facts[position]
		}
		return facts[position].Bare()
	}
	for _, f := range all {
		a := f.Answer
		told := Flip{At: f.At, Position: f.Position, Turned: f.Turned, Found: f.Found, Value: a.Value, Variant: a.Variant, Reason: a.Reason, Cause: a.Cause,
			Rule: a.Rule, Blocker: a.Blocker, Level: a.Level, DecidedBy: fact(a.Position, f.Whose)}
		if f.Turned == flag.ByFact {
			by := fact(f.Position, f.Node)
			told.By = &by
		}
		if a.Level != "" {
			told.Node = m.named(a.Decider(), user, place)
		}
		out = append(out, told)
	}
	return out
}

// BisectFlag asks where, between two positions, a flag came to something else.
type BisectFlag struct {
	Flag flag.Key `json:"flag" path:"flag" maxLength:"128" doc:"The flag."`
	Whom
	Good  uint64 `json:"good" query:"good" required:"true" doc:"A position at which it still came to what it should."`
	Bad   uint64 `json:"bad,omitempty" query:"bad" doc:"A later position at which it did not any more; the newest if left out."`
	Value string `json:"value,omitempty" query:"value" maxLength:"65536" doc:"The value that it came to, as JSON; what it came to at good if left out."`
}

// Bisected is where a flag came to something else.
type Bisected struct {
	Flag        flag.Key      `json:"flag" doc:"The flag."`
	Node        domain.NodeID `json:"node" doc:"The node."`
	User        domain.UserID `json:"user,omitempty" doc:"The user, if it was asked for one."`
	Good        Flip          `json:"good" doc:"What it came to until then."`
	Bad         Flip          `json:"bad" doc:"What it came to from then on, and what turned it."`
	Evaluations int           `json:"evaluations" doc:"How often it was evaluated to find that."`
}

// ErrSought: a value to look for is no JSON.
var ErrSought = &domain.Error{Kind: domain.Invalid, Code: "invalid-sought-value", Detail: "the value to look for must be JSON"}

func (q BisectFlag) reaches() uint64 { return max(q.Good, q.Bad) }

func (q BisectFlag) recall(ctx context.Context, m memory) (Bisected, uint64, error) {
	var wants json.RawMessage
	if q.Value != "" {
		if wants = json.RawMessage(q.Value); !json.Valid(wants) {
			return Bisected{}, 0, ErrSought.At("value", "must be JSON, such as true or \"gold\"")
		}
	}
	open, place, err := m.history(q.Flag, q.Whom)
	if err != nil {
		return Bisected{}, 0, err
	}
	known := m.Flags.Position()
	good, bad, err := open.Bisect(q.Good, min(cmp.Or(q.Bad, known), known), wants)
	if err != nil {
		return Bisected{}, 0, err
	}
	good.Turned = flag.Already
	told := m.flips(ctx, domain.NodeID(q.User), place, good, bad)
	return Bisected{Flag: q.Flag, Node: place, User: q.User, Good: told[0], Bad: told[1], Evaluations: open.Evaluations}, max(known, m.least), nil
}
