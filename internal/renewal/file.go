// Package renewal reads files again that change while a server runs: certificates
// above all, which are renewed more often than servers are restarted.
package renewal

import (
	"os"
	"time"
)

// Every is how often such files should be looked at.
const Every = time.Second

// A File is one that is read again when it changes.
type File struct {
	path string
	seen os.FileInfo // nil when it could not be looked at
}

// Watch looks at a file for the first time, so do it before reading.
func Watch(path string) *File {
	f := &File{path: path}
	f.Changed()
	return f
}

// Changed is true once after the file was written, replaced or removed. Look
// before you read: what is written meanwhile is then seen the next time.
func (f *File) Changed() bool {
	now, err := os.Stat(f.path)
	if err != nil {
		now = nil
	}
	before := f.seen
	f.seen = now
	if before == nil || now == nil {
		return (before == nil) != (now == nil)
	}
	return !os.SameFile(before, now) || before.Size() != now.Size() || !before.ModTime().Equal(now.ModTime())
}
