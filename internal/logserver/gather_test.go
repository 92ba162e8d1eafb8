package logserver

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/google/uuid"
)

// A slowSync holds the syncs of journals while it is told to.
type slowSync struct {
	held    atomic.Bool
	reached chan struct{} // one token for the first sync that is held
	free    chan struct{}
}

func (s *slowSync) disk() vfs.FS {
	return errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind != errorfs.OpFileSyncData || filepath.Ext(op.Path) != ".log" || !s.held.Load() {
			return nil
		}
		select {
		case s.reached <- struct{}{}:
		default:
		}
		<-s.free
		return nil
	}))
}

// hold begins a write and returns when it is about to be synced.
func (s *slowSync) hold(t *testing.T, q *sequencer) *write {
	t.Helper()
	s.held.Store(true)
	w := sized("first", 10)
	if err := q.enqueue(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	<-s.reached
	return w
}

func (s *slowSync) release() {
	s.held.Store(false)
	close(s.free)
}

func sized(stream string, bytes int) *write {
	p := propose(stream, content{id: uuid.New(), kind: "T", data: make([]byte, bytes)})
	return &write{stream: stream, expected: expectAny, events: []proposal{p}}
}

// settled waits for the outcomes of writes, which must be good.
func settled(t *testing.T, q *sequencer, writes ...*write) {
	t.Helper()
	for _, w := range writes {
		if o, err := q.await(t.Context(), w); err != nil || o.err != nil {
			t.Fatal(errors.Join(err, o.err))
		}
	}
}

// What comes while a group is synced is one group, however it trickles in.
func TestSmallWritesGatherBehindASync(t *testing.T) {
	slow := &slowSync{reached: make(chan struct{}, 1), free: make(chan struct{})}
	s, _ := served(t, outageDir, slow.disk())
	q, before := s.journal.sequence, s.Stats().Batches
	writes := []*write{slow.hold(t, q)}
	for range 500 {
		w := sized("s", 10)
		if err := q.enqueue(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		writes = append(writes, w)
	}
	slow.release()
	settled(t, q, writes...)
	if n := s.Stats().Batches - before; n != 2 {
		t.Errorf("501 small writes, 500 of them behind a sync, took %d batches, want 2", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// What is worth a sync of its own is handed to the engine at once, and takes with it
// what was waiting, wherever the group is when it comes.
func TestLargeWritesDoNotWait(t *testing.T) {
	s, _ := served(t, outageDir, vfs.NewMem())
	q := s.journal.sequence
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for turns := range 200 {
		q.under.Add(1) // as if a group were being synced
		small, large := sized("s", 10), sized("s", groupWorth)
		for _, w := range []*write{small, large} {
			if err := q.enqueue(ctx, w); err != nil {
				t.Fatal(err)
			}
			for range turns {
				runtime.Gosched()
			}
		}
		if o, err := q.await(ctx, large); err != nil || o.err != nil {
			t.Fatal("a large write waits for a sync:", errors.Join(err, o.err))
		}
		settled(t, q, small)
		q.passed()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A new journal has blocks ahead of its end, and what is read of it at the next
// open ends where it was written.
func TestJournalsAreFilledAhead(t *testing.T) {
	dir := t.TempDir()
	s, _ := served(t, dir, vfs.Default)
	if _, err := submitOne(s, expectNone); err != nil {
		t.Fatal(err)
	}
	journals, err := filepath.Glob(filepath.Join(storePath(dir), "*.log"))
	if err != nil || len(journals) != 1 {
		t.Fatal(journals, err)
	}
	wire, err := vfs.Default.Open(journals[0])
	if err != nil {
		t.Fatal(err)
	}
	defer wire.Close()
	b := make([]byte, ahead+1)
	if _, err := wire.ReadAt(b, 0); err != nil {
		t.Fatalf("nothing is there ahead of what was written: %v", err)
	}
	if bytes.Equal(b, make([]byte, len(b))) || !bytes.Equal(b[ahead/2:], zeros[:ahead/2+1]) {
		t.Error("a journal is not what was written and zeros behind it")
	}
	to := t.TempDir() // as if the process had died
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	again, _ := served(t, to, vfs.Default)
	if again.Head() != 1 {
		t.Errorf("after a kill the head is %d, want 1", again.Head())
	}
	if err := errors.Join(s.Close(), again.Close()); err != nil {
		t.Fatal(err)
	}
}
