package logserver_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/internal/logserver"
)

// mended repairs a damaged copy of a log of n events in stream s and checks
// that what came before the damage is there and everything else is said to be
// lost.
func mended(t *testing.T, dir string, n int) logserver.Repair {
	t.Helper()
	before := bytesOf(t, dir)
	plan, err := logserver.RepairDir(t.Context(), dir, true)
	if err != nil || plan.Done || !plan.Needed {
		t.Fatalf("dry run: %+v, %v", plan, err)
	}
	if diff := cmp.Diff(before, bytesOf(t, dir)); diff != "" {
		t.Fatalf("a dry run changed files: %s", diff)
	}
	r, err := logserver.RepairDir(t.Context(), dir, false)
	if err != nil || !r.Done || r.Kept != plan.Kept || r.LostFrom != plan.LostFrom || r.LostTo != plan.LostTo {
		t.Fatalf("%+v after the plan %+v: %v", r, plan, err)
	}
	if lost := n - int(r.Kept); r.Kept != r.KeptTo || lost > 0 && (r.LostFrom != r.KeptTo+1 || r.LostTo != uint64(n)) || lost == 0 && r.LostFrom != 0 {
		t.Errorf("%+v of %d", r, n)
	}
	copied := bytesOf(t, r.Copy)
	for path, sum := range before {
		rel, _ := filepath.Rel(dir, path)
		if copied[filepath.Join(r.Copy, rel)] != sum {
			t.Errorf("%s is another in the copy", rel)
		}
	}
	if v := verify(t, dir); v.Found > 0 || v.Events != r.Kept+1 || v.Lost != uint64(n)-r.Kept || v.LogID != r.LogID {
		t.Errorf("%+v", v)
	}
	w := start(t, dir)
	all := w.readAll(esdb.ReadAllOptions{From: esdb.Start{}}, math.MaxUint64)
	for i, e := range all[:len(all)-1] {
		if e.Event.EventID != id(i) || e.Event.Position.Commit != uint64(i+1) {
			t.Errorf("event %d is %v", i, e.Event)
		}
	}
	told := all[len(all)-1].Event
	var said logserver.Repair
	if err := json.Unmarshal(told.Data, &said); err != nil || told.StreamID != logserver.RepairStream || told.EventType != logserver.RepairType ||
		said.LostFrom != r.LostFrom || said.LostTo != r.LostTo || told.Position.Commit != r.Head {
		t.Errorf("the log says %s: %v", told.Data, err)
	}
	if w := w.append("s", esdb.Revision(r.Kept-1), event(-1)); w.CommitPosition != r.Head+1 {
		t.Errorf("goes on at %d after %d", w.CommitPosition, r.Head)
	}
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRepair(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			dir := filled(t, 60)
			damage(t, dir)
			if name != "store gone" && name != "journal cut" {
				mended(t, dir, 60)
				return
			}
			before := bytesOf(t, dir)
			if r, err := logserver.RepairDir(t.Context(), dir, false); err == nil || r.Done {
				t.Errorf("%+v, %v", r, err)
			}
			if diff := cmp.Diff(before, bytesOf(t, dir)); diff != "" {
				t.Errorf("changed: %s", diff)
			}
		})
	}
}

// enginesDamage are damages after which the engine itself cannot open.
var enginesDamage = map[string]func(t *testing.T, dir string){
	"manifest flipped": func(t *testing.T, dir string) {
		for _, f := range matching(t, dir, "store", "MANIFEST-*") {
			flip(t, f, 20)
		}
	},
	"manifest gone": func(t *testing.T, dir string) {
		for _, f := range matching(t, dir, "store", "MANIFEST-*") {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
	},
	"marker gone": func(t *testing.T, dir string) {
		for _, f := range matching(t, dir, "store", "marker.manifest*") {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
	},
}

// What the engine cannot open is gathered from its files: nothing is lost when
// only its list of them is.
func TestRepairWithoutTheEngine(t *testing.T) {
	for name, damage := range enginesDamage {
		t.Run(name, func(t *testing.T) {
			dir := filled(t, 60)
			w := start(t, dir) // to have a table and a journal
			w.append("s", esdb.Any{}, events(60, 30)...)
			if err := w.server.Close(); err != nil {
				t.Fatal(err)
			}
			damage(t, dir)
			if v := verify(t, dir); v.Found == 0 {
				t.Error("nothing was found")
			}
			if r := mended(t, dir, 90); r.Kept != 90 || r.Engine {
				t.Errorf("%+v", r)
			}
		})
	}
}

// Whatever bit of whatever file is flipped: if anything is found, it is mended,
// or nothing was changed.
func TestRepairOfFlippedBits(t *testing.T) {
	tabled := filled(t, 120)
	survey(t, tabled)
	random := rand.New(rand.NewPCG(7, 8))
	hopeless, done := 0, 0
	for _, dir := range []string{filled(t, 120), tabled} {
		for n := range 25 {
			one := clone(t, dir)
			files := matching(t, one, "store", "*")
			file := files[n%len(files)]
			if info, err := os.Stat(file); err != nil || info.Size() == 0 {
				continue
			}
			flipBit(t, file, random)
			if verify(t, one).Found == 0 {
				continue
			}
			if _, err := logserver.RepairDir(t.Context(), clone(t, one), true); errors.Is(err, logserver.ErrHopeless) {
				hopeless++
				continue
			}
			mended(t, one, 120)
			done++
		}
	}
	if done == 0 {
		t.Errorf("%d mended, %d hopeless", done, hopeless)
	}
	t.Logf("%d mended, %d hopeless", done, hopeless)
}

// A log in which nothing is wrong is left alone, one that is open is refused,
// and a repair that was interrupted is begun again.
func TestRepairTouchesNothingElse(t *testing.T) {
	dir := filled(t, 10)
	before := bytesOf(t, dir)
	if r, err := logserver.RepairDir(t.Context(), dir, false); err != nil || r.Needed || r.Done || r.Copy != "" {
		t.Errorf("%+v, %v", r, err)
	}
	if diff := cmp.Diff(before, bytesOf(t, dir)); diff != "" {
		t.Errorf("changed: %s", diff)
	}
	open := t.TempDir()
	spawn(t, childDir, open)
	if _, err := logserver.RepairDir(t.Context(), open, false); !errors.Is(err, logserver.ErrLocked) {
		t.Errorf("open in another process: %v", err)
	}
	flip(t, filepath.Join(dir, "durable"), 10)
	flip(t, filepath.Join(dir, "durable"), 50)
	for old, name := range map[string]string{"store": "store.damaged"} { // killed between the two renames
		if err := errors.Join(os.Rename(filepath.Join(dir, old), filepath.Join(dir, name)), os.Mkdir(filepath.Join(dir, "store.repaired"), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := logserver.RepairDir(t.Context(), dir, false); err != nil || !r.Done || r.Kept != 10 {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := logserver.RepairDir(t.Context(), dir, false); err != nil || r.Needed {
		t.Errorf("again: %+v, %v", r, err)
	}
}
