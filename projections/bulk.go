package projections

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
)

// Rows that are only ever added are held until there are so many of a table, or
// until the events that they were made from come to so many bytes.
const (
	spill     = 4096
	spillSize = 16 << 20
)

// A round folds many pages in memory and writes what became of the rows by COPY,
// in one transaction with the cursors. Only tables that nobody reads are written
// so, each from its beginning: as long as all its rows are held, none is asked for.
// It ends when too many rows are held, or after a while, so that a crash costs little.
type round struct {
	*lane
	tx    pgx.Tx
	from  uint64
	count int
	size  int // bytes of the events since rows were last copied for their size
	began time.Time
}

// longestRound bounds what a crash makes us read again.
const longestRound = 30 * time.Second

// begin opens the transaction that appended rows go into as they come.
func (l *lane) begin(ctx context.Context) (*round, error) {
	tx, err := l.db.BeginTx(ctx, asProjector)
	if err != nil {
		return nil, err
	}
	if l.position == 0 {
		for _, s := range l.slots {
			s.fold.begin(true)
		}
	}
	for _, s := range l.slots {
		if f, ok := s.fold.(follower); ok {
			f.follow(l.slots)
		}
	}
	return &round{lane: l, tx: tx, from: l.position, began: time.Now()}, nil
}

// take folds one page.
func (r *round) take(ctx context.Context, p domain.Page) error {
	for _, e := range p.Events {
		r.size += len(e.Data)
	}
	most := spill
	if r.size >= spillSize {
		r.size, most = 0, 1
	}
	for _, s := range r.slots {
		if err := r.fold(ctx, s.fold, p.Events); err != nil {
			return err
		}
		if s.fold.pending() < most {
			continue
		}
		if err := s.fold.flush(ctx, r.tx); err != nil {
			return err
		}
	}
	r.count += len(p.Events)
	r.position = p.To
	return nil
}

func (r *round) fold(ctx context.Context, f folder, events []domain.Recorded) error {
	if err := f.touch(events); err != nil {
		return err
	}
	if q := f.missing(); q != nil {
		if err := send(ctx, r.tx, []statement{*q}, func(_ int, rows pgx.Rows) error { return f.fetched(rows) }); err != nil {
			return err
		}
	}
	return f.fold()
}

// full tells whether more rows are held than may be.
func (r *round) full() bool {
	rows := 0
	for _, s := range r.slots {
		rows += s.fold.weight()
	}
	return rows >= r.o.HeldRows
}

// old tells whether a crash would cost too much by now.
func (r *round) old() bool { return time.Since(r.began) >= r.round }

// end writes what has changed and moves the cursors, or leaves everything as it was
// before the round. The next round goes on with the rows of this one, unless they
// are too many.
func (r *round) end(ctx context.Context) error {
	for _, s := range r.slots {
		if err := s.fold.flush(ctx, r.tx); err != nil {
			return r.abandon(err)
		}
	}
	if err := r.compareAndSet(ctx, r.tx, r.from, r.position, r.count); err != nil {
		return r.abandon(err)
	}
	if err := r.tx.Commit(ctx); err != nil {
		return r.abandon(err)
	}
	if r.full() {
		r.forget()
	}
	return nil
}

// abandon forgets the round.
func (r *round) abandon(cause error) error {
	ctx, cancel := context.WithTimeout(context.Background(), pageTime)
	defer cancel()
	_ = r.tx.Rollback(ctx)
	r.position = r.from
	r.forget()
	return cause
}
