package edge

import (
	"math"
	"strconv"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// keptBuckets bounds the memory of each kind of limit to a few MiB. Who has not
// been seen for longer than so many others has a full bucket anyway, or shares
// the machine with a flood that no bucket stops.
const keptBuckets = 1 << 14

// Buckets are token buckets of one kind, one for each key.
type buckets[K comparable] struct {
	rate   Rate
	policy string // for RateLimit-Policy
	name   string // as RateLimit quotes it
	kept   *lru.Cache[K, *rate.Limiter]
}

// newBuckets gives nil where there is no limit.
func newBuckets[K comparable](name string, r Rate) *buckets[K] {
	if r.off() {
		return nil
	}
	kept, _ := lru.New[K, *rate.Limiter](keptBuckets) // fails for sizes below 1 only
	quoted := strconv.Quote(name)
	policy := quoted + ";q=" + strconv.Itoa(r.Burst) + ";w=" + strconv.Itoa(max(1, r.seconds(float64(r.Burst))))
	return &buckets[K]{r, policy, quoted, kept}
}

// bucket is that of a key, full if the key has not been seen of late. Without a
// limit there is none.
func (b *buckets[K]) bucket(key K) (bucket, bool) {
	if b == nil {
		return bucket{}, false
	}
	l, ok := b.kept.Get(key)
	if !ok {
		l = rate.NewLimiter(rate.Limit(b.rate.PerSecond), b.rate.Burst)
		if before, found, _ := b.kept.PeekOrAdd(key, l); found {
			l = before
		}
	}
	return bucket{b.rate, b.policy, b.name, l}, true
}

// A bucket holds as many tokens as may be spent at once, and fills steadily.
type bucket struct {
	rate         Rate
	policy, name string
	limiter      *rate.Limiter
}

// lacks is how many seconds it takes until n tokens are there, 0 if they are.
// What costs more than the bucket can hold costs all of it.
func (b bucket) lacks(now time.Time, n int) int {
	return b.rate.seconds(float64(min(n, b.rate.Burst)) - b.limiter.TokensAt(now))
}

// take spends n tokens, and reports whether they were there.
func (b bucket) take(now time.Time, n int) bool { return b.limiter.AllowN(now, min(n, b.rate.Burst)) }

// owe spends n tokens that need not be there yet.
func (b bucket) owe(now time.Time, n int) { b.limiter.ReserveN(now, min(n, b.rate.Burst)) }

// state is what is left, and in how many seconds the bucket is full again.
func (b bucket) state(now time.Time) string {
	left := b.limiter.TokensAt(now)
	whole := int(math.Max(0, math.Floor(left)))
	return b.name + ";r=" + strconv.Itoa(whole) + ";t=" + strconv.Itoa(b.rate.seconds(float64(b.rate.Burst)-left))
}
