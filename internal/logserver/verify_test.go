package logserver_test

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/internal/logserver"
)

func verify(t *testing.T, dir string) logserver.Verification {
	t.Helper()
	v, err := logserver.Verify(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// bytesOf are all files of a directory by their checksum.
func bytesOf(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	files := map[string][32]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = sha256.Sum256(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Verifying counts what is there, warns of streams that forget, and leaves
// every byte as it was, whether the log was closed or killed.
func TestVerifyAWholeLog(t *testing.T) {
	w, dir := overgrown(t)
	for round := range 2 {
		head := w.server.Head()
		if err := w.server.Close(); err != nil {
			t.Fatal(err)
		}
		before := bytesOf(t, dir)
		told := 0
		v, err := logserver.Verify(t.Context(), dir, func(logserver.Verification) { told++ })
		if err != nil || v.Found > 0 {
			t.Fatalf("%+v, %v", v, err)
		}
		if diff := cmp.Diff(before, bytesOf(t, dir)); diff != "" {
			t.Errorf("files changed: %s", diff)
		}
		if v.Head != head || v.Mark != head || v.Events+v.Scavenged != head || v.Bytes == 0 || v.LogID != w.server.LogID() {
			t.Errorf("%+v at %d", v, head)
		}
		if (v.Scavenged > 0) != (round > 0) {
			t.Errorf("round %d: %d scavenged", round, v.Scavenged)
		}
		var forget []string
		for _, f := range v.Warnings {
			forget = append(forget, f.Stream)
		}
		if got := strings.Join(forget, " "); got != "aged counted deleted revived truncated" {
			t.Errorf("warned of %s", got)
		}
		w = start(t, dir)
		w.compact()
	}
	killed := killed(t)
	before := bytesOf(t, killed)
	if v := verify(t, killed); v.Found > 0 || v.Events < 60 {
		t.Errorf("killed: %+v", v)
	}
	if diff := cmp.Diff(before, bytesOf(t, killed)); diff != "" {
		t.Errorf("files changed: %s", diff)
	}
}

func TestVerifyRefuses(t *testing.T) {
	dir := t.TempDir()
	spawn(t, childDir, dir)
	if _, err := logserver.Verify(t.Context(), dir, nil); !errors.Is(err, logserver.ErrLocked) {
		t.Errorf("open in another process: %v", err)
	}
	nothing := filepath.Join(dir, "nothing")
	if _, err := logserver.Verify(t.Context(), nothing, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no log: %v", err)
	}
	if _, err := os.Stat(nothing); err == nil {
		t.Error("a directory was made")
	}
	if v := verify(t, filled(t, 0)); v.Found > 0 {
		t.Errorf("an empty log: %+v", v)
	}
}

// Whatever an open refuses is found, and so is each flipped bit in a table,
// also where no record is.
func TestVerifyFindsDamage(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			dir := filled(t, 60)
			damage(t, dir)
			if v := verify(t, dir); v.Found == 0 || len(v.Findings) == 0 || v.Findings[0].Path == "" {
				t.Errorf("%+v", v)
			}
		})
	}
	dir := filled(t, 120)
	survey(t, dir) // moves the records to tables
	random := rand.New(rand.NewPCG(5, 6))
	for range 25 {
		one := clone(t, dir)
		tables := matching(t, one, "store", "*.sst")
		flipBit(t, tables[random.IntN(len(tables))], random)
		if v := verify(t, one); v.Found == 0 {
			t.Errorf("%+v", v)
		}
	}
}

// Who verifies leaves the directory free again.
func TestVerifyThenServe(t *testing.T) {
	dir := filled(t, 10)
	verify(t, dir)
	if r := start(t, dir).append("s", esdb.Revision(9), event(10)); r.CommitPosition != 11 {
		t.Error(r)
	}
}
