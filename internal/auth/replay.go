package auth

import (
	"maps"
	"sync"
	"time"
)

// A replayGuard remembers which assertions of which client were used, until they
// expire. Each process remembers its own. What is remembered of one client is
// bounded and forgotten by time alone, so that no client makes room, or leaves none,
// for an assertion of another. How many clients there are is for those to say who may
// register them.
type replayGuard struct {
	mu    sync.Mutex
	used  map[string]spent // by client
	swept time.Time
}

// spent is when each used assertion of a client expires.
type spent map[string]time.Time

const (
	// mostReplays is how many assertions of one client are remembered at once: at
	// five minutes each, that is twelve new tokens a second.
	mostReplays = 4096
	// sweepReplays is how often what has expired is forgotten.
	sweepReplays = time.Minute
)

// first reports whether an assertion of a client is used for the first time. When
// there are more of that client than can be remembered, none is.
func (g *replayGuard) first(client, jti string, expires, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.used == nil {
		g.used = map[string]spent{}
	}
	g.sweep(now)
	mine := g.used[client]
	if until, used := mine[jti]; used && now.Before(until) {
		return false
	}
	if len(mine) >= mostReplays {
		mine.forget(now)
	}
	if len(mine) >= mostReplays {
		return false
	}
	if mine == nil {
		mine = spent{}
		g.used[client] = mine
	}
	mine[jti] = expires
	return true
}

// sweep forgets clients that have nothing to be remembered any more, now and then.
func (g *replayGuard) sweep(now time.Time) {
	if now.Sub(g.swept) < sweepReplays {
		return
	}
	g.swept = now
	for client, s := range g.used {
		if s.forget(now); len(s) == 0 {
			delete(g.used, client)
		}
	}
}

func (s spent) forget(now time.Time) {
	maps.DeleteFunc(s, func(_ string, until time.Time) bool { return !now.Before(until) })
}
