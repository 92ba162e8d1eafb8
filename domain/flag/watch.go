package flag

import (
	"slices"

	"github.com/reeve-platform/reeve/domain"
)

// A Watch is a prospect that notes what comes to the book meanwhile. It must be ended.
type Watch struct {
	*Prospect
	book  *Book
	meta  domain.Meta
	facts []domain.Event
	upTo  uint64            // nothing has come up to there that matters
	fell  bool              // something has
	came  []domain.Recorded // of the writer
}

// Watch is like [Book.If], and notes what comes from now on.
func (b *Book) Watch(m domain.Meta, facts ...domain.Event) *Watch {
	w := &Watch{book: b, meta: m, facts: facts}
	b.writer.Lock()
	b.watches = append(b.watches, w)
	b.writer.Unlock()
	w.Prospect = b.If(m, facts...)
	w.upTo = w.at
	return w
}

// End stops noting.
func (w *Watch) End() {
	w.book.writer.Lock()
	defer w.book.writer.Unlock()
	w.book.watches = slices.DeleteFunc(w.book.watches, func(o *Watch) bool { return o == w })
}

// witness has watches note a fact.
func (b *Book) witness(r domain.Recorded) {
	for _, w := range b.watches {
		w.came = append(w.came, r)
	}
}

// Stands reports whether the facts would still change what they would have when the
// watch began: nothing has come that is about a flag, and at a place, that they could
// change. Once it does not stand it never does again. It is not to be asked by two at
// once.
func (w *Watch) Stands() bool {
	w.book.writer.Lock()
	came, now := w.came, w.book.position.Load()
	w.came = nil
	w.book.writer.Unlock()
	if w.fell || len(came) == 0 {
		return !w.fell
	}
	for _, at := range []uint64{w.upTo, now} {
		draft := w.book.draft(at, w.meta, w.facts)
		mine := reachOf(w.book, draft, w.facts)
		for _, r := range came {
			if r.Position > w.upTo && (r.Err != nil || mine.meets(w.reaches(draft, r.Event))) {
				w.fell = true
				return false
			}
		}
	}
	w.upTo = now
	return true
}

// reaches is what a fact that has come makes a difference to, the facts that are watched
// considered. Whoever it makes known is another place for all flags.
func (w *Watch) reaches(draft *Book, e domain.Event) *reach {
	r := reachOf(w.book, draft, []domain.Event{e})
	if h, ok := e.(domain.Houses); ok {
		if user, _ := h.Houses(); user != "" {
			s := w.book.nodes.get(idOf(user))
			r.everything = r.everything || s == nil || s.as(w.upTo) == nil
		}
	}
	return r
}

// meets reports whether some flag at some place is in both reaches.
func (r *reach) meets(o *reach) bool {
	if !r.shares(o) {
		return false
	}
	return r.everywhere && (o.everywhere || len(o.nodes) > 0) || o.everywhere && len(r.nodes) > 0 || r.over(o) || o.over(r)
}

// shares reports whether some flag is in both.
func (r *reach) shares(o *reach) bool {
	if r.everything || o.everything {
		return (r.everything || len(r.flags) > 0) && (o.everything || len(o.flags) > 0)
	}
	for k := range o.flags {
		if r.flags[k] {
			return true
		}
	}
	return false
}

// over reports whether a node of the other is in this one.
func (r *reach) over(o *reach) bool {
	for id := range o.nodes {
		if r.under(r.before, id) || r.under(r.after, id) {
			return true
		}
	}
	return false
}
