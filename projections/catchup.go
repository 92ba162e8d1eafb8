package projections

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/reeve-platform/reeve/domain"
)

// A side lane reads to where the main lane is and joins it. While it holds
// tables that nobody reads yet, it folds in rounds; otherwise page by page.

const (
	roundPage = 2000 // events of a page while folding in rounds
	patchPage = 1000 // events of a page that is applied on its own
	patience  = 3    // how often the main lane may run away before it is held
	idlePause = 20 * time.Millisecond
)

// catchUp brings a side lane to the main lane and joins it.
func (e *Engine) catchUp(ctx context.Context, side, main *lane) error {
	if err := side.stripped(ctx); err != nil {
		return err
	}
	for try := 0; ; try++ {
		if err := side.readTo(ctx, main.at()); err != nil {
			return err
		}
		if err := side.finish(ctx); err != nil {
			return err
		}
		if len(side.slots) == 0 {
			return nil // all of them stopped
		}
		joined, err := e.tryJoin(ctx, side, main, try >= patience)
		if joined || err != nil {
			return err
		}
	}
}

// tryJoin joins the lanes if they are equally far. If it must, it holds the main
// lane for as long as the last stretch takes.
func (e *Engine) tryJoin(ctx context.Context, side, main *lane, must bool) (bool, error) {
	main.Lock()
	defer main.Unlock()
	if side.position != main.position && must {
		if err := side.readTo(ctx, main.position); err != nil {
			return false, err
		}
	}
	if side.position != main.position {
		return false, nil
	}
	if err := side.policed(ctx); err != nil {
		return false, err
	}
	if err := e.enliven(ctx, side.slots); err != nil {
		return false, err
	}
	main.join(side.slots)
	return true, nil
}

// finishers is how many tables are indexed at a time, each on a connection of its own.
const finishers = 2

// finish makes the indexes of tables that were filled without, and tells the planner
// about them.
func (l *lane) finish(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(finishers)
	for _, s := range l.slots {
		if !s.next {
			continue
		}
		g.Go(func() error {
			err := l.inTx(ctx, asOwner, roundTime, func(ctx context.Context, tx pgx.Tx) error { return finish(ctx, tx, s) })
			if err != nil {
				return fmt.Errorf("index %s: %w", s.cursor(), err)
			}
			return nil
		})
	}
	return g.Wait()
}

// finish makes all indexes of a table, unless they are there.
func finish(ctx context.Context, tx pgx.Tx, s *slot) error {
	var has bool
	err := tx.QueryRow(ctx, "select exists (select from pg_index where indrelid = to_regclass($1) and not indisunique)", qualified(s.cursor())).Scan(&has)
	if err != nil {
		return err
	}
	sql := "analyze " + qualified(s.cursor())
	if !has {
		sql = newLayout(s.Description, qualified(s.cursor())).index() + sql
	}
	_, err = tx.Exec(ctx, sql)
	return err
}

// enliven says of the slots that are read that they are up to date again.
func (e *Engine) enliven(ctx context.Context, slots []*slot) error {
	var names []string
	for _, s := range slots {
		if !s.next {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	_, err := e.db.Exec(ctx, enlivenCursors, names)
	return err
}

// readTo reads up to a position, exactly.
func (l *lane) readTo(ctx context.Context, target uint64) error {
	if l.inRounds() {
		err := l.readRounds(ctx, target)
		if !poisonous(err) {
			return err
		}
		l.o.Logger.Warn("projections: folding page by page to find the event that does not fit", "cause", err)
	}
	for p, err := range l.pages(ctx, patchPage, target) {
		if err != nil {
			return err
		}
		if err := l.apply(ctx, p); err != nil {
			return err
		}
	}
	return l.short(ctx, target)
}

func (l *lane) inRounds() bool {
	for _, s := range l.slots {
		if !s.next {
			return false
		}
	}
	return len(l.slots) > 0
}

func (l *lane) readRounds(ctx context.Context, target uint64) error {
	defer l.forget()
	for l.position < target {
		if err := l.oneRound(ctx, target); err != nil {
			return err
		}
	}
	return nil
}

// oneRound folds until the round is full or the target reached.
func (l *lane) oneRound(ctx context.Context, target uint64) error {
	ctx, cancel := context.WithTimeout(ctx, roundTime)
	defer cancel()
	r, err := l.begin(ctx)
	if err != nil {
		return err
	}
	for p, err := range l.pages(ctx, roundPage, target) {
		if err == nil {
			err = r.take(ctx, p)
		}
		if err != nil {
			return r.abandon(err)
		}
		if r.full() || r.old() {
			break
		}
	}
	if l.position == r.from {
		return r.abandon(l.short(ctx, target))
	}
	return r.end(ctx)
}

// errShort: the log ended before the position that it had itself reported.
var errShort = errors.New("the log ends before its head")

// short waits a moment before a log that ended early is asked again.
func (l *lane) short(ctx context.Context, target uint64) error {
	if l.position >= target {
		return nil
	}
	if err := rest(ctx, idlePause); err != nil {
		return err
	}
	return errShort
}

// pages reads from where the lane is up to a position, decoding the next page
// while one is being applied.
func (l *lane) pages(ctx context.Context, size int, target uint64) iter.Seq2[domain.Page, error] {
	return func(yield func(domain.Page, error) bool) {
		if l.position >= target {
			return
		}
		for p, err := range ahead(ctx, l.log, l.position, size) {
			if err == nil {
				p = until(p, target)
			}
			if !yield(p, err) || err != nil || p.To >= target {
				return
			}
		}
	}
}

// A read is a page or why there is none.
type read struct {
	page domain.Page
	err  error
}

// ahead reads one page ahead of whoever ranges over it. At most three pages are
// in memory: the one in hand, the one that waits, the one that is being decoded.
func ahead(ctx context.Context, log Log, from uint64, size int) iter.Seq2[domain.Page, error] {
	return func(yield func(domain.Page, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		reads, done := make(chan read, 1), make(chan struct{})
		defer func() { cancel(); <-done }()
		go func() {
			defer close(done)
			defer close(reads)
			for p, err := range log.Pages(ctx, from, size) {
				select {
				case reads <- read{p, err}:
				case <-ctx.Done():
					return
				}
			}
		}()
		for r := range reads {
			if !yield(r.page, r.err) {
				return
			}
		}
	}
}

// rest waits, or says why it was woken.
func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
