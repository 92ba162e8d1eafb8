package logserver

import (
	"errors"
	"sync"
	"time"

	"github.com/reeve-platform/reeve/internal/logserver/share"
)

// groupTick drives timeouts, checkpoints, and whatever could not be written.
const groupTick = 200 * time.Millisecond

// groupAsks is how many answers of consumers may wait for their group.
const groupAsks = 64

// A groupRun is a persistent subscription at work: one goroutine that reads
// the source as far as there is room, hands events to consumers, and writes
// the group's account. All else asks it.
//
// Invariant: only run's goroutine touches the fields below asks. Its writes go
// through the sequencer and may wait for the disk, but never for a consumer.
type groupRun struct {
	groupKey
	*groupCatalog
	config groupConfig
	asks   chan func()
	halted chan struct{}
	ended  chan struct{}
	once   sync.Once
	cause  error // why consumers are dropped; set before halted closes

	group      *share.Group
	filter     *filter
	seats      map[*share.Consumer]*groupSeat
	cursor     int64 // next place of the source to look at
	live       bool  // the cursor has reached the end
	held       bool  // parking failed; wait for the tick
	replay     groupReplay
	checkpoint int64 // last one written, -1 when there is none
	truncated  int64 // first revision of the parked stream that is kept
	meter      groupMeter
}

// A groupReplay is the part of the parked stream that is to be sent again.
type groupReplay struct{ next, stop int64 }

func newGroupRun(c *groupCatalog, config groupConfig) (*groupRun, error) {
	chosen, err := config.Filter.compile()
	if err != nil {
		return nil, err
	}
	checkpoint, err := c.checkpointed(config.groupKey)
	if err != nil {
		return nil, err
	}
	first, _, err := c.parkedRange(config.groupKey)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	settled := config.First - 1
	if checkpoint >= 0 { // a start that was moved later passes over nothing that was owed
		settled = checkpoint
	}
	return &groupRun{
		groupKey: config.groupKey, groupCatalog: c, config: config, filter: chosen,
		asks: make(chan func(), groupAsks), halted: make(chan struct{}), ended: make(chan struct{}),
		group: share.New(config.settings(), settled, first, now), seats: map[*share.Consumer]*groupSeat{},
		cursor: settled + 1, checkpoint: checkpoint, truncated: first,
		replay: groupReplay{next: first, stop: first}, meter: groupMeter{began: now},
	}, nil
}

// halt ends the group; its consumers hear the cause.
func (r *groupRun) halt(cause error) {
	r.once.Do(func() {
		r.cause = cause
		close(r.halted)
	})
}

// ask has the group's goroutine do something; false when it has ended.
func (r *groupRun) ask(do func()) bool {
	select {
	case r.asks <- do:
		return true
	case <-r.ended:
		return false
	}
}

// askNow waits until it is done.
func (r *groupRun) askNow(do func()) bool {
	done := make(chan struct{})
	if !r.ask(func() { do(); close(done) }) {
		return false
	}
	select {
	case <-done:
		return true
	case <-r.ended:
		return false
	}
}

// run works until the group is halted, the server leaves, or the storage fails.
func (r *groupRun) run() {
	tick := time.NewTicker(groupTick)
	defer tick.Stop()
	for going := true; going; {
		heard, forget := r.listen()
		more, err := r.work()
		r.report(err)
		going = r.pause(more && err == nil, heard, tick.C)
		forget()
	}
	r.finish()
}

// work does what can be done now; true when there is more of it.
func (r *groupRun) work() (more bool, err error) {
	if err := r.readParked(); err != nil {
		return false, err
	}
	more, err = r.readSource()
	r.dispatch()
	if r.held {
		return more, err
	}
	parks := len(r.group.Parking()) > 0 // makes room
	err = errors.Join(err, r.park(), r.writeDue())
	return more || parks || r.replay.next < r.replay.stop && r.group.Room() > 0, err
}

// listen hears of what follows in the source. It is asked before the source is
// read, so that nothing falls between.
func (r *groupRun) listen() (heard <-chan struct{}, forget func()) {
	if r.ofAll() {
		return r.bell.next(), func() {}
	}
	p := r.bell.nextIn(r.Stream)
	return p.heard, func() { r.bell.leave(r.Stream, p) }
}

// pause waits for a reason to work again; false when it is over.
func (r *groupRun) pause(more bool, heard <-chan struct{}, tick <-chan time.Time) bool {
	now := make(chan struct{})
	if more {
		close(now)
	}
	if r.group.Room() == 0 {
		heard = nil
	}
	select {
	case <-r.halted:
		return false
	case <-r.leaving:
		return false
	case <-r.fault.tripped:
		return false
	case <-tick:
		r.ticked()
	case do := <-r.asks:
		r.answer(do)
	case <-heard:
	case <-now:
	}
	return true
}

// answer does what was asked, and what else is waiting.
func (r *groupRun) answer(do func()) {
	do()
	for range len(r.asks) {
		(<-r.asks)()
	}
}

func (r *groupRun) ticked() {
	now := time.Now()
	r.held = false
	r.group.Expire(now)
	for _, s := range r.seats {
		if s.stalled(now, r.stall) {
			s.drop(errStalled)
		}
	}
}

// dispatch hands events to the consumers that take them.
func (r *groupRun) dispatch() {
	slots := func(c *share.Consumer) int { return cap(r.seats[c].outbox) - len(r.seats[c].outbox) }
	for _, d := range r.group.Dispatch(time.Now(), slots) {
		r.seats[d.To].outbox <- d // never blocks: there was a slot, and nobody else puts in
		r.meter.total++
	}
}

// park writes what waits to be parked. It is tried until it is written.
func (r *groupRun) park() error {
	waiting := r.group.Parking()
	if len(waiting) == 0 {
		return nil
	}
	if err := r.groupCatalog.park(r.groupKey, waiting); err != nil {
		r.held = true
		return err
	}
	r.group.Parked(len(waiting))
	return nil
}

// writeDue writes a checkpoint and truncates the parked stream, when it is time.
func (r *groupRun) writeDue() error {
	if place, due := r.group.Checkpoint(time.Now()); due {
		if err := r.write(place); err != nil {
			return err
		}
	}
	return r.truncate()
}

func (r *groupRun) write(place int64) error {
	if err := r.writeCheckpoint(r.groupKey, place); err != nil {
		r.held = true
		return err
	}
	r.checkpoint = place
	r.group.Checkpointed(place, time.Now())
	return nil
}

// truncate lets go of parked events that were replayed and settled, once all
// under way are.
func (r *groupRun) truncate() error {
	first := r.group.Replayed()
	if first <= r.truncated || r.group.Replaying() || r.replay.next < r.replay.stop {
		return nil
	}
	if err := r.describe(r.parked(), first, 0); err != nil {
		r.held = true
		return err
	}
	r.truncated = first
	return nil
}

// finish drops the consumers and keeps how far the group has come.
func (r *groupRun) finish() {
	r.halt(errLeaving) // unless there is another cause
	for _, s := range r.seats {
		s.drop(r.cause)
	}
	if place, news := r.group.Unwritten(); news && r.fault.err() == nil {
		r.report(r.write(place))
	}
	close(r.ended)
}

// report tells what went wrong. A full disk passes; damage ends the server.
func (r *groupRun) report(err error) {
	switch {
	case err == nil, errors.Is(err, errDiskFull), errors.Is(err, ErrStorage):
		return
	case isCorruption(err):
		r.fault.trip(err)
	}
	r.logger.Error("persistent subscription", "group", r.String(), "error", err)
}
