package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// Options tune an engine. The zero value is fine.
type Options struct {
	Logger   *slog.Logger
	PageSize int // most events of a page of the main lane; 1000 unless set
	HeldRows int // most rows held in memory while catching up; 250,000 unless set
}

// An Engine keeps read models up to date with the log.
type Engine struct {
	db  *pgxpool.Pool
	log Log
	all []Projection // what is derived behind what it is derived from
	o   Options

	lock       string
	round      time.Duration // after which what was folded in memory is written
	running    chan struct{} // full while Run projects
	rejections atomic.Int64
}

// New returns an engine for projections in a database that has been migrated.
// The pool's login must be a member of reeve_projector and reeve_owner; the pool
// must connect to PostgreSQL itself or to a pooler that keeps sessions. New
// panics on projections that could not have been meant.
func New(db *pgxpool.Pool, log Log, projections []Projection, o Options) *Engine {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.PageSize == 0 {
		o.PageSize = 1000
	}
	if o.HeldRows == 0 {
		o.HeldRows = 250_000
	}
	check(projections)
	return &Engine{db: db, log: log, all: ordered(projections), o: o, lock: theLock, round: longestRound, running: make(chan struct{}, 1)}
}

func check(all []Projection) {
	tables := map[string]bool{}
	for _, p := range all {
		d := p.Describe()
		if !identifier.MatchString(d.Name) || tables[d.Name] || d.Version < 1 {
			panic(fmt.Sprintf("projection %q: needs a name of its own, an SQL identifier, and a version above 0", d.Name))
		}
		for _, c := range d.Columns {
			if !identifier.MatchString(c.Name) {
				panic(fmt.Sprintf("projection %s: %q is no column name", d.Name, c.Name))
			}
		}
		d.checkAudience()
		tables[d.Name] = p.folder("") != nil
	}
	for _, p := range all {
		for _, source := range p.Describe().Sources {
			if !tables[source] {
				panic(fmt.Sprintf("projection %s: its source %q is not a table folded from events", p.Describe().Name, source))
			}
		}
	}
}

func ordered(all []Projection) []Projection {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b Projection) int {
		return len(a.Describe().Sources) - len(b.Describe().Sources)
	})
	return all
}

func (e *Engine) projection(name string) Projection {
	i := slices.IndexFunc(e.all, func(p Projection) bool { return p.Describe().Name == name })
	if i < 0 {
		return nil
	}
	return e.all[i]
}

// Rejections counts the times that cursors had been moved by somebody else, so
// that a page was not applied again.
func (e *Engine) Rejections() int64 { return e.rejections.Load() }

// Run projects until ctx ends, and then returns nil once nothing is running. If
// another process is projecting into the same database, or this engine is running
// already, Run waits for the end of that. It survives the absence of the database and
// of the log.
func (e *Engine) Run(ctx context.Context) error {
	select {
	case e.running <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	defer func() { <-e.running }()
	const first, longest = 250 * time.Millisecond, 10 * time.Second
	for pause := first; ctx.Err() == nil; {
		began := time.Now()
		err := e.once(ctx)
		if ctx.Err() != nil {
			break
		}
		if time.Since(began) > longest || errors.Is(err, errMoved) {
			pause = first
		}
		e.o.Logger.Warn("projections: starting over", "cause", err, "in", pause)
		_ = rest(ctx, pause)
		pause = min(2*pause, longest)
	}
	return nil
}

// once projects until something is not as it was believed to be.
func (e *Engine) once(ctx context.Context) error {
	conn, err := e.acquire(ctx)
	if err != nil {
		return fmt.Errorf("wait for the other process: %w", err)
	}
	defer drop(conn)
	return e.lead(ctx, conn)
}

// lead runs the main lane and everything beside it, knowing that no other
// process means to.
func (e *Engine) lead(ctx context.Context, conn *pgx.Conn) error {
	main, err := e.plan(ctx)
	if err != nil {
		return err
	}
	e.o.Logger.Info("projections: projecting", "from", main.position, "tables", len(main.slots))
	g, ctx := errgroup.WithContext(ctx)
	l := newLeader(e, main, conn)
	g.Go(func() error { return l.listen(ctx) })
	g.Go(func() error { return l.route(ctx) })
	g.Go(func() error { return l.supervise(ctx) })
	return g.Wait()
}
