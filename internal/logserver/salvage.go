package logserver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/wal"
)

// Gathering records from the engine's files one by one, without the list that
// says which of them count and which of two values is the newer: a record never
// changes, except that it is removed. So one that was removed in any file was
// removed, and all else is the same wherever it is found.

// A salvor gathers.
type salvor struct {
	*builder
	gone map[uint64]byte
}

// salvage makes a store of what the files of a damaged one still hold, beside
// it. The result drops it again.
func salvage(ctx context.Context, dir string, f foundation) (*pebble.DB, func(), error) {
	var db *pebble.DB
	var drop func()
	own := newFault()
	err := own.outlive(func() (err error) {
		db, drop, err = gatherAside(ctx, dir, f, own)
		return err
	})
	if err != nil { // what it was about to find may still be under way
		return nil, nil, err
	}
	return db, drop, nil
}

func gatherAside(ctx context.Context, dir string, f foundation, own *fault) (*pebble.DB, func(), error) {
	path, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".salvage-")
	if err != nil {
		return nil, nil, err
	}
	b, err := newBuilder(path, own)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(path))
	}
	drop := func() { _ = b.db.Close(); _ = os.RemoveAll(path) }
	s := &salvor{builder: b, gone: map[uint64]byte{}}
	if err := errors.Join(s.tables(ctx, dir, f), s.journals(ctx, dir, f), s.remove(), b.flush(0), b.batch.Close()); err != nil {
		drop()
		return nil, nil, err
	}
	return b.db, drop, nil
}

// tables reads every table as far as it can be read.
func (s *salvor) tables(ctx context.Context, dir string, f foundation) error {
	paths, err := filepath.Glob(filepath.Join(storePath(dir), "*.sst"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		t, err := openTable(path, f)
		if err != nil {
			continue // what it held is missing, and will be found so
		}
		if err := errors.Join(s.table(t), t.Close(), ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

func (s *salvor) table(t *sstable.Reader) error {
	it, err := t.NewIter(sstable.NoTransforms, nil, nil, sstable.AssertNoBlobHandles)
	if err != nil {
		return nil // as above
	}
	defer func() { _ = it.Close() }() // what could not be read is missing
	for kv := it.First(); kv != nil; kv = it.Next() {
		value, _, err := kv.Value(nil)
		if err != nil {
			return nil
		}
		if kv.K.Kind() != pebble.InternalKeyKindSet && kv.K.Kind() != pebble.InternalKeyKindSetWithDelete {
			continue
		}
		if err := s.gather(kv.K.UserKey, value); err != nil {
			return err
		}
	}
	return nil
}

// journals reads every journal up to its first bad record.
func (s *salvor) journals(ctx context.Context, dir string, f foundation) error {
	logs, err := wal.Scan(wal.Dir{FS: f.files, Dirname: storePath(dir)})
	if err != nil {
		return err
	}
	for _, l := range logs {
		r := l.OpenForRead()
		err := s.journal(r)
		if err := errors.Join(err, r.Close(), ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

func (s *salvor) journal(r wal.Reader) error {
	for {
		written, ok := nextBatch(r)
		if !ok {
			return nil
		}
		for batch := batchrepr.Read(written); ; {
			kind, key, value, ok, err := batch.Next()
			if !ok || err != nil {
				break
			}
			if kind != pebble.InternalKeyKindSet {
				continue
			}
			if err := s.gather(key, value); err != nil {
				return err
			}
		}
	}
}

// nextBatch is false at the journal's end, or where its rest cannot be read.
func nextBatch(r wal.Reader) ([]byte, bool) {
	next, _, err := r.NextRecord()
	if err != nil {
		return nil, false
	}
	var b bytes.Buffer
	_, err = io.Copy(&b, next)
	return b.Bytes(), err == nil
}

// gather takes records and facts; entries are made anew.
func (s *salvor) gather(key, value []byte) error {
	switch {
	case len(key) == 0 || key[0] != logRegion && key[0] != factRegion:
		return nil
	case key[0] == logRegion && len(value) == 1:
		s.gone[positionOf(key)] = value[0]
		return nil
	}
	return s.set(key, value)
}

func (s *salvor) remove() error {
	for position, mark := range s.gone {
		if err := s.set(logKey(position), []byte{mark}); err != nil {
			return err
		}
	}
	return nil
}
