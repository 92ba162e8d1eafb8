package logserver_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/reeve-platform/reeve/internal/logserver"
)

func open(dir string) (*logserver.Server, error) {
	return logserver.Open(logserver.Options{Dir: dir, Addr: "127.0.0.1:0"})
}

func TestLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0"} {
		dir := filepath.Join(t.TempDir(), "log")
		_, err := logserver.Open(logserver.Options{Dir: dir, Addr: addr})
		if !errors.Is(err, logserver.ErrNotLoopback) {
			t.Errorf("%s: %v", addr, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: the directory was touched", addr)
		}
	}
	s, err := logserver.Open(logserver.Options{Dir: t.TempDir(), Addr: "localhost:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Errorf("close without serving, twice: %v", err)
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	t.Run("in this process", func(t *testing.T) {
		w := start(t, t.TempDir())
		w.append("s", esdb.Any{}, event(1))
	})
	dir := t.TempDir()
	spawn(t, childDir, dir)
	for range 5 {
		if _, err := open(dir); !errors.Is(err, logserver.ErrLocked) {
			t.Errorf("a second process: %v", err)
		}
	}
	own := t.TempDir()
	serve(t, own)
	if _, err := open(own); !errors.Is(err, logserver.ErrLocked) {
		t.Errorf("the same process: %v", err)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	w := start(t, dir)
	id := w.server.LogID()
	const writers, each = 64, 20
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			for i := range each {
				w.append(fmt.Sprint("w", n), esdb.Any{}, event(n*each+i))
			}
		})
	}
	wg.Wait()
	head, stats := w.server.Head(), w.server.Stats()
	if head != writers*each || stats.Events != writers*each || stats.Appends != writers*each || stats.Batches == 0 || stats.LastSync == 0 {
		t.Errorf("head %d, %+v", head, stats)
	}
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	w = start(t, dir)
	if w.server.LogID() != id || w.server.Head() != head || w.server.Stats().Mark != head {
		t.Errorf("reopened as %v at %d", w.server.LogID(), w.server.Head())
	}
	seen := map[string]bool{}
	for _, e := range w.readAll(esdb.ReadAllOptions{From: esdb.Start{}}, math.MaxUint64) {
		seen[e.Event.EventID.String()] = true
	}
	if len(seen) != writers*each {
		t.Errorf("%d events, want %d", len(seen), writers*each)
	}
	if r := w.append("w0", esdb.Revision(each-1), event(-1)); r.CommitPosition != head+1 {
		t.Errorf("went on at %d", r.CommitPosition)
	}
}

// filled is a closed log of n events.
func filled(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	w := start(t, dir)
	for i := range n {
		w.append("s", esdb.Any{}, event(i))
	}
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func matching(t *testing.T, pattern ...string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(pattern...))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %v: %v", pattern, err)
	}
	return files
}

// damages are ways to lose acknowledged events.
var damages = map[string]func(t *testing.T, dir string){
	"journal cut": func(t *testing.T, dir string) {
		for _, f := range matching(t, dir, "store", "*.log") {
			if err := os.Truncate(f, 100); err != nil {
				t.Fatal(err)
			}
		}
	},
	"journal flipped": func(t *testing.T, dir string) {
		for _, f := range matching(t, dir, "store", "*.log") {
			flip(t, f, 2000)
		}
	},
	"store gone": func(t *testing.T, dir string) {
		if err := os.RemoveAll(filepath.Join(dir, "store")); err != nil {
			t.Fatal(err)
		}
	},
	"mark gone": func(t *testing.T, dir string) {
		if err := os.Remove(filepath.Join(dir, "durable")); err != nil {
			t.Fatal(err)
		}
	},
	"both slots of the mark flipped": func(t *testing.T, dir string) {
		flip(t, filepath.Join(dir, "durable"), 10)
		flip(t, filepath.Join(dir, "durable"), 50)
	},
}

func TestDamagedLogIsRefused(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			dir := filled(t, 60)
			damage(t, dir)
			for range 2 {
				_, err := open(dir)
				var corrupt *logserver.CorruptionError
				if !errors.As(err, &corrupt) {
					t.Fatalf("opened with %v", err)
				}
			}
		})
	}
}

func flip(t *testing.T, path string, at int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil || len(data) <= at {
		t.Fatalf("%s has %d bytes: %v", path, len(data), err)
	}
	data[at] ^= 0x10
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOneSlotOfTheMarkIsEnough(t *testing.T) {
	for _, at := range []int{10, 50} {
		dir := filled(t, 10)
		flip(t, filepath.Join(dir, "durable"), at)
		if w := start(t, dir); len(w.read("s")) != 10 {
			t.Errorf("damage at %d", at)
		}
	}
}

// What follows the mark was perhaps never acknowledged; what precedes it was.
func TestTornTailAboveTheMark(t *testing.T) {
	dir := t.TempDir()
	cmd, url := spawn(t, childDir, dir)
	client := connect(t, url)
	w := &world{T: t, ctx: t.Context(), client: client}
	w.append("s", esdb.Any{}, events(0, 10)...)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	f := matching(t, dir, "store", "*.log")
	newest := f[len(f)-1]
	info, err := os.Stat(newest)
	if err != nil {
		t.Fatal(err)
	}
	for _, zeros := range []int64{0, 4096, 8 << 20} {
		if err := os.Truncate(newest, info.Size()+zeros); err != nil {
			t.Fatal(err)
		}
	}
	if w := start(t, dir); len(w.read("s")) != 10 || w.server.Head() != 10 {
		t.Errorf("head %d", w.server.Head())
	}
}
