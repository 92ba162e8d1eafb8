package logserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/google/uuid"
)

// A sickDisk fails when told to.
type sickDisk struct {
	vfs.FS
	full atomic.Bool
}

func (d *sickDisk) GetDiskUsage(path string) (vfs.DiskUsage, error) {
	if d.full.Load() {
		return vfs.DiskUsage{AvailBytes: DefaultDiskReserve - 1}, nil
	}
	return d.FS.GetDiskUsage(path)
}

func served(t *testing.T, dir string, files vfs.FS) (*Server, <-chan error) {
	t.Helper()
	s, err := openOn(files, Options{Dir: dir, Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() { result <- s.Serve() }()
	return s, result
}

// submitOne appends one event to stream s.
func submitOne(s *Server, expected int64) (outcome, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return s.journal.sequence.submit(ctx, oneWrite(expected))
}

func oneWrite(expected int64) *write {
	p := propose("s", content{id: uuid.New(), kind: "T", data: []byte("{}")})
	return &write{stream: "s", expected: expected, events: []proposal{p}}
}

// dying is how long a disk tries before it gives up.
const dying = 50 * time.Millisecond

// After a failed sync nothing is acknowledged, the server ends with an error,
// and what was acknowledged before is still there.
func TestFailedSyncIsFatal(t *testing.T) {
	for _, kind := range []errorfs.OpKind{errorfs.OpFileSyncData, errorfs.OpFileWrite} {
		dir := t.TempDir()
		var sick atomic.Bool
		files := errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if sick.Load() && op.Kind == kind && strings.HasSuffix(op.Path, ".log") {
				time.Sleep(dying) // whoever answers without waiting has answered by then
				return errors.New("input/output error")
			}
			return nil
		}))
		s, result := served(t, dir, files)
		for n := range 10 {
			if o, err := submitOne(s, int64(n)-1); err != nil || o.err != nil {
				t.Fatal(o, err)
			}
		}
		sick.Store(true)
		var lost []*write
		for range 3 {
			w := oneWrite(expectAny)
			lost = append(lost, w)
			if o, err := s.journal.sequence.submit(context.Background(), w); !errors.Is(err, ErrStorage) {
				t.Fatalf("acknowledged %+v, %v", o, err)
			}
		}
		if err := <-result; !errors.Is(err, ErrStorage) {
			t.Errorf("served until %v", err)
		}
		if err := s.Close(); !errors.Is(err, ErrStorage) {
			t.Errorf("closed with %v", err)
		}
		if s.Head() != 10 {
			t.Errorf("head %d", s.Head())
		}
		// Whoever waits hears of the failure first, or hears of nothing: an answer
		// that came too late to be heard would be luck.
		for _, w := range lost {
			if len(w.answer) > 0 {
				t.Errorf("an answer was given: %+v", <-w.answer)
			}
		}
		again, _ := served(t, copied(t, dir), vfs.Default)
		if again.Head() < 10 {
			t.Errorf("reopened at %d", again.Head())
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
}

// copied is the directory as a new process would find it: this one still has
// the failed engine, and with it the lock.
func copied(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "log")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestFullDiskRefusesAppendsOnly(t *testing.T) {
	files := &sickDisk{FS: vfs.Default}
	s, _ := served(t, t.TempDir(), files)
	defer s.Close()
	if o, err := submitOne(s, expectNone); err != nil || o.err != nil {
		t.Fatal(o, err)
	}
	for _, full := range []bool{true, false} {
		files.full.Store(full)
		for deadline := time.Now().Add(10 * time.Second); s.Stats().DiskFull != full; {
			if time.Now().After(deadline) {
				t.Fatal("the disk watch does not see it")
			}
			time.Sleep(time.Millisecond)
		}
		o, err := submitOne(s, expectAny)
		if err != nil || errors.Is(o.err, errDiskFull) != full {
			t.Errorf("full %v: %+v, %v", full, o, err)
		}
		if p, err := s.journal.forwards(1, 10); err != nil || len(p.records) == 0 {
			t.Errorf("full %v: read %v", full, err)
		}
	}
}

// Damage below the mark that recovery cannot see is found when it is read.
func TestMissingRecordIsFound(t *testing.T) {
	dir := t.TempDir()
	s, _ := served(t, dir, vfs.Default)
	for n := range 20 {
		if o, err := submitOne(s, int64(n)-1); err != nil || o.err != nil {
			t.Fatal(o, err)
		}
	}
	for name, key := range map[string][]byte{"record": logKey(7), "entry": streamKey("s", 3)} {
		if err := s.journal.db.Delete(key, nil); err != nil {
			t.Fatal(err)
		}
		var corrupt *CorruptionError
		err := s.journal.verify(1, 20, func(decoded) {})
		if !errors.As(err, &corrupt) || corrupt.Position == 0 {
			t.Errorf("without a %s: %v", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := openOn(vfs.Default, Options{Dir: dir, Addr: "127.0.0.1:0"}); !isCorruption(err) {
		t.Errorf("opened with %v", err)
	}
}

func TestTailForgetsTheOldest(t *testing.T) {
	tail := newTail(0)
	big := make([]byte, 1<<20)
	for n := range uint64(100) {
		tail.add([]record{{position: n + 1, wire: big}})
	}
	if tail.bytes > tailBytes || tail.holds(1) || !tail.holds(100) {
		t.Errorf("%d bytes from %d", tail.bytes, tail.first)
	}
	p := newPage(pageEvents)
	if tail.from(1, p) || !tail.from(100, p) || p.last(0) != 100 {
		t.Error("reads from the wrong place")
	}
	for n := range uint64(tailCapacity + 10) {
		tail.add([]record{{position: 101 + n, wire: fmt.Append(nil, n)}})
	}
	if r, ok := tail.get(tail.first); !ok || r.position != tail.first || tail.last-tail.first+1 != tailCapacity {
		t.Errorf("first %d, last %d", tail.first, tail.last)
	}
}

// After a restart no event may be older than the last one before it, whatever the
// clock says by then.
func TestTimeGoesOnWhereItWas(t *testing.T) {
	dir := t.TempDir()
	s, _ := served(t, dir, vfs.Default)
	if o, err := submitOne(s, expectNone); err != nil || o.err != nil {
		t.Fatal(o, err)
	}
	last := s.journal.sequence.created
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, _ := served(t, dir, vfs.Default)
	defer again.Close()
	if got := again.journal.sequence.created; last == 0 || got != last {
		t.Errorf("goes on from %d, was at %d", got, last)
	}
}
