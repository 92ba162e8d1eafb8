package auth

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/reeve-platform/reeve/internal/edge"
)

// A throttle slows down whoever tries secrets. Only failures count, and only failures
// are refused: who knows the secret never notices, whoever else tries at that place. A
// secret is too long to be guessed at any speed; what is slowed down is the noise. They are counted for each client at each place, so
// that nobody can lock a client out from elsewhere, and for each place alone.
type throttle struct {
	mu       sync.Mutex
	failures *lru.Cache[string, *rate.Limiter]
}

const (
	watched     = 64 << 10 // clients and places
	clientBurst = 10
	clientEvery = 10 * time.Second
	placeBurst  = 100
	placeEvery  = time.Second
)

func newThrottle() *throttle {
	failures, _ := lru.New[string, *rate.Limiter](watched)
	return &throttle{failures: failures}
}

// wait is for how long nobody at the place may try this client; 0 for not at all.
func (t *throttle) wait(client, place string, now time.Time) time.Duration {
	longest := time.Duration(0)
	for _, l := range t.limiters(client, place) {
		if tokens := l.TokensAt(now); tokens < 1 {
			longest = max(longest, time.Duration((1-tokens)/float64(l.Limit())*float64(time.Second)))
		}
	}
	return longest
}

// failed notes that a secret was wrong.
func (t *throttle) failed(client, place string, now time.Time) {
	for _, l := range t.limiters(client, place) {
		l.AllowN(now, 1)
	}
}

func (t *throttle) limiters(client, place string) [2]*rate.Limiter {
	t.mu.Lock()
	defer t.mu.Unlock()
	return [2]*rate.Limiter{
		t.limiter(client+"\x00"+place, clientEvery, clientBurst),
		t.limiter("\x00"+place, placeEvery, placeBurst),
	}
}

func (t *throttle) limiter(key string, every time.Duration, burst int) *rate.Limiter {
	l, ok := t.failures.Get(key)
	if !ok {
		l = rate.NewLimiter(rate.Every(every), burst)
		t.failures.Add(key, l)
	}
	return l
}

// placeOf is where a request comes from, without its port, and of IPv6 the network
// only: one guesser has a whole /64 of addresses. Whoever stands behind a proxy sets
// RemoteAddr before.
func placeOf(r *http.Request) string {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return edge.Block(from.Addr()).String()
}
