package projections_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/projections/projectionstest"
)

var ignorePosition = cmpopts.IgnoreFields(projections.Checksum{}, "Position")

func TestDroppedReadModelsAreRebuilt(t *testing.T) {
	db, log := projectionstest.Open(t), projectionstest.NewHistory(traffic(1, 500, 29)...)
	e := projectionstest.Start(t, db, log, world, projections.Options{})
	before := sumsOf(t, e, log)
	run(t, db, "drop schema readmodel cascade")
	log.Append(traffic(501, 10, 29)...)
	projectionstest.Until(t, func() (bool, string) {
		s := statusOf(t, e, "parcels")
		return s.State == projections.Stopped, fmt.Sprint(s)
	})
	if err := e.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := sumsOf(t, e, log)
	if diff := cmp.Diff(expected(t, traffic(1, 510, 29), world...), after); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if cmp.Equal(before, after) {
		t.Error("the checksums do not tell ten events")
	}
}

func TestAMissingTableIsBuiltAtTheNextStart(t *testing.T) {
	db, log := projectionstest.Open(t), projectionstest.NewHistory(traffic(1, 100, 29)...)
	e := projections.New(db, log, world, projections.Options{})
	stop := projectionstest.Run(t, e)
	before := sumsOf(t, e, log)
	stop()
	run(t, db, "drop schema readmodel cascade")
	e = projectionstest.Start(t, db, log, world, projections.Options{})
	projectionstest.Until(t, func() (bool, string) {
		_, err := e.Checksums(t.Context())
		return err == nil, fmt.Sprint(err)
	})
	if diff := cmp.Diff(before, sumsOf(t, e, log)); diff != "" {
		t.Errorf("rows (-before +after):\n%s", diff)
	}
}

