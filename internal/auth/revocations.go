package auth

import (
	"container/heap"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// mostRevoked is how many tokens that could still be used a client may take back at
// once. Each is remembered by everybody until it has expired; a client that has lost
// more had better be disabled.
const mostRevoked = 4096

type (
	// A revocation is a token that was taken back.
	revocation struct {
		client domain.ClientID
		jti    string
	}

	// Revocations are those that still matter.
	revocations struct {
		until map[revocation]time.Time
		of    map[domain.ClientID]int // how many there are
		queue expiries
	}

	// An expiry is when a revocation may be forgotten.
	expiry struct {
		revocation
		at time.Time
	}

	// Expiries are a heap, the next one first.
	expiries []expiry
)

func newRevocations() revocations {
	return revocations{until: map[revocation]time.Time{}, of: map[domain.ClientID]int{}}
}

// add remembers a revocation for as long as the token could be believed.
func (r *revocations) add(of revocation, expires time.Time) {
	before, known := r.until[of]
	if known && !expires.After(before) {
		return
	}
	if !known {
		r.of[of.client]++
	}
	r.until[of] = expires
	heap.Push(&r.queue, expiry{of, expires})
}

// forget drops what nobody would believe any more.
func (r *revocations) forget(now time.Time) {
	for len(r.queue) > 0 && r.queue[0].at.Add(2*leeway).Before(now) {
		next := heap.Pop(&r.queue).(expiry)
		if !r.until[next.revocation].Equal(next.at) { // it was said again, of a later instant
			continue
		}
		delete(r.until, next.revocation)
		if r.of[next.client]--; r.of[next.client] == 0 {
			delete(r.of, next.client)
		}
	}
}

// Len is how many wait to be forgotten.
func (e expiries) Len() int { return len(e) }

// Less puts the one that may be forgotten first in front.
func (e expiries) Less(i, j int) bool { return e[i].at.Before(e[j].at) }

// Swap swaps two.
func (e expiries) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

// Push adds one at the end.
func (e *expiries) Push(x any) { *e = append(*e, x.(expiry)) }

// Pop takes the last away.
func (e *expiries) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	*e = (*e)[:last]
	return x
}
