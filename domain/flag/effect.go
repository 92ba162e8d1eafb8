package flag

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// An Effect is what facts would change if they came next: where flags would come to
// something else, and whose own settings would cease to count. It is complete for
// all nodes and for all users that are known by themselves, each as its own
// targeting key. What a share or a rule does to others is not to be listed; Targeted
// tells that there are such. Of an estate of any size it takes a bounded room: of all
// that somebody sees it lists the first Listed and counts the rest.
type Effect struct {
	Position uint64   // as of which
	Shifts   []Shift  // from the platform down
	Shadowed []Shadow // likewise
	Total    Total
	Affected Affected
	Targeted bool // subjects that only a context tells of are told apart, before or after

	digest string
}

// Listed is how many shifts, and how many shadows, an effect lists.
const Listed = 10_000

// A Place is a node of the tree that something happens at.
type Place struct {
	Flag  Key
	Node  domain.NodeID
	Level domain.Level
	Owner domain.Owner // under which it would hang
}

// A Shift is that a flag would come to something else at a node.
type Shift struct {
	Place
	From, Until   time.Time    // the time in which it would; Until is exclusive, and zero if nothing is known to end it
	Before, After *Outcome     // nil: not to be found
	named         [2]time.Time // of From and Until, as far as it is not the facts that name them
}

// An Outcome is what a flag comes to, as far as two of them are compared.
type Outcome struct {
	Value   json.RawMessage `json:"value" doc:"Value."`
	Variant string          `json:"variant,omitempty" doc:"Name of the value, if it has one."`
	Reason  Reason          `json:"reason" doc:"Why, in the words of the OpenFeature Remote Evaluation Protocol."`
	Cause   Cause           `json:"cause" doc:"The richer reason behind it."`
	Level   domain.Level    `json:"level,omitempty" doc:"Level that decided; none if no node did."`
}

// A Shadow is that what a node says would cease to count.
type Shadow struct {
	Place
	From   time.Time
	Ruling cascade.Ruling
	By     domain.Level // that would decide
}

// A Prospect is facts that could come next, at the instant of a command. What they
// would change is as of one position, whatever comes meanwhile.
type Prospect struct {
	*reach
	now time.Time
}

// If asks what would be if facts came next. The book must not be a draft itself.
func (b *Book) If(m domain.Meta, facts ...domain.Event) *Prospect {
	return b.IfAt(latest, m, facts...)
}

// IfAt asks what would have been if facts had come behind a position of the past.
func (b *Book) IfAt(position uint64, m domain.Meta, facts ...domain.Event) *Prospect {
	return &Prospect{reachOf(b, b.draft(position, m, facts), facts), m.At}
}

// Position is the one that a prospect is as of.
func (p *Prospect) Position() uint64 { return p.at }

// Effect is that of facts as everybody together sees it. Errors are those of
// [Prospect.Effect].
func (b *Book) Effect(ctx context.Context, m domain.Meta, facts ...domain.Event) (Effect, error) {
	return b.If(m, facts...).Effect(ctx, nil)
}

// Effect compares what every flag comes to with what it would come to, at the instant
// of the facts and at all later ones that are known to change something. It lists and
// counts what somebody sees, everything if sees is nil; its digest is of everything.
// Error: ErrBlind, and that of ctx.
func (p *Prospect) Effect(ctx context.Context, sees func(*Place) bool) (Effect, error) {
	e := Effect{Position: p.at}
	flags, last := map[Key]bool{}, domain.NodeID("")
	c := comparison{Prospect: p, tally: newTally()}
	err := c.walk(ctx, func(at *Place, shifts []Shift, shadow *Shadow) bool {
		seen := sees == nil || sees(at)
		for i := range shifts {
			c.tally.shift(&shifts[i])
			if seen && len(e.Shifts) < Listed {
				e.Shifts = append(e.Shifts, shifts[i])
			}
		}
		if shadow != nil {
			c.tally.shadow(shadow)
			if seen && len(e.Shadowed) < Listed {
				e.Shadowed = append(e.Shadowed, *shadow)
			}
		}
		if !seen {
			return true
		}
		e.Total.add(len(shifts), shadow != nil)
		if len(shifts) > 0 {
			flags[at.Flag] = true
			if at.Node != last {
				e.Affected.count(at.Level)
			}
			last = at.Node
		}
		return true
	})
	e.Affected.Flags, e.Targeted, e.digest = len(flags), c.tally.targeted, c.tally.digest()
	return e, err
}

// Each yields every shift, from the platform down, each as it is found. Errors are those
// of [Prospect.Effect], the last that is yielded.
func (p *Prospect) Each(ctx context.Context) iter.Seq2[Shift, error] {
	return p.shifts(ctx, comparison{Prospect: p})
}

// At yields the shifts at some nodes that somebody sees.
func (p *Prospect) At(ctx context.Context, places []Place, sees func(*Place) bool) iter.Seq2[Shift, error] {
	c := comparison{Prospect: p, sees: sees, only: []*spot{}}
	for _, at := range places {
		if s := p.after.nodes.get(idOf(at.Node)); s != nil {
			c.only = append(c.only, s)
		}
	}
	return p.shifts(ctx, c)
}

func (p *Prospect) shifts(ctx context.Context, c comparison) iter.Seq2[Shift, error] {
	return func(yield func(Shift, error) bool) {
		err := c.walk(ctx, func(_ *Place, shifts []Shift, _ *Shadow) bool {
			for _, s := range shifts {
				if !yield(s, nil) {
					return false
				}
			}
			return true
		})
		if err != nil {
			yield(Shift{}, err)
		}
	}
}

// Digest tells one effect from another by who would see which other value, by the
// instants that something other than the facts names, by who is shadowed, and, where a
// context is told apart, by all that decides what it gets: rules and shares before,
// what the flags can serve, and who belongs to segments. Why a value is what it is does
// not matter.
func (e *Effect) Digest() string { return e.digest }

func (p *Place) compare(o *Place) int {
	return cmp.Or(cmp.Compare(p.Level.Depth(), o.Level.Depth()), cmp.Compare(p.Node, o.Node), cmp.Compare(p.Flag, o.Flag),
		cmp.Compare(p.Owner.Integrator, o.Owner.Integrator), cmp.Compare(p.Owner.Tenant, o.Owner.Tenant))
}

// same reports whether two outcomes are one value under one name. Why it is so is of
// no matter to whoever uses it.
func (o *Outcome) same(p *Outcome) bool {
	if o == nil || p == nil {
		return o == p
	}
	return o.Variant == p.Variant && (string(o.Value) == string(p.Value) || cascade.Same(o.Value, p.Value))
}
