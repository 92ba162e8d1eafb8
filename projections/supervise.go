package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// A leader is the engine while it is the one that projects. The cursors say what
// is wished and how far it has come; the leader compares them with what it does
// and does what is missing.
type leader struct {
	*Engine
	main *lane
	busy map[string]bool // cursors that a side lane has in hand; only supervise touches it
	done chan finished
	wake chan struct{}
	conn *pgx.Conn // holds the lock
	swap *swapping // rebuilt tables that wait to take the place of others
	seen progress
}

// A finished side lane has joined the main lane, or has not.
type finished struct {
	cursors []string
	err     error
}

// progress is what the main lane had done when it was last looked at.
type progress struct {
	at    uint64
	since time.Time
}

const (
	lookEvery  = time.Second
	stuckAfter = 15 * time.Second
)

func newLeader(e *Engine, main *lane, conn *pgx.Conn) *leader {
	return &leader{Engine: e, main: main, conn: conn, busy: map[string]bool{}, done: make(chan finished), wake: make(chan struct{}, 1)}
}

// supervise looks at the cursors whenever somebody says so, and every second.
func (l *leader) supervise(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer l.await()
	defer cancel()
	for {
		pause, err := l.look(ctx)
		if err != nil {
			return err
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		case <-l.wake:
		case f := <-l.done:
			l.settle(f)
		}
		t.Stop()
	}
}

