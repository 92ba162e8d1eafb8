package logserver

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// prompt fails the test if something does not return.
func prompt(t *testing.T, what string, do func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-time.After(2 * patienceClose):
		panic(what + " does not return") // with all stacks
	}
}

// When the disk fails while a log is opened, the open fails; the next one, on a
// disk that is well, has everything.
func TestFaultWhileOpening(t *testing.T) {
	for _, failure := range []error{syscall.EIO, syscall.ENOSPC} {
		underFailedOpens(t, failure)
	}
}

func underFailedOpens(t *testing.T, failure error) {
	t.Helper()
	whole := vfs.NewCrashableMem()
	o := &outage{T: t, disk: whole}
	s, _ := served(t, outageDir, whole)
	var acked, tickets atomic.Int64
	tickets.Store(50)
	if err := outageLoad(t.Context(), s, 0, &acked, &tickets); err != nil {
		t.Fatal(err)
	}
	o.held[0] = acked.Load()
	left := whole.CrashClone(vfs.CrashCloneCfg{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for n := int64(0); ; n++ {
		o.disk = left.CrashClone(vfs.CrashCloneCfg{})
		var writes atomic.Int64
		var well atomic.Bool
		files := errorfs.Wrap(o.disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && writes.Add(1) > n && !well.Load() {
				return failure
			}
			return nil
		}))
		var s *Server
		err := prompt(t, "an open", func() (err error) {
			s, err = openOn(files, Options{Dir: outageDir, Addr: "127.0.0.1:0"})
			return err
		})
		if err == nil {
			_ = prompt(t, "a close", s.Close)
			break
		}
		if isCorruption(err) {
			t.Errorf("at write %d: %v", n, err)
		}
		failed++
		crashed := o.disk.CrashClone(vfs.CrashCloneCfg{})
		well.Store(true) // or the engine goes on trying
		o.disk = crashed
		o.reopen()
	}
	t.Logf("%v: %d operations of an open can fail", failure, failed)
}

// When the disk fails under a compaction, that ends, the server too, and it can be
// closed; nothing is lost.
func TestFaultWhileCompacting(t *testing.T) {
	for _, file := range []string{".log", ".sst", "MANIFEST"} {
		t.Run(file, func(t *testing.T) { underFailedCompaction(t, file) })
	}
}

func underFailedCompaction(t *testing.T, file string) {
	t.Helper()
	var sick atomic.Bool
	disk := vfs.NewCrashableMem()
	s, result := served(t, outageDir, errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if sick.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.Contains(op.Path, file) {
			return syscall.EIO
		}
		return nil
	})))
	var acked, tickets atomic.Int64
	tickets.Store(100)
	if err := outageLoad(t.Context(), s, 0, &acked, &tickets); err != nil {
		t.Fatal(err)
	}
	meta := metastream("outage-0")
	limit := propose(meta, content{id: outageID(meta, 0), kind: metadataType, json: true, data: []byte(`{"$maxCount":1}`)})
	if r, err := s.journal.sequence.submit(t.Context(), &write{stream: meta, expected: expectAny, events: []proposal{limit}}); err != nil || r.err != nil {
		t.Fatal(r, err)
	}
	head := s.Head()
	sick.Store(true)
	compact := func() error { _, err := s.Compact(t.Context(), nil); return err }
	if err := prompt(t, "a compaction", compact); !errors.Is(err, ErrStorage) {
		t.Errorf("compacted with %v", err)
	}
	if err := <-result; !errors.Is(err, ErrStorage) {
		t.Errorf("served until %v", err)
	}
	left := disk.CrashClone(vfs.CrashCloneCfg{})
	sick.Store(false) // or the engine goes on trying
	if err := prompt(t, "a close", s.Close); !errors.Is(err, ErrStorage) {
		t.Errorf("closed with %v", err)
	}
	again, err := openOn(left, Options{Dir: outageDir, Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if again.Head() != head {
		t.Errorf("reopened at %d, not %d", again.Head(), head)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
