package flag

import (
	"errors"
	"iter"
	"slices"
	"sort"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// A History is everything that a flag ever came to at one place, for somebody. It
// ends at what was known when it was opened.
type History struct {
	Evaluations int // so far
	book        *Book
	key         Key
	question    Question
	turns       []Turn
}

// A Flip is that a flag comes to something else from a position and an instant on.
type Flip struct {
	Position uint64 // as of which it comes to that
	At       time.Time
	Turned   Turned
	Node     domain.NodeID // of the fact that turned it, if one did
	Found    bool          // whether flag and node are there at all
	Answer   Answer
	Whose    domain.NodeID // node of the fact that decided
}

// Turned is what turned a flag.
type Turned string

// What there is. Already is that it was so before anything was looked at.
const (
	ByFact  Turned = "fact"
	ByTime  Turned = "time" // an instant that something known before had named
	Already Turned = "before"
)

// ErrNoFlip: of two positions the flag does not come to one thing at the first and to
// another at the second.
var ErrNoFlip = &domain.Error{Kind: domain.Invalid, Code: "no-flip-between", Detail: "what is looked for must hold at good, must not hold at bad, and good must come before bad"}

// History opens that of a flag at the place that a question is about; its position
// and instant are of no matter. Error: ErrNotFound.
func (b *Book) History(k Key, q Question) (*History, error) {
	turns, err := b.Turns(k, q.Node, q.User)
	return &History{book: b, key: k, question: q, turns: turns}, err
}

// look is the view as of a position.
func (h *History) look(position uint64, at time.Time) (View, error) {
	if position == 0 {
		return View{}, ErrNodeNotFound // nothing was there yet
	}
	q := h.question
	q.Position, q.At = position, at
	return h.book.Look(q)
}

// As is what the flag came to as of a position, at an instant. What is not there is
// not found, and no error. Error: ErrBlind.
func (h *History) As(position uint64, at time.Time) (f Flip, err error) {
	h.Evaluations++
	f.Position, f.At = position, at
	v, err := h.look(position, at)
	if err == nil {
		f.Answer, err = v.Evaluate(h.key)
	}
	switch {
	case errors.Is(err, ErrNodeNotFound) || errors.Is(err, ErrNotFound):
		return f, nil
	case err != nil:
		return f, err
	}
	f.Found, f.Whose = true, v.Whose(f.Answer.Cause, f.Answer.Decider())
	return f, nil
}

// like reports whether two come to the same, by the same node and for the same
// reason, whichever fact of that node it was.
func (f *Flip) like(o *Flip) bool {
	a, b := &f.Answer, &o.Answer
	return f.Found == o.Found && string(a.Value) == string(b.Value) && a.Variant == b.Variant && a.Reason == b.Reason && a.Cause == b.Cause &&
		a.Rule == b.Rule && a.Blocker == b.Blocker && a.Level == b.Level && a.by == b.by
}

// Flips are those after a position and an instant and before another instant, oldest
// first. Everything that was looked at is handed over, so that whoever goes on later
// can do so from there; flipped tells whether it is a flip. Error: ErrBlind.
func (h *History) Flips(after uint64, from, to time.Time) iter.Seq2[Flip, error] {
	return func(yield func(Flip, error) bool) {
		last, err := h.As(after, from)
		last.Turned = Already
		if !yield(last, err) || err != nil {
			return
		}
		for at, turned := range h.moments(after, from, to) {
			f, err := h.As(at.Position, at.At)
			f.Turned, f.Node = turned, at.Node
			if err == nil && f.like(&last) {
				f.Turned = ""
			}
			if !yield(f, err) || err != nil {
				return
			}
			last = f
		}
	}
}

// A moment is a position of the log and an instant at which nothing later was known.
type moment struct {
	Turn
	At time.Time
}

// moments are those at which the flag may come to something else.
func (h *History) moments(after uint64, from, to time.Time) iter.Seq2[moment, Turned] {
	return func(yield func(moment, Turned) bool) {
		now := moment{Turn{Position: after}, from}
		for _, t := range h.turns[h.after(after):] {
			next := moment{t, h.book.When(t.Position)}
			if !next.At.Before(to) {
				break
			}
			for _, at := range h.breaks(now.Position, now.At, next.At) {
				if !yield(moment{Turn{Position: now.Position}, at}, ByTime) {
					return
				}
			}
			if !yield(next, ByFact) {
				return
			}
			now = next
		}
		for _, at := range h.breaks(now.Position, now.At, to) {
			if !yield(moment{Turn{Position: now.Position}, at}, ByTime) {
				return
			}
		}
	}
}

// after is the index of the first turn after a position.
func (h *History) after(position uint64) int {
	return sort.Search(len(h.turns), func(i int) bool { return h.turns[i].Position > position })
}

// breaks are the instants between two others at which something changes by itself,
// as was known at a position.
func (h *History) breaks(position uint64, after, before time.Time) []time.Time {
	v, err := h.look(position, after)
	if err != nil {
		return nil
	}
	e := h.book.flags.get(h.key)
	all := inOrder(v.breaks(e, map[*entry]bool{}))
	return slices.DeleteFunc(all, func(t time.Time) bool { return !t.After(after) || !t.Before(before) })
}

// Bisect finds a place between two positions where something ceases to hold: what the
// flag came to at good, or that it comes to wants, if that is not nil. It asks once
// for each halving of the facts that could matter. Before is the last that holds, then
// is where it does not any more. If it ceases several times between the two, one of
// them is found. Errors: ErrNoFlip, ErrBlind.
func (h *History) Bisect(good, bad uint64, wants []byte) (before, then Flip, err error) {
	if before, err = h.As(good, h.book.When(good)); err != nil {
		return before, then, err
	}
	there := before.Found || wants != nil
	if wants == nil {
		wants = before.Answer.Value
	}
	holds := func(f *Flip) bool { return f.Found == there && (!there || cascade.Same(f.Answer.Value, wants)) }
	if then, err = h.As(bad, h.book.When(bad)); err != nil {
		return before, then, err
	}
	if good >= bad || !holds(&before) || holds(&then) {
		return before, then, ErrNoFlip
	}
	turns := h.turns[h.after(good):max(h.after(good), h.after(bad-1))]
	then.Turned = ByFact
	for len(turns) > 0 {
		mid := len(turns) / 2
		f, err := h.As(turns[mid].Position, h.book.When(turns[mid].Position))
		if err != nil {
			return before, then, err
		}
		if holds(&f) {
			before, turns = f, turns[mid+1:]
		} else {
			then, turns = f, turns[:mid]
			then.Turned, then.Node = ByFact, h.turns[h.after(then.Position)-1].Node
		}
	}
	return h.meanwhile(before, then, holds)
}

// meanwhile looks whether it was time, and not the fact after it, that something
// ceased to hold.
func (h *History) meanwhile(before, then Flip, holds func(*Flip) bool) (Flip, Flip, error) {
	if i := h.after(then.Position) - 1; i >= 0 && h.turns[i].Position == then.Position {
		then.Node = h.turns[i].Node
	}
	instants := h.breaks(before.Position, before.At, then.At.Add(1))
	if len(instants) == 0 {
		return before, then, nil
	}
	last, err := h.As(before.Position, instants[len(instants)-1])
	if err != nil || holds(&last) {
		return before, then, err
	}
	for instants = instants[:len(instants)-1]; len(instants) > 0; {
		mid := len(instants) / 2
		f, err := h.As(before.Position, instants[mid])
		if err != nil {
			return before, then, err
		}
		if holds(&f) {
			before, instants = f, instants[mid+1:]
		} else {
			last, instants = f, instants[:mid]
		}
	}
	last.Turned = ByTime
	return before, last, nil
}
