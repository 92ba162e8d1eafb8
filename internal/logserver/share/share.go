// Package share decides what happens to the events of a persistent
// subscription: who gets which, what is sent again, what is put aside, and how
// far the group has come. It reads no clock, no log and no network; whoever
// runs a group tells it the time and writes down what it decides.
//
// An event that was offered is with exactly one of: the queue, one consumer,
// or those waiting to be parked. It leaves when it is acknowledged, skipped, or
// durably parked, and only then may the checkpoint pass it.
package share

import (
	"time"

	"github.com/google/uuid"
)

// Settings are what a group's owner decided.
type Settings struct {
	Strategy        Strategy
	MaxRetries      int           // deliveries after the first, before an event is parked
	Timeout         time.Duration // for an answer; 0 = for ever
	Buffer          int           // events read ahead of the consumers
	CheckpointMin   int           // settled events, once CheckpointAfter has passed
	CheckpointMax   int           // settled events, whatever the time; 0 = no such limit
	CheckpointAfter time.Duration
	MaxConsumers    int // 0 = unlimited
}

// A Message stands for one event. It carries no content, so that a group's
// memory depends on how many events are under way and not on their size.
type Message struct {
	ID      uuid.UUID
	Place   int64  // in the source, or in the parked stream
	Parked  bool   // replayed from the parked stream
	At      uint64 // where the record stands in the log
	Bucket  uint32 // what pinned strategies go by
	Retries int
}

// A Group is the state of one persistent subscription.
type Group struct {
	settings  Settings
	source    ledger
	replay    ledger
	again     []*Message // to be sent before anything fresh
	fresh     []*Message
	parking   []Parking
	consumers []*Consumer
	numbered  uint64
	turn      int // of the round robin

	counted      int // settled or skipped since the last checkpoint
	checkpoint   int64
	checkpointed time.Time
}

// New starts behind the last place of the source that is settled and before
// the first parked one that is not; -1 and 0 for a group without a past.
func New(s Settings, settled, parked int64, now time.Time) *Group {
	s.Buffer = max(s.Buffer, 1)
	return &Group{
		settings: s, source: newLedger(settled), replay: newLedger(parked - 1),
		checkpoint: settled, checkpointed: now,
	}
}

// Room is how many more messages may be offered.
func (g *Group) Room() int {
	return max(g.settings.Buffer-len(g.fresh)-len(g.again)-len(g.parking), 0)
}

// Offer takes over an event. Places rise; what lies between two of them is
// nothing to the group.
func (g *Group) Offer(m Message) {
	if m.Parked {
		g.replay.open(m.Place)
		g.again = append(g.again, &m)
		return
	}
	g.source.open(m.Place)
	g.fresh = append(g.fresh, &m)
}

// Skip passes over an event of the source that is not for this group. It
// counts towards the next checkpoint only if it counts at all: what the server
// writes by itself does not, or groups would keep one another busy for ever.
func (g *Group) Skip(place int64, counts bool) {
	g.source.pass(place)
	if counts {
		g.counted++
	}
}

// SkipParked passes over a parked event that is gone.
func (g *Group) SkipParked(place int64) { g.replay.pass(place) }

// Checkpoint is the place up to which everything is settled, and whether it is
// time to write that down.
func (g *Group) Checkpoint(now time.Time) (place int64, due bool) {
	place, news := g.Unwritten()
	if !news {
		return place, false
	}
	if g.settings.CheckpointMax > 0 && g.counted >= g.settings.CheckpointMax {
		return place, true
	}
	return place, g.counted >= g.settings.CheckpointMin && now.Sub(g.checkpointed) >= g.settings.CheckpointAfter
}

// Unwritten is the place a checkpoint would name, and whether that is more than
// the last one did.
func (g *Group) Unwritten() (place int64, news bool) {
	place = g.source.settled()
	return place, g.counted > 0 && place > g.checkpoint
}

// Checkpointed remembers what was written down.
func (g *Group) Checkpointed(place int64, now time.Time) {
	g.checkpoint, g.checkpointed, g.counted = place, now, 0
}

// Replayed is the first place of the parked stream that is still needed.
func (g *Group) Replayed() int64 { return g.replay.settled() + 1 }

// Replaying is true while replayed events are under way.
func (g *Group) Replaying() bool { return g.replay.busy() }
