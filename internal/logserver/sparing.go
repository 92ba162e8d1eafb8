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
	return sparingFile{f, d.FS, filepath.Dir(name)}, nil
}

// A sparingFile is on a sparingDisk.
type sparingFile struct {
	vfs.File
	disk vfs.FS
	dir  string
}

// Preallocate is a wish of the engine, and it does not mind when it is refused.
func (f sparingFile) Preallocate(offset, length int64) error {
	if usage, err := f.disk.GetDiskUsage(f.dir); err == nil && usage.AvailBytes < sparingBelow {
		return nil
	}
	return f.File.Preallocate(offset, length)
}
