package readapi

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/reeve-platform/reeve/domain"
)

const (
	keptBytes   = 8 << 20 // of answers that are kept altogether
	longestKept = 1 << 10 // bytes of a context beyond which no answer to it is kept: keys are memory, too
)

// A bulkAnswer is the answer about all flags to one context.
type bulkAnswer struct {
	body []byte
	tag  string

	node     domain.NodeID // of which it is true
	user     domain.UserID
	version  uint64    // of what is said there; see [flag.View.Version]
	position uint64    // up to which nothing else is said there
	from, to time.Time // between which it is true if nothing else is said; to is never zero
}

// answers are those that clients who ask again and again are given, for as long as
// nothing happens that they could depend on: no client is told what was true before.
// Those not asked for longest make room for others.
type answers struct {
	mu    sync.Mutex
	kept  *simplelru.LRU[string, *bulkAnswer]
	size  int
	usual atomic.Int64 // bytes of an answer, for the next to begin with
}

func newAnswers() *answers {
	k := &answers{}
	k.kept, _ = simplelru.NewLRU(keptBytes>>10, func(key string, b *bulkAnswer) { k.size -= len(key) + cap(b.body) }) // fails for sizes below 1 only
	return k
}

// keyOf is what an answer is kept by: everything but the log and the time that it
// depends on; "" for what is not worth keeping.
func keyOf(a *asking) string {
	if len(a.canonical) > longestKept {
		return ""
	}
	return string(a.canonical) + "\x00" + strings.Join(a.scope.Paths, " ") + "\x00" + a.scope.Actor.ID
}

// find is the answer to what is asked, nil if there is none that is still true, and
// whether the same was asked before.
func (k *answers) find(key string, a *asking) (b *bulkAnswer, again bool) {
	k.mu.Lock()
	b, again = k.kept.Get(key)
	k.mu.Unlock()
	switch {
	case !again || b.body == nil || b.node != a.view.Node() || b.user != a.User || a.at.Before(b.from) || !a.at.Before(b.to):
		return nil, again
	case b.position == a.view.Position():
		return b, true
	}
	if version, _ := a.view.Version(a.at); version != b.version {
		return nil, true
	}
	next := *b
	next.position = a.view.Position()
	k.keep(key, &next)
	return &next, true
}

// remember keeps an answer until something that is said begins or ceases to count, or
// the ticket in it is replaced. Of what is asked for the first time only that it was is
// kept: most of those who ask once do not come back.
func (k *answers) remember(key string, a *asking, b *bulkAnswer, again bool) {
	k.usual.Store(int64(len(b.body) + len(b.body)/8))
	switch {
	case key == "":
	case !again:
		k.keep(key, &bulkAnswer{})
	default:
		b.user, b.position, b.from, b.to = a.User, a.view.Position(), a.at, turn(a.at)
		version, next := a.view.Version(a.at)
		if b.version = version; !next.IsZero() && next.Before(b.to) {
			b.to = next
		}
		k.keep(key, b)
	}
}

func (k *answers) keep(key string, b *bulkAnswer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept.Remove(key)
	k.size += len(key) + cap(b.body)
	k.kept.Add(key, b)
	for k.size > keptBytes {
		k.kept.RemoveOldest()
	}
}
