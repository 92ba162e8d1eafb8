package auth

import (
	"net"
	"net/http"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
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

// placeOf is where a request comes from, without its port. Whoever stands behind
// a proxy sets RemoteAddr before.
func placeOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// A replayGuard remembers which assertions were used, until they expire. Each
// process remembers its own.
type replayGuard struct {
	mu   sync.Mutex
	used map[string]time.Time
}

// mostReplays is how many assertions are remembered at once.
const mostReplays = 100_000

// first reports whether an assertion is used for the first time. When there are
// more than can be remembered, none is.
func (g *replayGuard) first(id string, expires, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.used == nil {
		g.used = map[string]time.Time{}
	}
	if until, used := g.used[id]; used && now.Before(until) {
		return false
	}
	if len(g.used) >= mostReplays {
		for k, until := range g.used {
			if !now.Before(until) {
				delete(g.used, k)
			}
		}
	}
	if len(g.used) >= mostReplays {
		return false
	}
	g.used[id] = expires
	return true
}
