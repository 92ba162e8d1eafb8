package edge

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// ErrOverloaded: too much is under way, of the caller's tenant or altogether.
var ErrOverloaded = &domain.Error{Kind: domain.Unavailable, Code: "overloaded", Detail: "too many requests are under way; try again in a moment"}

// A hall has room for so many at once, for so many of one party, and for so many
// of the parties of one house. Who finds no room waits a little. Room that becomes
// free goes to the house that has the least of it, and in it to the party that has
// the least, so a crowd delays itself and nobody else.
type hall struct {
	room, share, whole int // 0 for any number
	patience           time.Duration

	mu      sync.Mutex
	inside  int
	waiting int
	tickets uint64
	parties map[string]*party
	houses  map[string]*house
}

// A party is everybody of one tenant, as long as anybody of it is here.
type party struct {
	name   string
	house  *house
	inside int
	queue  []waiter // in the order of their tickets
}

// A house is everybody of one integrator and of all its tenants, as long as any
// party of it is here.
type house struct {
	name            string
	inside, parties int
}

// A waiter is told its turn by closing the channel.
type waiter struct {
	ticket uint64
	turn   chan struct{}
}

// newHall gives nil where there is room for everybody.
func newHall(l Limits) *hall {
	if l.Running == 0 && l.Share == 0 && l.House == 0 {
		return nil
	}
	return &hall{room: l.Running, share: l.Share, whole: l.House, patience: l.Patience, parties: map[string]*party{}, houses: map[string]*house{}}
}

// enter finds room for one of a party of a house, or gives up with ErrOverloaded.
// Whoever has entered must leave.
func (h *hall) enter(ctx context.Context, name, of string) (leave func(), err error) {
	if h == nil {
		return func() {}, nil
	}
	h.mu.Lock()
	p := h.party(name, of)
	if len(p.queue) == 0 && h.fits(p) {
		h.admit(p)
		h.mu.Unlock()
		return func() { h.leave(p) }, nil
	}
	if len(p.queue) >= h.most() {
		h.mu.Unlock()
		return nil, ErrOverloaded
	}
	w := h.wait(p)
	h.mu.Unlock()
	if !h.called(ctx, p, w) {
		return nil, ErrOverloaded
	}
	return func() { h.leave(p) }, nil
}

// most is how many of one party may wait: as many as may be inside.
func (h *hall) most() int {
	return cmp.Or(h.share, h.whole, h.room)
}

func (h *hall) wait(p *party) waiter {
	h.tickets++
	w := waiter{h.tickets, make(chan struct{})}
	p.queue = append(p.queue, w)
	h.waiting++
	return w
}

// called reports whether the turn of w came in time.
func (h *hall) called(ctx context.Context, p *party, w waiter) bool {
	timer := time.NewTimer(h.patience)
	defer timer.Stop()
	select {
	case <-w.turn:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	at := slices.IndexFunc(p.queue, func(q waiter) bool { return q.ticket == w.ticket })
	if at < 0 {
		return true // called at the last moment
	}
	p.queue = slices.Delete(p.queue, at, at+1)
	h.waiting--
	h.forget(p)
	return false
}

// party stays of the house that it came from until all of it have left.
func (h *hall) party(name, of string) *party {
	if p := h.parties[name]; p != nil {
		return p
	}
	at := h.houses[of]
	if at == nil {
		at = &house{name: of}
		h.houses[of] = at
	}
	at.parties++
	p := &party{name: name, house: at}
	h.parties[name] = p
	return p
}

func (h *hall) fits(p *party) bool {
	return (h.room == 0 || h.inside < h.room) && (h.share == 0 || p.inside < h.share) && (h.whole == 0 || p.house.inside < h.whole)
}

func (h *hall) admit(p *party) {
	h.inside++
	p.inside++
	p.house.inside++
}

func (h *hall) leave(p *party) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inside--
	p.inside--
	p.house.inside--
	for next := h.next(); next != nil; next = h.next() {
		w := next.queue[0]
		next.queue = next.queue[1:]
		h.waiting--
		h.admit(next)
		close(w.turn)
	}
	h.forget(p)
}

// next is the party whose turn it is: of the house with the fewest inside the one
// with the fewest, and of those the one that has waited longest. It is nil if nobody
// can be let in.
func (h *hall) next() (best *party) {
	if h.waiting == 0 {
		return nil
	}
	for _, p := range h.parties {
		if len(p.queue) > 0 && h.fits(p) && (best == nil || p.before(best)) {
			best = p
		}
	}
	return best
}

func (p *party) before(other *party) bool {
	return cmp.Or(cmp.Compare(p.house.inside, other.house.inside), cmp.Compare(p.inside, other.inside),
		cmp.Compare(p.queue[0].ticket, other.queue[0].ticket)) < 0
}

// forget drops a party of which nobody is left, so that memory is bounded by
// what is under way.
func (h *hall) forget(p *party) {
	if p.inside > 0 || len(p.queue) > 0 {
		return
	}
	delete(h.parties, p.name)
	if p.house.parties--; p.house.parties == 0 {
		delete(h.houses, p.house.name)
	}
}
