package logserver

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Bounds of the sequencer; of groupWorth bytes on, a group is worth a sync of its own.
// States must hold more streams than one group can
// touch, because a staged write is not yet in the store; for the same reason
// groupEvents must not exceed recentGeneration.
const (
	queueLength    = 1024
	groupWrites    = 1024
	groupEvents    = 1 << 14
	groupBytes     = 4 << 20
	groupsUnsynced = 6
	groupWorth     = 256 << 10
	statesHeld     = 1 << 16
)

// A sequencer is the one place where writes get their order. A single
// goroutine judges whatever is queued, gives positions, and hands the batch to
// the engine; a second one waits for the sync and answers. So the next group is
// built while the last one reaches the disk. A small one is not handed over before:
// it would not be durable any sooner, and whoever comes meanwhile would need another.
//
// Invariant: positions are dense and strictly increasing, creation times never
// decrease, and no write, refused ones included, is answered before everything
// it was judged against is durable.
type sequencer struct {
	store  *store
	recent *recent
	states *simplelru.LRU[string, streamState]
	bell   *bell
	fault  *fault
	count  *counters
	full   func() bool // true while the disk has no room for appends

	queue    chan *write
	unsynced chan *group
	under    atomic.Int32  // groups handed over and not synced
	news     chan struct{} // holds one when under may have become less, or a large write waits
	position uint64        // last one given
	created  int64         // last one given, in ticks
	drained  chan struct{}
}

// A group is what one batch of the engine carries.
type group struct {
	batch    *pebble.Batch
	records  []record
	names    []name // of the records
	bytes    int
	writes   []*write
	outcomes []outcome
	begun    time.Time
}

func newStates() *simplelru.LRU[string, streamState] {
	states, err := simplelru.NewLRU[string, streamState](statesHeld, nil)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return states
}

// run judges writes until the queue is closed.
func (q *sequencer) run() {
	defer close(q.unsynced)
	for w := range q.queue {
		g := &group{batch: q.store.db.NewBatch()}
		if err := q.build(g, w); err != nil {
			q.fault.trip(err)
			return
		}
		if err := q.apply(g); err != nil {
			q.fault.trip(err)
			return
		}
		q.under.Add(1)
		q.unsynced <- g
	}
}

// build stages a write and what else there is until it is worth a sync.
func (q *sequencer) build(g *group, w *write) error {
	if err := q.stage(g, w); err != nil {
		return err
	}
	if err := q.fill(g); err != nil {
		return err
	}
	for q.under.Load() > 0 && !g.full() && g.bytes < groupWorth {
		select {
		case <-q.news:
		case <-q.fault.tripped:
			return q.fault.err()
		}
		if err := q.fill(g); err != nil {
			return err
		}
	}
	return nil
}

// fill stages what is waiting, and calls that are nearly here, which are let in as
// long as there are some: half the syncs.
func (q *sequencer) fill(g *group) error {
	for before := -1; before < len(g.writes); {
		before = len(g.writes)
		runtime.Gosched()
		if err := q.take(g); err != nil {
			return err
		}
	}
	return nil
}

func (q *sequencer) take(g *group) error {
	for !g.full() {
		select {
		case w, open := <-q.queue:
			if !open {
				return nil
			}
			if err := q.stage(g, w); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// full is true for a group that takes no more.
func (g *group) full() bool {
	return len(g.writes) >= groupWrites || len(g.records) >= groupEvents || g.bytes >= groupBytes
}

// stage judges one write and puts what it brings into the group.
func (q *sequencer) stage(g *group, w *write) error {
	s, err := q.state(w.stream)
	if err != nil {
		return err
	}
	o, fresh, err := q.judge(w, s)
	if err != nil {
		return err
	}
	if fresh && q.full() && !planted("full-disk-accepted") {
		o, fresh = outcome{err: errDiskFull}, false
	}
	if fresh {
		if o, err = q.perform(g, w, s); err != nil {
			return err
		}
	}
	g.writes, g.outcomes = append(g.writes, w), append(g.outcomes, o)
	return nil
}

func (q *sequencer) apply(g *group) error {
	if len(g.records) == 0 {
		return nil
	}
	g.begun = time.Now()
	for i, n := range g.names { // the engine is faster with neighbours together
		if err := putName(g.batch, n, g.records[i].position); err != nil {
			return err
		}
	}
	point("before-apply")
	defer point("after-apply")
	return q.store.db.ApplyNoSyncWait(g.batch, pebble.Sync)
}

// settle waits for the syncs and answers, in order.
func (q *sequencer) settle() {
	defer close(q.drained)
	for g := range q.unsynced {
		if planted("answer-before-sync") {
			q.answer(g)
		}
		if err := q.durable(g); err != nil {
			q.fault.trip(err)
			return
		}
		q.passed()
		if q.fault.err() != nil { // the mark has one as well: nothing is acknowledged after it
			return
		}
		point("before-answer")
		q.answer(g)
		point("after-answer")
	}
}

// passed tells who builds the next group that this one is synced.
func (q *sequencer) passed() {
	q.under.Add(-1)
	q.wake()
}

// wake has who builds the next group look again whether it should be handed over.
func (q *sequencer) wake() {
	select {
	case q.news <- struct{}{}:
	default: // the last has not been heard yet
	}
}

func (q *sequencer) answer(g *group) {
	for i, w := range g.writes {
		w.answer <- g.outcomes[i]
	}
	g.writes = nil
}

// durable waits until a group is synced and shows it to the readers.
func (q *sequencer) durable(g *group) error {
	if len(g.records) == 0 {
		return g.batch.Close()
	}
	if planted("publish-before-sync") {
		q.store.publish(g.records)
	}
	if err := g.batch.SyncWait(); err != nil {
		return err
	}
	point("after-sync")
	q.count.synced(g, time.Since(g.begun))
	q.store.publish(g.records)
	if !planted("bell-not-rung") {
		q.bell.ring(g.records)
	}
	return g.batch.Close()
}

// submit queues a write and waits for its outcome. After an error from the
// context or the storage it is unknown whether the write happened.
func (q *sequencer) submit(ctx context.Context, w *write) (outcome, error) {
	if err := q.enqueue(ctx, w); err != nil {
		return outcome{}, err
	}
	return q.await(ctx, w)
}

// enqueue takes a write into the order. After an error it was not taken.
func (q *sequencer) enqueue(ctx context.Context, w *write) error {
	w.answer = make(chan outcome, 1)
	select { // alone it costs less than among others
	case q.queue <- w:
	default:
		select {
		case q.queue <- w:
		case <-ctx.Done():
			return ctx.Err()
		case <-q.fault.tripped:
			return ErrStorage
		}
	}
	if w.bytes() >= groupWorth {
		q.wake()
	}
	return nil
}

// await waits for the outcome of a write in the queue.
func (q *sequencer) await(ctx context.Context, w *write) (outcome, error) {
	select {
	case o := <-w.answer:
		return o, nil
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	case <-q.fault.tripped:
		return outcome{}, ErrStorage
	}
}
