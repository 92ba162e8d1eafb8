package logserver

import (
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A place that fails failuresAtOnce times is not compared any more; one more
// attempt comes back each failureForgotten.
const (
	failuresAtOnce   = 10
	failureForgotten = time.Second
	placesHeld       = 4096
)

// failures count wrong credentials by where they came from. Callers whose
// credentials are already verified never come here, so nobody can lock out a
// client at work.
type failures struct {
	mu     sync.Mutex
	places *simplelru.LRU[string, *attempts]
	now    func() time.Time
}

// attempts fill up by one each failureForgotten, to failuresAtOnce.
type attempts struct {
	left float64
	at   time.Time
}

func newFailures() *failures {
	places, err := simplelru.NewLRU[string, *attempts](placesHeld, nil)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &failures{places: places, now: time.Now}
}

// admit takes an attempt, which counts as failed until it is forgiven.
func (f *failures) admit(from string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	a, ok := f.places.Get(from)
	if !ok {
		a = &attempts{left: failuresAtOnce, at: now}
		f.places.Add(from, a)
	}
	a.left = min(failuresAtOnce, a.left+now.Sub(a.at).Seconds()/failureForgotten.Seconds())
	a.at = now
	if a.left < 1 {
		return false
	}
	a.left--
	return true
}

func (f *failures) forgive(from string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a, ok := f.places.Get(from); ok {
		a.left = min(failuresAtOnce, a.left+1)
	}
}

// placeOf is the address of a connection, or its network for IPv6, where one
// caller has as many addresses as it likes.
func placeOf(address string) string {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return address
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is4() || ip.IsLoopback() {
		return ip.String()
	}
	network, _ := ip.Prefix(64)
	return network.String()
}
