package access

import "hash/maphash"

// A trie is a map that stays as it is when something is added: what comes of that
// is another trie, which shares all but a few small nodes with the first. Whoever
// holds one may read it for as long as it likes while others are made. The nil
// trie is empty. It is a hash trie as of Bagwell ("Ideal Hash Trees", 2001),
// with small buckets in place of bitmaps.
type trie[V any] struct {
	below  *[fan]*trie[V] // nil if this is a bucket
	bucket []entry[V]
}

type entry[V any] struct {
	hash  uint64
	key   string
	value V
}

const (
	fan       = 32
	fanBits   = 5
	bucketMax = 8  // entries, unless all bits of their hashes are used up
	depthMax  = 12 // levels that the 64 bits of a hash are good for
)

// seed keeps whoever chooses ids from choosing them into one bucket.
var seed = maphash.MakeSeed()

// get finds the value of a key.
func (t *trie[V]) get(key string) (v V, ok bool) {
	hash := maphash.String(seed, key)
	for rest := hash; t != nil; rest >>= fanBits {
		if t.below == nil {
			return t.among(hash, key)
		}
		t = t.below[rest%fan]
	}
	return v, false
}

func (t *trie[V]) among(hash uint64, key string) (v V, ok bool) {
	for i := range t.bucket {
		if e := &t.bucket[i]; e.hash == hash && e.key == key {
			return e.value, true
		}
	}
	return v, false
}

// set is the trie with a value at a key.
func (t *trie[V]) set(key string, v V) *trie[V] {
	return t.put(entry[V]{maphash.String(seed, key), key, v}, 0)
}

func (t *trie[V]) put(e entry[V], depth int) *trie[V] {
	if t == nil {
		return &trie[V]{bucket: []entry[V]{e}}
	}
	if t.below != nil {
		below := *t.below
		c := &trie[V]{below: &below}
		at := &c.below[e.hash>>(fanBits*depth)%fan]
		*at = (*at).put(e, depth+1)
		return c
	}
	bucket := make([]entry[V], 0, len(t.bucket)+1)
	for _, old := range t.bucket {
		if old.hash != e.hash || old.key != e.key {
			bucket = append(bucket, old)
		}
	}
	bucket = append(bucket, e)
	if len(bucket) <= bucketMax || depth == depthMax {
		return &trie[V]{bucket: bucket}
	}
	return split(bucket, depth)
}

// split makes a fan of a bucket that has grown too large. It is new, and so may
// be filled in place.
func split[V any](bucket []entry[V], depth int) *trie[V] {
	c := &trie[V]{below: new([fan]*trie[V])}
	for _, e := range bucket {
		at := &c.below[e.hash>>(fanBits*depth)%fan]
		*at = (*at).put(e, depth+1)
	}
	return c
}
