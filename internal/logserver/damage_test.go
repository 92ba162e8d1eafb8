package logserver_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/reeve-platform/reeve/internal/logserver"
)

// killed is the directory of a process that died with 60 of its 120 events,
// appended three at a time, under the mark.
func killed(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd, url := spawn(t, childDir, dir)
	w := &world{T: t, ctx: t.Context(), client: connect(t, url)}
	for n := range 20 {
		w.append("s", esdb.Any{}, events(3*n, 3)...)
	}
	w.until("the mark", func() bool { return marked(t, dir) == 60 })
	then, err := os.ReadFile(filepath.Join(dir, "durable"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		w.append("s", esdb.Any{}, events(60+3*n, 3)...)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err := os.WriteFile(filepath.Join(dir, "durable"), then, 0o600); err != nil { // where the appends were slow, it had moved
		t.Fatal(err)
	}
	for _, journal := range matching(t, dir, "store", "*.log") { // copied often, and mostly zeros
		if err := os.Truncate(journal, int64(written(t, journal)+4096)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// marked is the newer of the two positions in the mark's file.
func marked(t *testing.T, dir string) (position uint64) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "durable"))
	if err != nil {
		t.Fatal(err)
	}
	for slot := 0; slot+20 <= len(data); slot += 40 {
		position = max(position, binary.LittleEndian.Uint64(data[slot+12:]))
	}
	return position
}

// survey opens a copy and reads it all. It returns the events found, or -1
// when the log was refused; any other failure fails the test.
func survey(t *testing.T, dir string) int {
	t.Helper()
	s, err := open(dir)
	var corrupt *logserver.CorruptionError
	if errors.As(err, &corrupt) {
		return -1
	}
	if err != nil {
		t.Fatalf("neither opened nor refused: %v", err)
	}
	go func() { _ = s.Serve() }()
	defer s.Close()
	r, err := connect(t, s.URL()).ReadAll(t.Context(), esdb.ReadAllOptions{From: esdb.Start{}}, math.MaxUint64)
	if err != nil {
		t.Fatal(err)
	}
	all, err := collect(r)
	if err != nil {
		t.Fatal(err)
	}
	for n, e := range all {
		if e.Event.EventID != id(n) || e.Event.EventNumber != uint64(n) {
			t.Fatalf("event %d is %v", n, e.Event)
		}
	}
	return len(all)
}

func clone(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "log")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// Wherever the newest journal ends, the log either opens with exactly the
// whole appends before the cut, none of those under the mark missing, or is
// refused.
func TestEveryCutOfTheJournal(t *testing.T) {
	dir := killed(t)
	mark := int(marked(t, dir))
	files := matching(t, dir, "store", "*.log")
	newest := filepath.Base(files[len(files)-1])
	last, refused := 0, 0
	cuts, used := logserver.CrashRounds(100, 5000), written(t, filepath.Join(dir, "store", newest))
	for n := range cuts + 1 {
		one := clone(t, dir)
		if err := os.Truncate(filepath.Join(one, "store", newest), int64(n*used/cuts)); err != nil {
			t.Fatal(err)
		}
		found := survey(t, one)
		if found < 0 {
			refused++
			continue
		}
		if found%3 != 0 || found < last || found < mark {
			t.Errorf("cut %d: %d events after %d, mark %d", n, found, last, mark)
		}
		last = found
	}
	if last != 120 || refused == 0 {
		t.Errorf("the longest cut has %d events, %d cuts were refused", last, refused)
	}
}

// What a power cut leaves of a journal may end in zeros, or be zeros from some byte
// on. No event comes of them, and none below the mark is missed.
func TestZeroedTails(t *testing.T) {
	dir := killed(t)
	mark := int(marked(t, dir))
	files := matching(t, dir, "store", "*.log")
	newest := filepath.Base(files[len(files)-1])
	used := written(t, files[len(files)-1])
	for size := 4 << 10; size <= 8<<20; size *= 2 {
		one := clone(t, dir)
		zero(t, filepath.Join(one, "store", newest), used, size)
		if found := survey(t, one); found != 120 {
			t.Errorf("%d of 120 events before %d zeros", found, size)
		}
	}
	refused, cuts := 0, logserver.CrashRounds(30, 500)
	for n := range cuts {
		one := clone(t, dir)
		zero(t, filepath.Join(one, "store", newest), n*used/cuts, 64<<10)
		switch found := survey(t, one); {
		case found < 0:
			refused++
		case found%3 != 0 || found < mark:
			t.Errorf("zeros from byte %d on: %d events, mark %d", n*used/cuts, found, mark)
		}
	}
	if refused == 0 || refused == cuts {
		t.Errorf("%d of %d were refused", refused, cuts)
	}
}

// zero ends a file with so many zeros from an offset on.
func zero(t *testing.T, path string, from, count int) {
	t.Helper()
	for _, size := range []int{from, from + count} {
		if err := os.Truncate(path, int64(size)); err != nil {
			t.Fatal(err)
		}
	}
}

// written is how much of a file there is before zeros: journals are preallocated.
func written(t *testing.T, path string) int {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return max(1, len(bytes.TrimRight(data, "\x00")))
}

// A flipped bit anywhere leaves the content equal, cuts above the mark, or is
// refused.
func TestFlippedBits(t *testing.T) {
	dir := filled(t, 120)
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if info, _ := d.Info(); err == nil && !d.IsDir() && info.Size() > 0 {
			rel, _ := filepath.Rel(dir, path)
			files = append(files, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for n := range logserver.CrashRounds(120, 1000) {
		one := clone(t, dir)
		file := files[n%len(files)]
		flipBit(t, filepath.Join(one, file), random)
		if found := survey(t, one); found >= 0 && found != 120 {
			t.Errorf("a bit in %s: %d of 120 events", file, found)
		}
	}
}

// A flipped bit in a table, where records go when a journal is replayed, is as
// well a refusal and nothing else.
func TestFlippedBitsOfTables(t *testing.T) {
	dir := filled(t, 120)
	if found := survey(t, dir); found != 120 { // the open moves them from the journal to a table
		t.Fatal(found)
	}
	random, refused := rand.New(rand.NewPCG(3, 4)), 0
	for range 40 {
		one := clone(t, dir)
		tables := matching(t, one, "store", "*.sst")
		flipBit(t, tables[random.IntN(len(tables))], random)
		switch found := survey(t, one); found {
		case -1:
			refused++
		case 120:
		default:
			t.Errorf("%d of 120 events", found)
		}
	}
	if refused == 0 {
		t.Error("no damage was found")
	}
}

func flipBit(t *testing.T, path string, random *rand.Rand) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[random.IntN(written(t, path))] ^= 1 << random.IntN(8)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
