package logserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// A nthFault makes one operation of a kind on a file fail, counted from when it is
// armed; and all that follow, if the disk does not get well again.
type nthFault struct {
	kind    errorfs.OpKind
	file    string
	err     error
	nth     int64
	forGood bool
	armed   atomic.Bool
	seen    atomic.Int64
}

func (f *nthFault) MaybeError(op errorfs.Op) error {
	if !f.armed.Load() || op.Kind != f.kind || !strings.Contains(filepath.Base(op.Path), f.file) {
		return nil
	}
	if n := f.seen.Add(1); n == f.nth || f.forGood && n > f.nth {
		return f.err
	}
	return nil
}

func (f *nthFault) String() string {
	return fmt.Sprintf("%v at operation %d on %s", f.err, f.nth, f.file)
}

// At whichever operation the disk fails under load, nothing is acknowledged after
// it, the server ends, and even when the power goes then, the next one has all
// that was acknowledged.
func TestFaultAtEachOperation(t *testing.T) {
	for _, at := range []struct {
		name string
		kind errorfs.OpKind
		file string
		most int // the mark is moved ten times a second
	}{
		{"journal written", errorfs.OpFileWrite, ".log", crashRounds(20, 50)},
		{"journal synced", errorfs.OpFileSyncData, ".log", crashRounds(20, 50)},
		{"mark written", errorfs.OpFileWriteAt, "durable", 2},
		{"mark synced", errorfs.OpFileSync, "durable", 2},
	} {
		t.Run(at.name, func(t *testing.T) {
			for n := range at.most {
				for _, err := range []error{syscall.EIO, syscall.ENOSPC} {
					for _, forGood := range []bool{false, true} {
						underFault(t, &nthFault{kind: at.kind, file: at.file, err: err, nth: int64(n + 1), forGood: forGood})
					}
				}
			}
		})
	}
}

// underFault appends until the disk fails, and then cuts the power.
func underFault(t *testing.T, f *nthFault) {
	t.Helper()
	o := &outage{T: t, seed: uint64(f.nth), rng: rand.New(rand.NewPCG(uint64(f.nth), 2)), disk: vfs.NewCrashableMem()}
	s, result := served(t, outageDir, errorfs.Wrap(o.disk, f))
	f.armed.Store(true)
	var acked [outageWriters]atomic.Int64
	var tickets atomic.Int64
	tickets.Store(1 << 40)
	var writers sync.WaitGroup
	for n := range acked {
		writers.Go(func() {
			if err := outageLoad(t.Context(), s, n, &acked[n], &tickets); !errors.Is(err, ErrStorage) {
				t.Errorf("%v: an append ended with %v", f, err)
			}
		})
	}
	writers.Wait()
	for range 3 {
		if r, err := submitOne(s, expectAny); !errors.Is(err, ErrStorage) {
			t.Errorf("%v: acknowledged %+v, %v", f, r, err)
		}
	}
	select {
	case err := <-result:
		if !errors.Is(err, ErrStorage) || !errors.Is(err, f.err) {
			t.Errorf("%v: served until %v", f, err)
		}
	case <-time.After(patienceClose):
		t.Fatalf("%v: goes on serving", f)
	}
	for n := range acked {
		o.held[n] = acked[n].Load()
	}
	o.disk = o.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: o.rng.IntN(101), RNG: o.rng})
	if err := s.Close(); !errors.Is(err, ErrStorage) {
		t.Errorf("%v: closed with %v", f, err)
	}
	o.reopen()
}
