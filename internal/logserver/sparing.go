package logserver

import (
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// sparingBelow is the free space below which the engine's journals take room
// only as they are filled. Otherwise each of up to nine takes 17 MiB when it
// begins, and a log that is just opened begins several in the time between two
// looks at the disk: enough to use up the reserve before an append is refused.
const sparingBelow = 8 * DefaultDiskReserve

// A sparingDisk does not reserve space when there is little of it.
type sparingDisk struct{ vfs.FS }

// Unwrap gives the file system underneath.
func (d sparingDisk) Unwrap() vfs.FS { return d.FS }

// Create makes a new file.
func (d sparingDisk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, category)
	if err != nil {
		return nil, err
	}
	return &sparingFile{File: f, disk: d.FS, dir: filepath.Dir(name), journal: filepath.Ext(name) == ".log"}, nil
}

// A sparingFile is on a sparingDisk.
type sparingFile struct {
	vfs.File
	disk    vfs.FS
	dir     string
	journal bool
	written int64 // by the engine
	filled  int64 // up to where there are blocks that were written once
}

// ahead is how far a new journal is filled with zeros beyond what is written to it.
// A sync that reaches beyond the end of a file, or into space that was only set
// aside, has to write the file system's own journal as well. The engine takes old
// journals again, so this is a matter of the first few.
const ahead = 512 << 10

var zeros [ahead]byte

// Write fills up in front of what it writes. That is a wish, too.
func (f *sparingFile) Write(p []byte) (int, error) {
	if end := f.written + int64(len(p)); f.journal && end > f.filled && f.roomy() {
		_, _ = f.File.WriteAt(zeros[:], end)
		f.filled = end + ahead
	}
	n, err := f.File.Write(p)
	f.written += int64(n)
	return n, err
}

func (f *sparingFile) roomy() bool {
	usage, err := f.disk.GetDiskUsage(f.dir)
	return err != nil || usage.AvailBytes >= sparingBelow
}

// Preallocate is a wish of the engine, and it does not mind when it is refused.
func (f *sparingFile) Preallocate(offset, length int64) error {
	if !f.roomy() {
		return nil
	}
	return f.File.Preallocate(offset, length)
}
