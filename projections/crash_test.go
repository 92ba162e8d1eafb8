package projections_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/projections/projectionstest"
)

// Repeating is a log that says again what it has said before: pages come twice,
// overlap, or jump back.
type repeating struct {
	*projectionstest.History
	repeated atomic.Int64
}

func (r *repeating) Pages(ctx context.Context, from uint64, most int) iter.Seq2[domain.Page, error] {
	random := rand.New(rand.NewPCG(1, from))
	return func(yield func(domain.Page, error) bool) {
		for p, err := range r.History.Pages(ctx, from, most) {
			if !yield(p, err) {
				return
			}
			if err == nil && random.IntN(10) < 3 && !r.again(ctx, p, most, random, yield) {
				return
			}
		}
	}
}

// again yields a window that ends in or with the page just yielded.
func (r *repeating) again(ctx context.Context, p domain.Page, most int, random *rand.Rand, yield func(domain.Page, error) bool) bool {
	from := p.From - min(p.From, uint64(10*random.IntN(5*most+1)))
	for old, err := range r.History.Pages(ctx, from, most) {
		if err != nil || old.From >= p.To {
			return true
		}
		r.repeated.Add(1)
		if !yield(old, nil) {
			return false
		}
	}
	return true
}

func TestAPageThatComesAgainChangesNothing(t *testing.T) {
	log := &repeating{History: projectionstest.NewHistory()}
	e := projectionstest.Start(t, projectionstest.Open(t), log, world, projections.Options{PageSize: 7})
	projectionstest.Await(t, e, log)
	log.Append(traffic(1, 2000, 97)...)
	if diff := cmp.Diff(expected(t, traffic(1, 2000, 97), world...), sumsOf(t, e, log)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if log.repeated.Load() == 0 {
		t.Error("no page was repeated, so nothing was tested")
	}
}

func TestTheOtherProcessTakesOver(t *testing.T) {
	db, log := projectionstest.Open(t), projectionstest.NewHistory(traffic(1, 100, 29)...)
	first := projections.New(db, log, world, projections.Options{})
	stop := projectionstest.Run(t, first)
	projectionstest.Await(t, first, log)
	second := projectionstest.Start(t, db, log, world, projections.Options{})
	stop()
	began := time.Now()
	log.Append(traffic(101, 100, 29)...)
	if diff := cmp.Diff(expected(t, traffic(1, 200, 29), world...), sumsOf(t, second, log)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	t.Logf("taken over after %s, a second engine for comparison included", time.Since(began))
}

// Two engines on one database, each of them sure to be the only one: nothing but
// the cursors stands between them. Now and then one is killed and another begins.
func TestTwoWhoBelieveToBeAloneApplyNothingTwice(t *testing.T) {
	const events, rounds = 4000, 20
	db, log := projectionstest.Open(t), projectionstest.NewHistory()
	watch := projectionstest.Start(t, db, log, world, projections.Options{PageSize: 3})
	projectionstest.Await(t, watch, log)
	var rejections int64
	for i := range rounds {
		other := projections.Believe(projections.New(db, log, world, projections.Options{PageSize: 4}), "somebody else")
		stop := projectionstest.Run(t, other)
		log.Append(traffic(1+i*events/rounds, events/rounds, 97)...)
		projectionstest.Until(t, func() (bool, string) {
			s := statusOf(t, watch, "journal")
			return s.Position >= uint64(10*((i+1)*events/rounds-events/rounds/2)), fmt.Sprint(s)
		})
		stop()
		rejections += other.Rejections()
	}
	if diff := cmp.Diff(expected(t, traffic(1, events, 97), world...), sumsOf(t, watch, log)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	t.Logf("%d pages rejected", watch.Rejections()+rejections)
	if watch.Rejections()+rejections == 0 {
		t.Error("no page was rejected, so nothing was tested")
	}
}

// The child of a test of kill -9 projects a history that both can make up.
const (
	childURL    = "REEVE_TEST_PROJECT_INTO"
	childEvents = 100_000
)

// becomeChild projects until it is killed, if this process was started for that.
func becomeChild() {
	url := os.Getenv(childURL)
	if url == "" {
		return
	}
	db, err := pgxpool.New(context.Background(), url)
	if err != nil {
		panic(err)
	}
	held, _ := strconv.Atoi(os.Getenv(childURL + "_HELD"))
	log := projectionstest.NewHistory(traffic(1, childEvents, 997)...)
	panic(projections.New(db, log, world, projections.Options{HeldRows: held}).Run(context.Background()))
}

func TestKilledWhileCatchingUp(t *testing.T) {
	const kills = 12
	db := projectionstest.Open(t)
	var at []uint64
	for i := range kills {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childURL+"="+db.Config().ConnString(), childURL+"_HELD="+strconv.Itoa(1000*(i%3+1)))
		child.Stderr = os.Stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		aim := uint64(10 * childEvents * (i + 1) / (kills + 1))
		projectionstest.Until(t, func() (bool, string) {
			at := furthest(t, db)
			return at >= aim, fmt.Sprint(at)
		})
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait()
		at = append(at, furthest(t, db)/10)
	}
	t.Logf("killed at %v of %d events", at, childEvents)
	log := projectionstest.NewHistory(traffic(1, childEvents, 997)...)
	e := projectionstest.Start(t, db, log, world, projections.Options{})
	if diff := cmp.Diff(expected(t, traffic(1, childEvents, 997), world...), sumsOf(t, e, log)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func furthest(t *testing.T, db *pgxpool.Pool) (at uint64) {
	t.Helper()
	if err := db.QueryRow(t.Context(), "select coalesce(max(position), 0) from reeve.cursors").Scan(&at); err != nil {
		t.Fatal(err)
	}
	return at
}
