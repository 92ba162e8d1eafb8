package logserver

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
)

// limited is a journal with a stream of which all but two events may be removed.
func limited(t *testing.T, files vfs.FS, dir string, events int) *journal {
	t.Helper()
	j, err := openJournal(files, Options{Dir: dir}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.close() })
	all := make([]content, events)
	for n := range all {
		all[n] = content{id: uuid.New(), kind: "Ticked", json: true, data: []byte("{}")}
	}
	if err := j.note("ticks", all...); err != nil {
		t.Fatal(err)
	}
	if err := j.note("$$ticks", content{id: uuid.New(), kind: metadataType, json: true, data: []byte(`{"$maxCount":2}`)}); err != nil {
		t.Fatal(err)
	}
	return j
}

// Removing takes room before it gives any back: without room it is refused, and
// the log goes on.
func TestCompactionWithoutRoom(t *testing.T) {
	d := &smallDisk{FS: vfs.Default, dir: t.TempDir()}
	d.room.Store(1 << 30)
	j := limited(t, d, d.dir, 3*scavengeBatch)
	d.room.Store(scavengeFloor)
	if c, err := j.compact(t.Context(), nil); !errors.Is(err, ErrNoRoom) || c.Scavenged != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if err := j.fault.err(); err != nil {
		t.Fatal(err)
	}
	d.room.Store(1 << 30)
	if c, err := j.compact(t.Context(), nil); err != nil || c.Scavenged != 3*scavengeBatch-2 {
		t.Errorf("with room: %+v, %v", c, err)
	}
}

// When room runs out on the way, what was removed so far is given back first.
func TestCompactionMakesItsOwnRoom(t *testing.T) {
	d := &shrinkingDisk{smallDisk: smallDisk{FS: vfs.Default, dir: t.TempDir()}}
	d.room.Store(1 << 30)
	j := limited(t, d, d.dir, 3*scavengeBatch)
	d.journal.Store(j)
	d.short.Store(true)
	c, err := j.compact(t.Context(), nil)
	if err != nil || c.Scavenged != 3*scavengeBatch-2 || d.short.Load() {
		t.Errorf("%+v, %v, still short: %v", c, err, d.short.Load())
	}
}

// Whatever is removed while the scrub looks at it was not lost.
func TestScrubBesideCompaction(t *testing.T) {
	j := limited(t, vfs.Default, t.TempDir(), 4*pageEvents)
	compacted := false
	err := j.verify(1, j.head.Load(), func(decoded) {
		if compacted {
			return
		}
		compacted = true // the first page is in hand, and most of it goes now
		if _, err := j.compact(t.Context(), nil); err != nil {
			t.Error(err)
		}
	})
	if err != nil || !compacted {
		t.Errorf("a healthy log: %v", err)
	}
}

// A shrinkingDisk is short of room when something has been removed, until it is
// looked at again.
type shrinkingDisk struct {
	smallDisk
	journal atomic.Pointer[journal]
	short   atomic.Bool
}

func (d *shrinkingDisk) GetDiskUsage(dir string) (vfs.DiskUsage, error) {
	if j := d.journal.Load(); j != nil && j.count.scavenged.Load() > 0 && d.short.CompareAndSwap(true, false) {
		return vfs.DiskUsage{AvailBytes: scavengeFloor - 1}, nil
	}
	return d.smallDisk.GetDiskUsage(dir)
}