// listen notices wishes, and the loss of the lock.
func (l *leader) listen(ctx context.Context) error {
	for {
		if err := heard(ctx, l.conn, lookEvery); err != nil {
			return fmt.Errorf("the lock is lost: %w", err)
		}
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// await lets the side lanes end before their leader does.
func (l *leader) await() {
	for len(l.busy) > 0 {
		l.settle(<-l.done)
	}
}

func (l *leader) settle(f finished) {
	for _, c := range f.cursors {
		delete(l.busy, c)
	}
	if f.err != nil && !errors.Is(f.err, context.Canceled) {
		l.o.Logger.Warn("projections: a side lane starts over", "tables", f.cursors, "cause", f.err)
	}
}

// look does one thing after the other that the cursors ask for, and says when to
// look again.
func (l *leader) look(ctx context.Context) (time.Duration, error) {
	bounded, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	all, err := cursors(bounded, l.db)
	if err != nil {
		return 0, err
	}
	if err := l.watch(bounded); err != nil {
		return 0, err
	}
	l.startLanes(ctx, all)
	if err := l.fill(ctx, all); err != nil {
		return 0, err
	}
	return l.swapWhenReady(ctx)
}

// watch notices a subscription that has silently died.
func (l *leader) watch(ctx context.Context) error {
	at := l.main.at()
	if at != l.seen.at || l.seen.since.IsZero() {
		l.seen = progress{at, time.Now()}
		return nil
	}
	if time.Since(l.seen.since) < stuckAfter {
		return nil
	}
	l.seen.since = time.Now()
	head, err := l.log.Head(ctx)
	if err == nil && head > at {
		return fmt.Errorf("nothing read for %s: at %d, the log at %d", stuckAfter, at, head)
	}
	return nil // an unreachable log is the log's own news
}

// startLanes puts what is building and in nobody's hands on side lanes, one for
// each position.
func (l *leader) startLanes(ctx context.Context, all map[string]cursor) {
	type key struct {
		position uint64
		next     bool
	}
	lanes := map[key]*lane{}
	for _, s := range l.building(all) {
		if s.derived() {
			continue
		}
		k := key{all[s.cursor()].Position, s.next}
		if lanes[k] == nil {
			lanes[k] = &lane{Engine: l.Engine, position: k.position}
		}
		lanes[k].slots = append(lanes[k].slots, s)
	}
	for _, side := range lanes {
		l.start(ctx, side)
	}
}

// building lists what the cursors say is building and nobody has in hand.
func (l *leader) building(all map[string]cursor) (found []*slot) {
	for _, p := range l.all {
		for _, next := range []bool{false, true} {
			s := newSlot(p, next)
			c, ok := all[s.cursor()]
			if ok && c.State == Building && c.Version == s.Version && !l.busy[s.cursor()] && !l.main.carries(s.cursor()) {
				found = append(found, s)
			}
		}
	}
	return found
}

func (l *leader) start(ctx context.Context, side *lane) {
	var names []string
	for _, s := range side.slots {
		names = append(names, s.cursor())
		l.busy[s.cursor()] = true
	}
	began, from := time.Now(), side.position
	go func() {
		err := l.catchUp(ctx, side, l.main)
		l.o.Logger.Info("projections: caught up", "tables", names, "from", from, "to", side.position, "took", time.Since(began), "err", err)
		l.done <- finished{names, err}
	}()
}

// fill computes derived tables from nothing once all their sources are in the
// main lane, and lets them join it.
func (l *leader) fill(ctx context.Context, all map[string]cursor) error {
	for _, s := range l.building(all) {
		if !s.derived() {
			continue
		}
		if lost := l.lost(s, all); lost != "" {
			if err := l.giveUp(ctx, s, all[s.cursor()].Position, lost); err != nil {
				return err
			}
			continue
		}
		if !l.sourced(s, all) {
			continue
		}
		if err := l.fillOne(ctx, s, all[s.cursor()].Position); err != nil {
			return err
		}
	}
	return nil
}

// sourced tells whether the main lane carries what s is derived from.
func (l *leader) sourced(s *slot, all map[string]cursor) bool {
	for _, source := range s.Sources {
		if !l.main.carries(l.meant(s, source, all)) {
			return false
		}
	}
	return true
}

// lost names a source that has stopped, so that what is derived from it cannot
// be filled.
func (l *leader) lost(s *slot, all map[string]cursor) string {
	for _, source := range s.Sources {
		if c := all[l.meant(s, source, all)]; c.State == Stopped {
			return c.Name
		}
	}
	return ""
}

// meant is the cursor of a source: what is built beside is derived from what is
// built beside, where that is.
func (l *leader) meant(s *slot, source string, all map[string]cursor) string {
	if _, begun := all[source+beside]; s.next && begun {
		return source + beside
	}
	return source
}

func (l *leader) giveUp(ctx context.Context, s *slot, at uint64, source string) error {
	one := &lane{Engine: l.Engine, position: at, slots: []*slot{s}}
	return one.stop(ctx, s, &poison{cause: fmt.Errorf("%s has stopped", source)})
}

func (l *leader) fillOne(ctx context.Context, s *slot, from uint64) error {
	l.main.Lock()
	defer l.main.Unlock()
	began, one := time.Now(), &lane{Engine: l.Engine, position: from, slots: []*slot{s}}
	if err := one.stripped(ctx); err != nil {
		return err
	}
	err := l.inTx(ctx, asProjector, roundTime, func(ctx context.Context, tx pgx.Tx) error {
		if err := one.compareAndSet(ctx, tx, from, l.main.position, 0); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "delete from "+qualified(s.cursor())); err != nil {
			return err
		}
		if err := derive(ctx, tx, one.slots, append(one.slots, l.main.slots...), nil); err != nil || !s.next {
			return err
		}
		if _, err := tx.Exec(ctx, "set local role reeve_owner"); err != nil {
			return err
		}
		if err := finish(ctx, tx, s); err != nil {
			return err
		}
		return police(ctx, tx, s.Description, s.cursor())
	})
	if poisonous(err) {
		return one.stop(ctx, s, &poison{position: 0, cause: err})
	}
	if err != nil {
		return err
	}
	l.o.Logger.Info("projections: derived", "table", s.cursor(), "position", l.main.position, "took", time.Since(began))
	l.main.join(one.slots)
	return l.enliven(ctx, one.slots)
}
