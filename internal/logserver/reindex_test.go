package logserver

import (
	"encoding/binary"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Damage within whole files, as a fault of this program would leave it: each is
// found where it is, and a repair loses no more than what is in doubt.
func TestRepairOfWrongKeys(t *testing.T) {
	position := binary.BigEndian.AppendUint64(nil, 5)
	cases := map[string]struct {
		spoil func(b *pebble.Batch) error
		found uint64 // position of the first finding
		kept  uint64
		lost  uint64 // first position given up
	}{
		"a record is missing":         {func(b *pebble.Batch) error { return b.Delete(logKey(7), nil) }, 7, 6, 7},
		"a record is no record":       {func(b *pebble.Batch) error { return b.Set(logKey(7), []byte("no record"), nil) }, 7, 6, 7},
		"a record is at another's":    {func(b *pebble.Batch) error { return b.Set(logKey(7), nil, nil) }, 7, 6, 7},
		"an entry is missing":         {func(b *pebble.Batch) error { return b.Delete(streamKey("s", 3), nil) }, 0, 20, 0},
		"an entry leads astray":       {func(b *pebble.Batch) error { return b.Set(streamKey("s", 3), position, nil) }, 5, 20, 0},
		"an entry leads nowhere":      {func(b *pebble.Batch) error { return b.Set(streamKey("other", 0), position, nil) }, 5, 20, 0},
		"an event was said to be old": {func(b *pebble.Batch) error { return b.Set(logKey(9), []byte{scavengedMark}, nil) }, 9, 8, 10},
		"a key belongs to nothing":    {func(b *pebble.Batch) error { return b.Set([]byte("x"), nil, nil) }, 0, 20, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, _ := served(t, dir, vfs.Default)
			for n := range 20 {
				if o, err := submitOne(s, int64(n)-1); err != nil || o.err != nil {
					t.Fatal(o, err)
				}
			}
			b := s.journal.db.NewBatch()
			if err := c.spoil(b); err != nil {
				t.Fatal(err)
			}
			if err := s.journal.db.Apply(b, pebble.Sync); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			v, err := Verify(t.Context(), dir, nil)
			if err != nil || v.Found == 0 || v.Findings[0].Position != c.found {
				t.Errorf("found %+v, %v", v.Findings, err)
			}
			r, err := RepairDir(t.Context(), dir, false)
			if err != nil || r.Kept != c.kept || r.LostFrom != c.lost {
				t.Errorf("%+v, %v", r, err)
			}
			again, _ := served(t, dir, vfs.Default)
			if again.Head() != 21 {
				t.Errorf("head %d", again.Head())
			}
			if err := again.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
