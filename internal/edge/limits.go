package edge

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// Limits say how much one caller may ask for, so that others need not wait. The
// zero value limits nothing.
type Limits struct {
	Principal Rate // of each user, client or API key
	Tenant    Rate // of all callers together that are bound to one node
	Anonymous Rate // of each address, for requests that nobody is known to make

	Running  int              // requests worked on at once
	Share    int              // of these, those of one node
	House    int              // of these, those of one integrator and its tenants together
	Patience time.Duration    // how long a request waits for its turn; 1 s if 0
	Now      func() time.Time // time.Now if nil
}

// ErrRateLimited: the caller, its tenant or its address asks too often.
var ErrRateLimited = &domain.Error{Kind: domain.Exhausted, Code: "rate-limited", Detail: "too many requests; Retry-After says when to try again"}

// refusedPrice is what a request with wrong credentials, or none, costs an
// address: guessing is slower than asking for what is public.
const refusedPrice = 5

// A turnstile holds everybody to the limits. One is shared by all requests.
type turnstile struct {
	principals *buckets[string]
	tenants    *buckets[domain.NodeID]
	strangers  *buckets[netip.Addr]
	hall       *hall
	now        func() time.Time
}

func newTurnstile(l Limits) *turnstile {
	if l.Now == nil {
		l.Now = time.Now
	}
	if l.Patience == 0 {
		l.Patience = time.Second
	}
	return &turnstile{
		newBuckets[string]("principal", l.Principal), newBuckets[domain.NodeID]("tenant", l.Tenant), newBuckets[netip.Addr]("anonymous", l.Anonymous),
		newHall(l), l.Now,
	}
}

// A toll is what one request has to do with the limits.
type toll struct {
	*turnstile
	stranger bucket   // of its address
	limited  bool     // whether there is such a bucket
	spent    bool     // it was empty
	untold   bool     // and the request was not told of it yet
	buckets  []bucket // of its caller, once that is known
	room     [2]bucket
	known    bool
	owed     int // tokens of stranger that are paid
	party    string
	house    string
	leave    func() // the hall; nil outside
	retry    int    // seconds until it is worth trying again
}

// approach looks whether an address has used up what strangers may do. Health is not
// for strangers to be kept from.
func (t *toll) approach(h http.Header, r *http.Request) {
	if t.stranger, t.limited = t.strangers.bucket(Block(sourceAddr(r))); !t.limited || outside(r) {
		t.limited = false
		return
	}
	now := t.now()
	if t.retry = t.stranger.lacks(now, 1); t.retry > 0 {
		t.limited, t.spent = false, true // it has paid already
	}
	if t.untold = r.Header.Get("Authorization") != "" || r.Header.Get("X-Api-Key") != ""; !t.untold || t.spent {
		t.strange(h)
	}
}

// strange tells what strangers may do to whoever has turned out to be one. Of those
// who come with credentials most are none, and are told of their own limits.
func (t *toll) strange(h http.Header) {
	if t.untold = false; t.limited || t.spent {
		t.tell(h, t.now(), t.stranger)
	}
}

// bill charges a caller that has been admitted.
func (t *toll) bill(h http.Header, c Caller) error {
	t.known, t.retry = true, 0
	who, tenant := c.Actor().ID, c.Tenant()
	t.buckets = t.room[:0]
	if b, ok := t.principals.bucket(who); ok {
		t.buckets = append(t.buckets, b)
	}
	if tenant != "" {
		if b, ok := t.tenants.bucket(tenant); ok {
			t.buckets = append(t.buckets, b)
		}
		who = string(tenant)
	}
	t.party, t.house = who, cmp.Or(string(c.Integrator()), who)
	return t.pay(h, 1)
}

// pay spends n tokens of every bucket of the caller, or none and ErrRateLimited.
func (t *toll) pay(h http.Header, n int) error {
	now := t.now()
	defer t.tell(h, now, t.buckets...)
	if len(t.buckets) > 1 { // the only one takes nothing where it lacks something
		for _, b := range t.buckets {
			if t.retry = b.lacks(now, n); t.retry > 0 {
				return ErrRateLimited
			}
		}
	}
	for _, b := range t.buckets {
		if !b.take(now, n) { // or somebody else was faster
			t.retry = max(1, b.lacks(now, n))
			return ErrRateLimited
		}
	}
	return nil
}

// owe charges the address with n tokens altogether.
func (t *toll) owe(n int) {
	if t.limited && n > t.owed {
		t.stranger.owe(t.now(), n-t.owed)
		t.owed = n
	}
}

// Enter finds room for the work of the caller of a request, or fails with
// ErrOverloaded. It is for when all of the request has arrived, and its room is left
// before the answer is written: who sends or takes slowly must not keep others out.
// A part of what has entered already, such as an entry that a document asks for,
// needs no room of its own.
func Enter(ctx context.Context) (leave func(), err error) {
	t := &visitOf(ctx).toll
	if !t.known || t.leave != nil {
		return func() {}, nil
	}
	out, err := t.hall.enter(ctx, t.party, t.house)
	if err != nil {
		return nil, err
	}
	t.leave = out
	return t.exit, nil
}

// exit gives the room back, once.
func (t *toll) exit() {
	if leave := t.leave; leave != nil {
		t.leave = nil
		leave()
	}
}

// end gives room back that a panic has not left, and bills a stranger.
func (t *toll) end() {
	if !t.known {
		t.owe(1)
	}
	t.exit()
}

// tell writes the header fields of draft-ietf-httpapi-ratelimit-headers-10.
func (t *toll) tell(h http.Header, now time.Time, buckets ...bucket) {
	if len(buckets) == 0 { // and what a stranger would be told is not for the caller
		h.Del("RateLimit-Policy")
		h.Del("RateLimit")
		return
	}
	policy, state := buckets[0].policy, buckets[0].state(now)
	for _, b := range buckets[1:] {
		policy, state = policy+", "+b.policy, state+", "+b.state(now)
	}
	fields := []string{policy, state}
	h["Ratelimit-Policy"], h["Ratelimit"] = fields[:1:1], fields[1:] // as Set spells them
}

// Charge bills the caller of a request that asks for more than one thing with n
// tokens more. The error is ErrRateLimited.
func Charge(r *http.Request, n int) error {
	v := visitOf(r.Context())
	if n <= 0 || !v.toll.known {
		return nil
	}
	return v.toll.pay(v.header, n)
}

// Suspect bills the address of a request whose credentials were wrong, for
// surfaces that do not leave that to the [Guard] (see [Options].Proving). It tells how
// long whoever does not prove itself must wait if the address had used up before what
// strangers may do; 0 if it had not.
func Suspect(r *http.Request) (wait time.Duration) {
	v := visitOf(r.Context())
	t := &v.toll
	if t.untold {
		t.strange(v.header)
	}
	t.owe(refusedPrice)
	if t.spent {
		wait = time.Duration(t.retry) * time.Second
	}
	return wait
}

// Block is what an address is limited as: of IPv6, a subscriber has a whole /64
// (RFC 6177).
func Block(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if !a.Is6() {
		return a
	}
	p, _ := a.WithZone("").Prefix(64) // fails for no address
	return p.Addr()
}
