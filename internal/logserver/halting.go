package logserver

import (
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A haltingDisk does not return from a write of the engine's journals, manifests
// or directories that failed: it records a fault, and that goroutine stays. To such
// a failure the engine answers with its fatal log call, which is not to return
// either, or by a panic in whichever goroutine it is, which would take the process
// before anybody is told. A table that cannot be written is another matter, the
// engine can try that again.
type haltingDisk struct {
	vfs.FS
	fault *fault
}

// Unwrap gives the file system underneath.
func (d haltingDisk) Unwrap() vfs.FS { return d.FS }

func (d haltingDisk) halt(err error) {
	if err != nil && !planted("failed-sync-swallowed") {
		d.fault.lose(err)
		select {}
	}
}

func (d haltingDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, c)
	return d.halting(name, f, err)
}

func (d haltingDisk) ReuseForWrite(from, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.ReuseForWrite(from, name, c)
	return d.halting(name, f, err)
}

func (d haltingDisk) OpenDir(name string) (vfs.File, error) {
	f, err := d.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return haltingFile{f, d}, nil
}

func (d haltingDisk) halting(name string, f vfs.File, err error) (vfs.File, error) {
	if base := filepath.Base(name); filepath.Ext(base) != ".log" && !strings.HasPrefix(base, "MANIFEST") && !strings.HasPrefix(base, "marker") {
		return f, err
	}
	d.halt(err)
	return haltingFile{f, d}, nil
}

// A haltingFile is one whose failures are for good.
type haltingFile struct {
	vfs.File
	disk haltingDisk
}

func (f haltingFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.disk.halt(err)
	return n, nil
}

func (f haltingFile) Sync() error {
	f.disk.halt(f.File.Sync())
	return nil
}

func (f haltingFile) SyncData() error {
	f.disk.halt(f.File.SyncData())
	return nil
}

func (f haltingFile) SyncTo(length int64) (bool, error) {
	all, err := f.File.SyncTo(length)
	f.disk.halt(err)
	return all, nil
}

func (f haltingFile) Close() error {
	f.disk.halt(f.File.Close())
	return nil
}
