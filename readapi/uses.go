package readapi

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
)

const (
	mostUses   = 1 << 16      // that are told apart; more are counted at the platform, where there is room for as many
	usesBeat   = time.Second  // between two looks at what is due
	usesAtOnce = 50           // records in one of them
	usesFlush  = 1000         // records when the server ends
	usesKnown  = mostUses / 2 // that are taken over from before the start, so that there is room for others
	usesAsked  = 60           // beats in which somebody may come to know them
)

// Uses count which flags are evaluated where, and have it recorded now and then:
// a flag at a node as soon as it is evaluated there for the first time, and after that
// at most once in Every. Whoever evaluates waits for nothing. A crash loses what was
// counted since the last record.
type Uses struct {
	Every  time.Duration
	Record func(context.Context, flag.Use) error
	Known  func(context.Context, time.Time) ([]Used, error) // what was recorded since an instant, the newest first; nil: nobody knows
	Logger *slog.Logger

	counts  sync.Map // of *useCount, by usePlace
	places  atomic.Int64
	lost    atomic.Uint64
	news    atomic.Bool
	failing bool // of Run, then of Flush
}

// A usePlace is a flag at a node; no flag for all at once.
type usePlace struct {
	node domain.NodeID
	flag flag.Key
}

// A useCount is what was evaluated since it was last recorded.
type useCount struct {
	count       atomic.Int64
	first, last atomic.Int64 // in Unix milliseconds
	told        time.Time    // when it was last recorded; of whoever records
}

// Note counts one evaluation. There may be nobody who counts.
func (u *Uses) Note(node domain.NodeID, k flag.Key, now time.Time) {
	if u == nil {
		return
	}
	at := usePlace{node, k}
	known, ok := u.counts.Load(at)
	if !ok {
		switch n := u.places.Load(); {
		case n >= mostUses && node != domain.PlatformID:
			u.lost.Add(1)
			u.news.Store(true)                // for room is made where records are written
			u.Note(domain.PlatformID, k, now) // so that nobody calls the flag unused
			return
		case n >= 2*mostUses:
			return
		}
		var there bool
		if known, there = u.counts.LoadOrStore(at, &useCount{}); !there {
			u.places.Add(1)
		}
	}
	c, ms := known.(*useCount), now.UnixMilli()
	if c.count.Load() == 0 { // times first: whoever records looks at the count
		c.first.Store(ms)
	}
	c.last.Store(ms)
	if c.count.Add(1) == 1 {
		u.news.Store(true)
	}
}

// Lost is how many evaluations were not counted where they were made, because there were
// too many places.
func (u *Uses) Lost() uint64 { return u.lost.Load() }

// A Used tells when it was last recorded that a flag, or all at once, was evaluated at a
// node.
type Used struct {
	Node domain.NodeID
	Flag flag.Key
	At   time.Time
}

// Run has records written until ctx ends. What was recorded before the start is not due
// again because of it: servers are started more often than that.
func (u *Uses) Run(ctx context.Context) {
	tick := time.NewTicker(usesBeat)
	defer tick.Stop()
	for beats, known := 0, u.Known == nil; ; beats++ {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if known = known || beats == usesAsked || u.resume(ctx, now); known && u.news.Swap(false) {
				_ = u.write(ctx, now, usesAtOnce, false) // it has said so
			}
		}
	}
}

// resume reports whether it has taken over what was recorded before the start.
func (u *Uses) resume(ctx context.Context, now time.Time) bool {
	before, err := u.Known(ctx, now.Add(-u.Every))
	for _, one := range before {
		known, there := u.counts.LoadOrStore(usePlace{one.Node, one.Flag}, &useCount{told: one.At})
		if !there {
			u.places.Add(1)
		}
		if c := known.(*useCount); c.told.IsZero() {
			c.told = one.At
		}
	}
	return err == nil
}

// UsedSince lists what was recorded of evaluations since an instant, the newest first.
func (s *Source) UsedSince(ctx context.Context, since time.Time) (used []Used, err error) {
	_, err = s.Read(ctx, system("usedSince", "what is recorded already is not recorded anew", 0, "flag_usage"), func(ctx context.Context, db DB) error {
		rows, err := db.Query(ctx, `select u.node, u.flag, u.last_at from readmodel.flag_usage u where u.last_at > $1::timestamptz order by u.last_at desc, u.key limit $2`, since, usesKnown)
		if err != nil {
			return err
		}
		used, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Used])
		return err
	})
	return used, err
}

// Flush has recorded what was not yet, as far as that can be done in little time.
func (u *Uses) Flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	return u.write(ctx, time.Now(), usesFlush, true)
}

// write records what is due, or everything; what has waited longest first. What fails is
// counted on, and holds up the rest only if the log is away.
func (u *Uses) write(ctx context.Context, now time.Time, most int, all bool) (err error) {
	due := u.due(now, all)
	if len(due) > most {
		u.news.Store(true)
		due = due[:most]
	}
	for _, d := range due {
		if ctx.Err() != nil {
			u.news.Store(true)
			break
		}
		failed := u.tell(ctx, d.usePlace, d.useCount, now)
		if err = cmp.Or(err, failed); domain.KindOf(failed) == domain.Unavailable {
			break
		}
	}
	if (err != nil) != u.failing {
		u.failing = err != nil
		u.Logger.Log(ctx, map[bool]slog.Level{true: slog.LevelWarn, false: slog.LevelInfo}[u.failing], "recording which flags are evaluated", "error", err)
	}
	return err
}

// A usesDue is what is to be recorded.
type usesDue struct {
	usePlace
	*useCount
}

// due finds what is to be recorded, and forgets what was not evaluated for long.
func (u *Uses) due(now time.Time, all bool) (due []usesDue) {
	u.counts.Range(func(key, value any) bool {
		at, c := key.(usePlace), value.(*useCount)
		switch {
		case c.count.Load() == 0:
			u.forget(at, c, now)
		case all || now.Sub(c.told) >= u.Every:
			due = append(due, usesDue{at, c})
		default:
			u.news.Store(true)
		}
		return true
	})
	slices.SortFunc(due, func(a, b usesDue) int { return a.told.Compare(b.told) })
	return due
}

// tell records one count.
func (u *Uses) tell(ctx context.Context, at usePlace, c *useCount, now time.Time) error {
	first, last := time.UnixMilli(c.first.Load()).UTC(), time.UnixMilli(c.last.Load()).UTC()
	n := c.count.Swap(0)
	if last.Before(first) {
		last = first
	}
	err := u.Record(ctx, flag.Use{Node: at.node, Flag: at.flag, Count: int(n), First: first, Last: last})
	switch kind := domain.KindOf(err); {
	case err == nil:
	case kind == domain.Unavailable, kind == domain.Internal:
		c.first.Store(first.UnixMilli())
		c.count.Add(n)
		u.news.Store(true)
		if kind == domain.Internal { // which concerns the node alone, and does not pass by itself
			c.told = now
		}
		return err
	}
	c.told = now // also of what is refused: the node may have gone
	return nil
}

// forget makes room of what was not evaluated for long. What was never recorded is just
// being evaluated for the first time.
func (u *Uses) forget(at usePlace, c *useCount, now time.Time) {
	if !c.told.IsZero() && now.Sub(c.told) > 2*u.Every && c.count.Load() == 0 {
		u.counts.Delete(at)
		u.places.Add(-1)
	}
}
