package share

import "container/list"

// A ledger knows which places of a stream are unsettled.
//
// Invariant: unsettled is in rising order, so its front is the lowest, and it
// is as long as what is under way, however long the lowest stays there.
type ledger struct {
	seen      int64
	unsettled *list.List
	at        map[int64]*list.Element
}

func newLedger(settled int64) ledger {
	return ledger{seen: settled, unsettled: list.New(), at: map[int64]*list.Element{}}
}

func (l *ledger) open(place int64) {
	l.seen = place
	l.at[place] = l.unsettled.PushBack(place)
}

func (l *ledger) pass(place int64) { l.seen = max(l.seen, place) }

func (l *ledger) close(place int64) {
	if e := l.at[place]; e != nil {
		l.unsettled.Remove(e)
		delete(l.at, place)
	}
}

func (l *ledger) busy() bool { return l.unsettled.Len() > 0 }

// settled is the place up to which nothing is missing.
func (l *ledger) settled() int64 {
	if front := l.unsettled.Front(); front != nil {
		return front.Value.(int64) - 1
	}
	return l.seen
}
