package logserver

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// makeDirectory makes a directory, and what is missing above it, to stay: a name
// is durable when the directory that holds it is synced, and a log whose
// directory goes with the power takes with it all that was acknowledged.
func makeDirectory(files vfs.FS, path string) error {
	holders, err := holding(files, path)
	if err != nil {
		return err
	}
	if err := files.MkdirAll(path, 0o700); err != nil {
		return err
	}
	for _, holder := range holders {
		if err := syncDirectory(files, holder); err != nil {
			return err
		}
	}
	return nil
}

// holding are the directories that get a new name when path is made: those above
// it up to the nearest that exists.
func holding(files vfs.FS, path string) (above []string, err error) {
	for {
		_, err := files.Stat(path)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return above, err
		}
		parent := filepath.Dir(path)
		if parent == path {
			return above, nil
		}
		above, path = append(above, parent), parent
	}
}

// syncDirectory makes new names in a directory durable; of a file, its content.
func syncDirectory(files vfs.FS, path string) error {
	d, err := files.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
