package logserver

import (
	"sync/atomic"
	"time"
)

// Stats is a snapshot of what the server has done since it was opened.
type Stats struct {
	Appends     uint64        // calls answered with success after a sync, repetitions included
	Refused     uint64        // calls answered with a refusal
	Events      uint64        // events written
	Batches     uint64        // batches synced
	LastSync    time.Duration // from handing the last batch over to its sync
	BatchEvents Histogram     // events in a batch
	SyncSeconds Histogram     // from handing a batch over to its sync
	Head        uint64        // position of the last durable event
	Mark        uint64        // position the durable mark vouches for
	Subscribers int64         // subscriptions open now
	Behind      uint64        // positions between the head and the subscriber that is farthest from it
	Reads       uint64        // counted reads answered
	Sent        uint64        // events sent to readers and subscribers
	DiskFull    bool          // appends are refused for want of space
	DiskFree    uint64        // bytes, as of the last look
	Recovered   uint64        // events found above the mark when the log was opened; 0 after a clean stop
	Scavenged   uint64        // events removed by compactions
}

// counters are the live numbers behind Stats.
type counters struct {
	appends, refused, events, batches atomic.Uint64
	lastSync, subscribers             atomic.Int64
	reads, sent, marked               atomic.Uint64
	full                              atomic.Bool
	free, recovered, scavenged        atomic.Uint64
	room, filled                      atomic.Uint64 // bytes, as of and since the last look at the disk
	batchEvents                       tally
	syncSeconds                       tally
	audience                          audience
}

// looked notes how much space there is. A batch is written to a journal and later
// to a table, so half of it may be filled until the next look.
func (c *counters) looked(free, reserve uint64) {
	c.free.Store(free)
	c.room.Store((free - min(free, reserve)) / 2)
	c.filled.Store(0)
}

// spent is true while the disk has no room for more appends.
func (c *counters) spent() bool { return c.full.Load() || c.filled.Load() > c.room.Load() }

// opened notes where the log stood.
func (c *counters) opened(head, mark uint64) {
	c.marked.Store(mark)
	c.recovered.Store(head - mark)
}

func (c *counters) synced(g *group, took time.Duration) {
	c.batches.Add(1)
	c.events.Add(uint64(len(g.records)))
	c.lastSync.Store(int64(took))
	c.batchEvents.observe(eventBounds, float64(len(g.records)))
	c.syncSeconds.observe(secondBounds, took.Seconds())
}

func (c *counters) answered(o outcome) {
	if o.err != nil {
		c.refused.Add(1)
		return
	}
	c.appends.Add(1)
}

func (c *counters) snapshot(head uint64) Stats {
	return Stats{
		Appends:     c.appends.Load(),
		Refused:     c.refused.Load(),
		Events:      c.events.Load(),
		Batches:     c.batches.Load(),
		LastSync:    time.Duration(c.lastSync.Load()),
		Head:        head,
		Mark:        c.marked.Load(),
		Subscribers: c.subscribers.Load(),
		Reads:       c.reads.Load(),
		Sent:        c.sent.Load(),
		DiskFull:    c.full.Load(),
		BatchEvents: c.batchEvents.snapshot(eventBounds),
		SyncSeconds: c.syncSeconds.snapshot(secondBounds),
		Behind:      c.audience.behind(head),
		DiskFree:    c.free.Load(),
		Recovered:   c.recovered.Load(),
		Scavenged:   c.scavenged.Load(),
	}
}