func TestARebuildNeedsNoServer(t *testing.T) {
	db, log := projectionstest.Open(t), projectionstest.NewHistory(traffic(1, 100, 29)...)
	e := projections.New(db, log, world, projections.Options{})
	if err := e.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(expected(t, traffic(1, 100, 29), world...), checksums(t, e)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// What a table is to have for those who look things up in it, it has however it came
// about.
func TestTablesHaveTheirIndexes(t *testing.T) {
	db, log := projectionstest.Open(t), projectionstest.NewHistory(traffic(1, 100, 29)...)
	all := append([]projections.Projection{projections.Past[parcel]{Table: parcels}}, world...)
	e := projectionstest.Start(t, db, log, all, projections.Options{})
	projectionstest.Await(t, e, log)
	for _, when := range []string{"at the first start", "after a rebuild"} {
		for _, p := range all {
			var has int
			d := p.Describe()
			err := db.QueryRow(t.Context(), "select count(*) from pg_index where indrelid = to_regclass($1) and not indisunique", "readmodel."+d.Name).Scan(&has)
			if err != nil || has != len(d.Indexes) {
				t.Errorf("%s has %d indexes %s, want %d (%v)", d.Name, has, when, len(d.Indexes), err)
			}
		}
		if err := e.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARebuildTakesAsManyRoundsAsItNeeds(t *testing.T) {
	const pages = 4
	story := traffic(1, pages*2000, 97)
	large := make([]byte, 4<<10)
	for i := range story {
		story[i].Data = large // so that rows are written for their size, too
	}
	all := append([]projections.Projection{projections.Past[parcel]{Table: parcels}}, world...)
	live := projectionstest.NewHistory()
	e := projectionstest.Start(t, projectionstest.Open(t), live, all, projections.Options{})
	projectionstest.Await(t, e, live)
	live.Append(story...)
	want := sumsOf(t, e, live)
	for _, brief := range []bool{false, true} {
		for _, held := range []int{1, 1 << 20} {
			t.Run(fmt.Sprintf("brief: %t, %d rows held", brief, held), func(t *testing.T) {
				e := projections.New(projectionstest.Open(t), projectionstest.NewHistory(story...), all, projections.Options{HeldRows: held})
				if brief {
					projections.Brief(e)
				}
				if err := e.Rebuild(t.Context()); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, checksums(t, e)); diff != "" {
					t.Errorf("rows (-want +got):\n%s", diff)
				}
				if err := e.Rebuild(t.Context(), "parcels_past"); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, checksums(t, e)); diff != "" {
					t.Errorf("rows of a past that is rebuilt alone (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestAWaitingProcessHoldsUpNoSwap(t *testing.T) {
	db, log := projectionstest.Open(t), projectionstest.NewHistory(traffic(1, 100, 29)...)
	said, options := listening()
	e := projectionstest.Start(t, db, log, world, options)
	projectionstest.Await(t, e, log)
	projectionstest.Start(t, db, log, world, options)
	projectionstest.Until(t, func() (bool, string) {
		var sessions int
		err := db.QueryRow(t.Context(), "select count(*) from pg_stat_activity where datname = current_database() and query like '%advisory%' and pid <> pg_backend_pid()").Scan(&sessions)
		return sessions > 0, fmt.Sprint(err)
	})
	for range 3 {
		if err := e.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := said.count("older snapshot"); n != 0 {
		t.Errorf("%d swaps waited for a snapshot in vain", n)
	}
}

func TestADamagedTableIsReplacedAndReported(t *testing.T) {
	db, log := projectionstest.Open(t), projectionstest.NewHistory(traffic(1, 100, 29)...)
	said, options := listening()
	e := projectionstest.Start(t, db, log, world, options)
	want := sumsOf(t, e, log)
	if err := e.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := said.count("projection was wrong"); n != 0 {
		t.Errorf("sound tables were reported %d times", n)
	}
	for i, damage := range []string{
		"update readmodel.parcels set total = total + 1 where id = 'p3'",
		"update readmodel.parcels set notes = '{}' where id = 'p3'",
		"update readmodel.parcels set signed = null where id = 'p3'",
		"delete from readmodel.parcels where id = 'p3'",
	} {
		run(t, db, damage)
		if err := e.Rebuild(t.Context(), "parcels"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, checksums(t, e)); diff != "" {
			t.Errorf("after %s: rows (-want +got):\n%s", damage, diff)
		}
		if n := said.count("projection was wrong"); n != i+1 {
			t.Errorf("after %s: damages were reported %d times", damage, n)
		}
		if s := statusOf(t, e, "parcels"); s.Note == "" || s.Error != "" || s.State != projections.Live {
			t.Errorf("after %s: it is not noted: %+v", damage, s)
		}
	}
}

func TestARaisedVersionReplacesTheTable(t *testing.T) {
	db, log := projectionstest.Open(t), projectionstest.NewHistory(traffic(1, 100, 29)...)
	e := projections.New(db, log, world, projections.Options{})
	stop := projectionstest.Run(t, e)
	projectionstest.Await(t, e, log)
	stop()
	raised := mended()
	raised.Version = 2
	e = projections.New(db, log, []projections.Projection{stock, parcels, raised, journal}, projections.Options{})
	stop = projectionstest.Run(t, e)
	projectionstest.Await(t, e, log)
	if s := statusOf(t, e, "places"); s.Version != 2 || s.State != projections.Live {
		t.Errorf("places: %+v", s)
	}
	stop()
	e = projectionstest.Start(t, db, log, world, projections.Options{})
	log.Append(traffic(101, 5, 29)...)
	projectionstest.Until(t, func() (bool, string) {
		s := statusOf(t, e, "parcels")
		return s.Position == 1050, fmt.Sprint(s)
	})
	if s := statusOf(t, e, "places"); s.Version != 2 || s.Position != 1000 || s.State != projections.Stopped {
		t.Errorf("an older build has touched the table of a newer one: %+v", s)
	}
}

func TestTablesOfAnotherLogAreRefused(t *testing.T) {
	db, log := projectionstest.Open(t), projectionstest.NewHistory(traffic(1, 100, 29)...)
	e := projections.New(db, log, world, projections.Options{})
	stop := projectionstest.Run(t, e)
	projectionstest.Await(t, e, log)
	stop()
	older := projectionstest.NewHistory(traffic(1, 50, 29)...)
	e = projectionstest.Start(t, db, older, world, projections.Options{})
	projectionstest.Until(t, func() (bool, string) {
		s := statusOf(t, e, "parcels")
		return s.State == projections.Stopped, fmt.Sprint(s)
	})
	if err := e.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(expected(t, traffic(1, 50, 29), world...), checksums(t, e)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// A reader asks in the way the read API does: how far, then what, in one snapshot.
func readOnce(ctx context.Context, db *pgxpool.Pool) (position, moves, lines int64, err error) {
	err = pgx.BeginTxFunc(ctx, db, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, "select min(position) from reeve.cursors where name in ('places', 'journal', 'stock')").Scan(&position); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, "select coalesce(sum(moves), 0) from readmodel.stock").Scan(&moves); err != nil {
			return err
		}
		return tx.QueryRow(ctx, "select count(*) from readmodel.journal").Scan(&lines)
	})
	return
}

func TestReadsGoOnDuringARebuild(t *testing.T) {
	const old, fresh = 3000, 1500
	db, log := projectionstest.Open(t), projectionstest.NewHistory(traffic(1, old, 97)...)
	e := projectionstest.Start(t, db, log, world, projections.Options{PageSize: 50})
	projectionstest.Await(t, e, log)
	done := make(chan struct{})
	var wg sync.WaitGroup
	var reads [3]int
	for i := range reads {
		wg.Go(func() {
			for {
				position, moves, lines, err := readOnce(t.Context(), db)
				if err != nil || moves != position/10 || lines != position/10 {
					t.Errorf("at %d: %d moves, %d lines, %v", position, moves, lines, err)
					return
				}
				reads[i]++
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	wg.Go(func() {
		for i := range fresh / 10 {
			log.Append(traffic(old+1+10*i, 10, 97)...)
			projectionstest.Until(t, func() (bool, string) {
				s := statusOf(t, e, "journal")
				return s.Position == uint64(10*(old+10*i+10)), fmt.Sprint(s)
			})
		}
	})
	for range 5 {
		if err := e.Rebuild(t.Context()); err != nil {
			t.Error(err)
		}
	}
	close(done)
	wg.Wait()
	t.Logf("reads: %v", reads)
	if diff := cmp.Diff(expected(t, traffic(1, old+fresh, 97), world...), sumsOf(t, e, log)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}
