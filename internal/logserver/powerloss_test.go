package logserver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
)

const (
	outageDir     = "/var/log/reeve" // nothing of it exists on a new disk
	outageWriters = 8
	outageCrashes = 5  // of one log
	outageAppends = 40 // at most, between two crashes
	outageGroup   = 3  // events of an append
)

// An outage is a log on a disk that loses its power again and again.
type outage struct {
	*testing.T
	seed uint64
	rng  *rand.Rand
	disk *vfs.MemFS
	held [outageWriters]int64 // events each writer's stream had when it was last read
}

// TestPowerLoss cuts the power under load: of what was not synced any part may be
// gone, block by block, the mark and the directories too. What was acknowledged is
// there after that, whole appends only, and nothing that nobody sent; and the log
// goes on from there. REEVE_CRASH_SEED repeats one seed.
func TestPowerLoss(t *testing.T) {
	if one, err := strconv.ParseUint(os.Getenv("REEVE_CRASH_SEED"), 10, 64); err == nil {
		underOutages(t, one)
		return
	}
	for seed := range uint64(crashRounds(200, 20_000)) {
		if underOutages(t, seed); t.Failed() {
			return
		}
	}
}

func underOutages(t *testing.T, seed uint64) {
	t.Helper()
	o := &outage{T: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), disk: vfs.NewCrashableMem()}
	for crash := 0; crash < outageCrashes && !t.Failed(); crash++ {
		o.cut(crash)
	}
}

// cut opens what the last crash left, looks at it, and cuts the power while
// writers append, or when the log has just been closed.
func (o *outage) cut(crash int) {
	s, err := openOn(o.disk, Options{Dir: outageDir, Addr: "127.0.0.1:0"})
	if err != nil {
		o.Errorf("seed %d, crash %d: opening: %v", o.seed, crash, err)
		return
	}
	o.survey(s, crash)
	var acked [outageWriters]atomic.Int64
	var tickets atomic.Int64
	tickets.Store(outageAppends)
	var writers sync.WaitGroup
	for n, done := range o.held {
		acked[n].Store(done)
		writers.Go(func() {
			if err := outageLoad(o.Context(), s, n, &acked[n], &tickets); err != nil {
				o.Errorf("seed %d, crash %d: refused: %v", o.seed, crash, err)
			}
		})
	}
	o.await(s, &tickets)
	stop := sync.OnceFunc(func() {
		writers.Wait()
		if err := s.Close(); err != nil {
			o.Errorf("seed %d, crash %d: closing: %v", o.seed, crash, err)
		}
	})
	if o.rng.IntN(4) == 0 {
		stop()
	}
	for n := range o.held {
		o.held[n] = acked[n].Load()
	}
	left := o.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: o.rng.IntN(101), RNG: o.rng})
	stop()
	o.disk = left
}

// outageLoad appends as long as there are tickets.
func outageLoad(ctx context.Context, s *Server, n int, acked, tickets *atomic.Int64) error {
	for tickets.Add(-1) >= 0 {
		r, err := s.journal.sequence.submit(ctx, outageWrite(n, acked.Load()))
		if err = errors.Join(err, r.err); err != nil {
			return err
		}
		acked.Add(outageGroup)
	}
	return nil
}

// await picks the moment of a crash: so far into the appends, and now and then
// when the mark has moved.
func (o *outage) await(s *Server, tickets *atomic.Int64) {
	for moment := o.rng.Int64N(outageAppends); tickets.Load() > moment; {
		runtime.Gosched()
	}
	if o.rng.IntN(20) > 0 {
		return
	}
	for before := s.journal.count.marked.Load(); s.journal.count.marked.Load() == before && s.Err() == nil; {
		time.Sleep(100 * time.Microsecond)
	}
}

// reopen looks at what is on the disk.
func (o *outage) reopen() {
	s, err := openOn(o.disk, Options{Dir: outageDir, Addr: "127.0.0.1:0"})
	if err != nil {
		o.Errorf("seed %d: reopening: %v", o.seed, err)
		return
	}
	o.survey(s, 0)
	if err := s.Close(); err != nil {
		o.Errorf("seed %d: closing: %v", o.seed, err)
	}
}

// survey compares a log with what was acknowledged before the crash, and notes
// what it has.
func (o *outage) survey(s *Server, crash int) {
	var total int64
	for n, promised := range o.held {
		stream := fmt.Sprint("outage-", n)
		last, err := s.journal.last(stream, s.Head())
		found := last.revision + 1
		if err != nil || found < promised || found%outageGroup != 0 {
			o.Errorf("seed %d, crash %d: %s has %d events, %d were acknowledged, %v", o.seed, crash, stream, found, promised, err)
		}
		for revision := range found {
			if e, err := s.journal.sequence.eventAt(stream, revision, outageID(stream, revision)); err != nil || e == noEntry {
				o.Errorf("seed %d, crash %d: %s/%d is not what was sent, %v", o.seed, crash, stream, revision, err)
			}
		}
		o.held[n], total = found, total+found
	}
	probes, err := s.journal.last("s", s.Head()) // sent after a failure; whether they were written is unknown
	if total += probes.revision + 1; err != nil || uint64(total) != s.Head() {
		o.Errorf("seed %d, crash %d: %d events in streams, the log ends at %d", o.seed, crash, total, s.Head())
	}
}

// outageWrite is an append of three events, made up of who sends it and where.
func outageWrite(n int, from int64) *write {
	stream := fmt.Sprint("outage-", n)
	w := &write{stream: stream, expected: from - 1}
	for i := range int64(outageGroup) {
		w.events = append(w.events, propose(stream, content{id: outageID(stream, from+i), kind: "Counted", data: make([]byte, 50*(1+(from+i)%9))}))
	}
	return w
}

func outageID(stream string, revision int64) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, stream, revision))
}

// crashRounds is how often something is killed: a few times, fewer in a short run
// (everything takes ten times as long under the race detector), as often as
// REEVE_CRASH_ROUNDS says, or for long with REEVE_SOAK.
func crashRounds(few, many int) int {
	if n, err := strconv.Atoi(os.Getenv("REEVE_CRASH_ROUNDS")); err == nil && n > 0 {
		return n
	}
	if os.Getenv("REEVE_SOAK") != "" {
		return many
	}
	if testing.Short() {
		return min(few, max(10, few/20))
	}
	return few
}
