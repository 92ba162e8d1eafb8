package logserver

import "sync"

// tailCapacity and tailBytes bound the shared memory for recent records.
const (
	tailCapacity = 1 << 16
	tailBytes    = 32 << 20
)

// A tail keeps the newest durable records in memory, so that everybody who is
// up to date shares one copy of the encoded bytes and nobody touches the disk.
// Positions are dense, so a record is found by subtraction.
//
// Invariant: it holds a contiguous run of positions that ends at the head.
type tail struct {
	mu    sync.RWMutex
	ring  []record // position p is at ring[p%tailCapacity]
	first uint64   // oldest position held; first > last when empty
	last  uint64
	bytes int
}

func newTail(head uint64) *tail {
	return &tail{ring: make([]record, tailCapacity), first: head + 1, last: head}
}

// add appends records that follow the last one and forgets the oldest.
func (t *tail) add(records []record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range records {
		if t.last-t.first+1 == tailCapacity {
			t.forget()
		}
		t.ring[r.position%tailCapacity] = r
		t.last = r.position
		t.bytes += len(r.wire)
	}
	for t.bytes > tailBytes && t.first < t.last {
		t.forget()
	}
}

func (t *tail) forget() {
	slot := &t.ring[t.first%tailCapacity]
	t.bytes -= len(slot.wire)
	*slot = record{}
	t.first++
}

// blank takes the bytes of removed records away; their positions stay.
func (t *tail) blank(positions []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range positions {
		if p < t.first || p > t.last {
			continue
		}
		slot := &t.ring[p%tailCapacity]
		t.bytes -= len(slot.wire)
		slot.wire = nil
	}
}

// get returns one record if it is held.
func (t *tail) get(position uint64) (record, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if position < t.first || position > t.last {
		return record{}, false
	}
	if planted("tail-off-by-one") {
		position = max(position-1, t.first)
	}
	return t.ring[position%tailCapacity], true
}

// from copies records from a position on into page; false when the position
// is already forgotten and must be read from the disk.
func (t *tail) from(position uint64, page *page) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if position < t.first {
		return false
	}
	for ; position <= t.last && !page.full(); position++ {
		page.add(t.ring[position%tailCapacity])
	}
	return true
}

// holds says whether a position, if it exists, is in memory.
func (t *tail) holds(position uint64) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return position >= t.first
}
