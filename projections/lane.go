package projections

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
)

// A lane is a set of tables that have read equally far: a page is read and
// decoded once and applied to all of them, with their cursors, in one
// transaction. The main lane carries what is live; side lanes carry what has to
// catch up, until it joins.
type lane struct {
	*Engine
	sync.Mutex
	position uint64
	slots    []*slot
}

func (l *lane) at() uint64 {
	l.Lock()
	defer l.Unlock()
	return l.position
}

// carries tells whether the table of a cursor is written by this lane.
func (l *lane) carries(cursor string) bool {
	l.Lock()
	defer l.Unlock()
	return find(l.slots, cursor) != nil
}

// apply applies a page that begins where the lane is. A table that cannot take
// it is stopped, alone, and the page is applied to the others. The main lane must
// be locked; a side lane is in one goroutine's hands.
func (l *lane) apply(ctx context.Context, p domain.Page) error {
	for {
		err := l.attempt(ctx, p)
		if err == nil {
			l.position = p.To
			return nil
		}
		if !poisonous(err) {
			return err
		}
		stopped, blameErr := l.blame(ctx, p)
		if blameErr != nil {
			return blameErr
		}
		if stopped == 0 {
			return err
		}
	}
}

func (l *lane) attempt(ctx context.Context, p domain.Page) error {
	if len(l.slots) == 0 {
		return nil // nobody to write for; the lane still knows where it is
	}
	err := l.inTx(ctx, asProjector, pageTime, func(ctx context.Context, tx pgx.Tx) error {
		if err := l.compareAndSet(ctx, tx, p.From, p.To, len(p.Events)); err != nil {
			return err
		}
		return write(ctx, tx, l.slots, l.slots, p.Events)
	})
	if err != nil {
		l.forget()
	}
	return err
}

// forget lets go of all rows: what was written last was taken back, or may have
// been.
func (l *lane) forget() {
	for _, s := range l.slots {
		if !s.derived() {
			s.fold.begin(false)
		}
	}
}

// compareAndSet moves the cursors of all slots, or none.
func (l *lane) compareAndSet(ctx context.Context, tx pgx.Tx, from, to uint64, events int) error {
	set := advance(l.slots, from, to, events)
	tag, err := tx.Exec(ctx, set.sql, set.args...)
	if err != nil {
		return err
	}
	if int(tag.RowsAffected()) != len(l.slots) {
		l.rejections.Add(1)
		return errMoved
	}
	return nil
}

// worthCopying is how many new rows of an append-only table are worth the round
// trip of a COPY, which costs the database half as much for each.
const worthCopying = 16

// write folds events into some slots of a lane. All is what derived slots find
// their sources in.
func write(ctx context.Context, tx pgx.Tx, some, all []*slot, events []domain.Recorded) error {
	if len(events) == 0 {
		return nil
	}
	if err := load(ctx, tx, some, events); err != nil {
		return err
	}
	var changes []edit
	for _, s := range some {
		if s.derived() {
			continue
		}
		if err := s.fold.fold(); err != nil {
			return err
		}
		if s.bare && s.fold.pending() >= worthCopying {
			if err := s.fold.flush(ctx, tx); err != nil {
				return err
			}
			trim(s.fold)
			continue
		}
		c, err := s.fold.changes()
		if err != nil {
			return &poison{cause: err}
		}
		changes = append(changes, c...)
	}
	if err := post(ctx, tx, changes); err != nil {
		return err
	}
	return derive(ctx, tx, some, all, events)
}

// load brings the rows that the events touch into the folders.
func load(ctx context.Context, tx pgx.Tx, slots []*slot, events []domain.Recorded) error {
	var asked []folder
	var queries []statement
	for _, s := range slots {
		if s.derived() {
			continue
		}
		if err := s.fold.touch(events); err != nil {
			return err
		}
		if q := s.fold.missing(); q != nil {
			asked, queries = append(asked, s.fold), append(queries, *q)
		}
	}
	return send(ctx, tx, queries, func(i int, rows pgx.Rows) error { return asked[i].fetched(rows) })
}

func derive(ctx context.Context, tx pgx.Tx, some, all []*slot, dirty []domain.Recorded) error {
	for _, s := range some {
		if !s.derived() {
			continue
		}
		if err := s.derive(deriving{ctx, tx, s.naming(all), dirty}); err != nil {
			return fmt.Errorf("derive %s: %w", s.cursor(), err)
		}
	}
	return nil
}

// join takes over the slots of a lane that has come to the same position. Both
// must be locked.
func (l *lane) join(slots []*slot) {
	for _, s := range slots {
		s.bare = false
	}
	l.slots = inOrder(slices.Concat(l.slots, slots))
}
