package projectionstest

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/pgdev/pgtest"
	"github.com/reeve-platform/reeve/migrations"
	"github.com/reeve-platform/reeve/projections"
)

// patience is how long a test waits for an engine to do what it must.
const patience = 60 * time.Second

// Agree proves that the events lead to the same rows in pages of 1, 7 and all,
// in a rebuild that holds every row in memory, and in one that hardly holds any.
func Agree(t *testing.T, events []domain.Recorded, all ...projections.Projection) {
	t.Helper()
	want := paged(t, events, max(1, len(events)), all)
	for _, size := range []int{1, 7} {
		if diff := cmp.Diff(want, paged(t, events, size, all)); diff != "" {
			t.Errorf("pages of %d lead to other rows than one page (-one +%d):\n%s", size, size, diff)
		}
	}
	for _, held := range []int{1, 1 << 20} {
		if diff := cmp.Diff(want, rebuilt(t, events, held, all)); diff != "" {
			t.Errorf("a rebuild holding %d rows leads to other rows than pages (-pages +rebuild):\n%s", held, diff)
		}
	}
}

// paged applies events to live tables, in pages of a size.
func paged(t *testing.T, events []domain.Recorded, size int, all []projections.Projection) []projections.Checksum {
	t.Helper()
	log := NewHistory()
	e := Start(t, Open(t), log, all, projections.Options{PageSize: size})
	Await(t, e, log)
	log.Append(events...)
	return sums(t, e, log)
}

// rebuilt makes tables from nothing.
func rebuilt(t *testing.T, events []domain.Recorded, held int, all []projections.Projection) []projections.Checksum {
	t.Helper()
	log := NewHistory(events...)
	e := Start(t, Open(t), log, all, projections.Options{HeldRows: held})
	return sums(t, e, log)
}

func sums(t *testing.T, e *projections.Engine, log projections.Log) []projections.Checksum {
	t.Helper()
	Await(t, e, log)
	sums, err := e.Checksums(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// Open returns a fresh, migrated database.
func Open(t testing.TB) *pgxpool.Pool {
	t.Helper()
	url := pgtest.Shared(t)
	if err := migrations.Up(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	db, err := pgxpool.New(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// Start runs an engine until the test ends.
func Start(t testing.TB, db *pgxpool.Pool, log projections.Log, all []projections.Projection, o projections.Options) *projections.Engine {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	e := projections.New(db, log, all, o)
	Run(t, e)
	return e
}

// Run runs an engine until the test ends, or the returned function is called.
func Run(t testing.TB, e *projections.Engine) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	done := false
	stop = func() {
		if done {
			return
		}
		done = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// Await waits until every projection that has not stopped is live and has read
// the whole log.
func Await(t Test, e *projections.Engine, log projections.Log) {
	t.Helper()
	Until(t, func() (bool, string) {
		head, err := log.Head(context.Background())
		if err != nil {
			return false, err.Error()
		}
		all, err := e.Status(context.Background())
		if err != nil {
			return false, err.Error()
		}
		for _, s := range all {
			if s.State == projections.Building || s.Rebuilding || (s.State == projections.Live && s.Position < head) {
				return false, fmt.Sprintf("%+v", s)
			}
		}
		return true, ""
	})
}

// Until asks again and again until the answer is yes; if it never is, the test
// fails with what was said last.
func Until(t Test, ask func() (ok bool, state string)) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		ok, state := ask()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still not so after %s: %s", patience, state)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// A Test is what waiting needs of a test, be it the testing package's or a
// property's.
type Test interface {
	Helper()
	Fatalf(format string, args ...any)
}
