package logserver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// storeFormat is the layout of keys and records; another one is refused.
const storeFormat = "1"

func storePath(dir string) string { return filepath.Join(dir, "store") }

// A store keeps records by position and finds them by stream and revision.
//
// Invariant: readers see positions up to head only. The engine shows a batch
// before it is synced; what lies above head might still be lost.
type store struct {
	db   *pebble.DB
	lock *pebble.Lock
	path string
	head atomic.Uint64
	tail *tail
}

// lockStore takes the directory for this process.
func lockStore(files vfs.FS, dir string) (*pebble.Lock, error) {
	path := storePath(dir)
	if err := makeDirectory(files, path); err != nil {
		return nil, fmt.Errorf("creating the log directory: %w", err)
	}
	return lockAt(files, path)
}

func lockAt(files vfs.FS, path string) (*pebble.Lock, error) {
	lock, err := pebble.LockDirectory(path, files)
	if planted("lock-not-taken") && err != nil {
		return pebble.LockDirectory(filepath.Dir(path), vfs.NewMem())
	}
	var pathError *os.PathError
	switch {
	case err == nil:
		return lock, nil
	case errors.As(err, &pathError):
		return nil, fmt.Errorf("locking the log directory: %w", err)
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%w: %s", ErrLocked, path)
	}
	return nil, fmt.Errorf("%w: %s: %w", ErrLocked, path, err)
}

// A foundation is what a store stands on.
type foundation struct {
	lock      *pebble.Lock
	files     vfs.FS
	mustExist bool // a log whose mark is above zero
	logger    engineLogger
	readOnly  bool
}

// blockSize is what the engine reads, checks and unpacks at once. A log is mostly
// read in order, so a block holds dozens of records.
const blockSize = 32 << 10

// openStore opens the engine.
func openStore(path string, f foundation) (*store, error) {
	db, err := pebble.Open(path, engineOptions(f))
	if err != nil {
		return nil, openFailure(path, err)
	}
	return &store{db: db, lock: f.lock, path: path}, nil
}

// engineOptions bound the engine's memory: 64 MiB of blocks, up to four journals
// of 16 MiB each.
func engineOptions(f foundation) *pebble.Options {
	options := &pebble.Options{
		Lock:                        f.lock,
		FS:                          sparingDisk{haltingDisk{f.files, f.logger.fault}},
		Logger:                      f.logger,
		EventListener:               &pebble.EventListener{DataCorruption: f.logger.corrupted, BackgroundError: f.logger.background},
		ErrorIfNotExists:            f.mustExist,
		ReadOnly:                    f.readOnly,
		FormatMajorVersion:          pebble.FormatNewest,
		CacheSize:                   64 << 20,
		MemTableSize:                16 << 20,
		MemTableStopWritesThreshold: 4,
		L0StopWritesThreshold:       1000,
	}
	for i := range options.Levels {
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		options.Levels[i].BlockSize = blockSize
	}
	return options
}

// openFailure tells damage from what the operator can cure: permissions, space,
// file descriptors. The engine gives no type to most kinds of damage.
func openFailure(path string, err error) error {
	var system syscall.Errno
	if errors.As(err, &system) && system != syscall.ENOENT {
		return fmt.Errorf("opening the log store: %w", err)
	}
	return &CorruptionError{Path: path, Reason: "the storage engine cannot open its files", Cause: err}
}

// A name is where a record is found besides its position.
type name struct {
	stream   string
	revision int64
}

// put stages one record under its position and under its stream.
func put(b *pebble.Batch, r record, stream string, revision int64) error {
	return errors.Join(putRecord(b, r), putName(b, name{stream, revision}, r.position))
}

// putRecord and putName write in the memory of the batch.
func putRecord(b *pebble.Batch, r record) error {
	wire := b.SetDeferred(logKeySize, len(r.wire))
	appendLogKey(wire.Key[:0], r.position)
	copy(wire.Value, r.wire)
	return wire.Finish()
}

func putName(b *pebble.Batch, n name, position uint64) error {
	at := b.SetDeferred(streamKeySize(n.stream), 8)
	appendStreamKey(at.Key[:0], n.stream, n.revision)
	binary.BigEndian.PutUint64(at.Value, position)
	return at.Finish()
}

// publish makes synced records visible to readers, in the order of positions.
func (s *store) publish(records []record) {
	if len(records) == 0 {
		return
	}
	s.tail.add(records)
	s.head.Store(records[len(records)-1].position)
}

// fact reads a value about the log itself; nil when it was never set.
func (s *store) fact(key []byte) ([]byte, error) {
	value, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, s.damaged(0, err)
	}
	return append([]byte(nil), value...), closer.Close()
}

// damaged turns a read error of the engine into a corruption error if it is one.
func (s *store) damaged(position uint64, err error) error {
	if pebble.IsCorruptionError(err) {
		return &CorruptionError{Path: s.path, Position: position, Reason: "a checksum does not match", Cause: err}
	}
	return fmt.Errorf("reading the log store: %w", err)
}

func (s *store) close() error {
	return errors.Join(s.db.Close(), s.lock.Close())
}
