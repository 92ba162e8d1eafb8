package projections

import (
	"context"
	"iter"

	"github.com/reeve-platform/reeve/domain"
)

// A Log is what projections need from the event log.
type Log interface {
	// Pages yields the log after position from, in order and without gaps: each
	// page begins where the one before ended and holds at most max events. At
	// the end it may wait for more or return; it yields an error and returns
	// when it cannot go on. Whatever Head reported is reached, by a page without
	// events if need be.
	Pages(ctx context.Context, from uint64, max int) iter.Seq2[domain.Page, error]
	// Head is the position of the newest event, 0 for an empty log.
	Head(ctx context.Context) (uint64, error)
}

// until cuts a page at a position.
func until(p domain.Page, last uint64) domain.Page {
	if p.To <= last {
		return p
	}
	n := len(p.Events)
	for n > 0 && p.Events[n-1].Position > last {
		n--
	}
	return domain.Page{From: p.From, To: last, Events: p.Events[:n]}
}

// after cuts off what lies at a position or before it.
func after(p domain.Page, position uint64) domain.Page {
	if p.From >= position {
		return p
	}
	n := 0
	for n < len(p.Events) && p.Events[n].Position <= position {
		n++
	}
	return domain.Page{From: position, To: max(p.To, position), Events: p.Events[n:]}
}
