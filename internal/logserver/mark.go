package logserver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
)

// markSize is one slot: magic, turn, position, log id, checksum.
const (
	markSize  = 4 + 8 + 8 + 16 + 4
	markMagic = 0x4b52414d
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A mark is the durable memory of how far the log has certainly been synced.
// The storage engine takes the first bad chunk of its newest journal for the
// journal's end; without a second witness a flipped bit there would silently
// cut off acknowledged events.
//
// Invariant: the position in the file never exceeds what is synced. It may lag.
// Two slots are written in turn, so a torn write leaves the other one.
type mark struct {
	file     vfs.File
	path     string
	id       uuid.UUID
	turn     uint64
	position uint64
}

func markPath(dir string) string { return filepath.Join(dir, "durable") }

// openMark reads the mark, or creates it with a new log id.
func openMark(files vfs.FS, dir string) (*mark, error) {
	path := markPath(dir)
	_, err := files.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createMark(files, dir)
	}
	if err != nil { // opening would make an empty one
		return nil, fmt.Errorf("opening the durable mark: %w", err)
	}
	file, err := files.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("opening the durable mark: %w", err)
	}
	m := &mark{file: file, path: path}
	if err := m.read(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return m, nil
}

// createMark starts a log, unless there already is one that lost its mark.
func createMark(files vfs.FS, dir string) (*mark, error) {
	entries, err := files.List(storePath(dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("creating the durable mark: %w", err)
	}
	if len(entries) > 1 { // the lock is always there
		return nil, &CorruptionError{Path: markPath(dir), Reason: "the durable mark is missing"}
	}
	m, err := newMark(files, dir, uuid.New())
	if err != nil {
		return nil, err
	}
	if err := errors.Join(m.write(0), m.settle(files)); err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

// newMark is a mark that has not got its name yet: it gets that when what it says
// is synced.
func newMark(files vfs.FS, dir string, id uuid.UUID) (*mark, error) {
	path := markPath(dir)
	if err := files.Remove(path + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("creating the durable mark: %w", err)
	}
	file, err := files.OpenReadWrite(path+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("creating the durable mark: %w", err)
	}
	return &mark{file: file, path: path, id: id}, nil
}

// settle gives a new mark its name.
func (m *mark) settle(files vfs.FS) error {
	return errors.Join(files.Rename(m.path+".new", m.path), syncDirectory(files, filepath.Dir(m.path)))
}

// lookAtMark reads a mark without opening it for writing, and says which of its
// slots are whole.
func lookAtMark(dir string) (m *mark, whole [2]bool, err error) {
	slots, err := os.ReadFile(markPath(dir))
	if err != nil {
		return nil, whole, err
	}
	m = &mark{}
	slots = append(slots, make([]byte, 2*markSize)...) // the second one may never have been written
	whole = [2]bool{m.take(slots[:markSize]), m.take(slots[markSize : 2*markSize])}
	return m, whole, nil
}

func (m *mark) read() error {
	var slots [2 * markSize]byte
	if _, err := m.file.ReadAt(slots[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the durable mark: %w", err)
	}
	found := m.take(slots[:markSize])
	if m.take(slots[markSize:]) || found {
		return nil
	}
	return &CorruptionError{Path: m.path, Reason: "both slots of the durable mark are damaged"}
}

// take adopts a slot if it is whole and newer.
func (m *mark) take(slot []byte) bool {
	body, sum := slot[:markSize-4], binary.LittleEndian.Uint32(slot[markSize-4:])
	if binary.LittleEndian.Uint32(body) != markMagic || crc32.Checksum(body, castagnoli) != sum {
		return false
	}
	if turn := binary.LittleEndian.Uint64(body[4:]); turn >= m.turn {
		m.turn, m.position = turn, binary.LittleEndian.Uint64(body[12:])
		m.id = uuid.UUID(body[20:36])
	}
	return true
}

// write puts a synced position into the older slot and syncs it.
func (m *mark) write(position uint64) error {
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, markSize), markMagic)
	b = binary.LittleEndian.AppendUint64(b, m.turn+1)
	b = binary.LittleEndian.AppendUint64(b, position)
	b = append(b, m.id[:]...)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	if _, err := m.file.WriteAt(b, int64((m.turn+1)%2)*markSize); err != nil {
		return fmt.Errorf("writing the durable mark: %w", err)
	}
	if err := m.file.Sync(); err != nil {
		return fmt.Errorf("syncing the durable mark: %w", err)
	}
	m.turn, m.position = m.turn+1, position
	return nil
}

// replaceMark puts a new mark with both its slots in the place of an old one.
func replaceMark(files vfs.FS, dir string, id uuid.UUID, position uint64) error {
	m, err := newMark(files, dir, id)
	if err != nil {
		return err
	}
	return errors.Join(m.write(position), m.write(position), m.close(), m.settle(files))
}

func (m *mark) close() error { return m.file.Close() }
