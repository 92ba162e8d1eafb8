package testkit

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
)

var update = flag.Bool("update", false, "write the stored form of events that have none yet")

// Golden keeps a vocabulary readable for ever: testdata/events holds the stored
// form of every version of every event, as <name>.v<version>.json; each must
// decode, and today's must encode to the same again. Run with -update to write
// the missing ones from samples. A file that exists is never written: what it
// holds may be in somebody's log.
func Golden(t *testing.T, v domain.Vocabulary, samples ...domain.Event) {
	t.Helper()
	r := domain.NewRegistry(v)
	if *update {
		writeSamples(t, r, samples)
	}
	known := map[string]bool{}
	for _, d := range v {
		for version := 1; version <= d.Version; version++ {
			path := goldenPath(d.Name, version)
			known[path] = true
			t.Run(filepath.Base(path), func(t *testing.T) { readable(t, r, d, version) })
		}
	}
	files, _ := filepath.Glob(filepath.Join("testdata", "events", "*.json"))
	for _, f := range files {
		if !known[f] {
			t.Errorf("%s is stored somewhere, but nothing reads it any more", f)
		}
	}
}

func goldenPath(name string, version int) string {
	return filepath.Join("testdata", "events", fmt.Sprintf("%s.v%d.json", name, version))
}

func readable(t *testing.T, r *domain.Registry, d domain.Definition, version int) {
	stored, err := os.ReadFile(goldenPath(d.Name, version))
	if err != nil {
		t.Fatalf("%v; write it with -update and a sample of the event", err)
	}
	e, err := r.Decode(d.Name, version, stored)
	if err != nil {
		t.Fatal(err)
	}
	if version != d.Version {
		return
	}
	_, _, again, err := r.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(parsed(t, stored), parsed(t, again)); diff != "" {
		t.Fatalf("stored and encoded again (-stored +again):\n%s", diff)
	}
}

func parsed(t *testing.T, b []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func writeSamples(t *testing.T, r *domain.Registry, samples []domain.Event) {
	t.Helper()
	for _, e := range samples {
		name, version, data, err := r.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		path := goldenPath(name, version)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, data, "", "  "); err != nil {
			t.Fatal(err)
		}
		pretty.WriteByte('\n')
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
