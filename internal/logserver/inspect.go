package logserver

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
)

const (
	tellEvery = 1 << 14 // keys between two words of how far it is
	leapLimit = 1 << 28 // a position that far from its neighbour is no position
)

// An inspector reads a whole store twice: by position, where it notes a print
// of every event's stream and revision, and by stream, where each entry must
// lead to the event with the same print and to no other one. So both halves are
// read in their order, and eight bytes a position is all that is remembered.
type inspector struct {
	*store
	*Verification
	told    func(Verification)
	seed    maphash.Seed
	prints  []uint64 // by position; 0 is no event, or one whose entry was found
	created int64
	earlier uint64 // revisions that streams no longer begin with
}

// inspect verifies a directory; what it returns is the damage or the failure
// that kept it from going on.
func inspect(ctx context.Context, v *Verification, f foundation, told func(Verification)) error {
	damage := newFault()
	f.logger = engineLogger{slog.New(slog.DiscardHandler), damage}
	m := inspectMark(v)
	s, err := openStore(storePath(v.Dir), f)
	if err != nil {
		return errors.Join(inspectTables(v, f, nil), err)
	}
	i := &inspector{store: s, Verification: v, told: told, seed: maphash.MakeSeed()}
	defer func() { _ = s.db.Close() }() // opened read-only: there is nothing to lose
	for _, pass := range []func(context.Context) error{
		func(context.Context) error { return i.identity(m) },
		i.positions, i.streams, i.strangers,
		func(context.Context) error { return i.tables(f) },
	} {
		if err := v.failed(pass(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// inspectMark reads the durable mark; nil when nothing of it is whole.
func inspectMark(v *Verification) *mark {
	path := markPath(v.Dir)
	m, whole, err := lookAtMark(v.Dir)
	switch {
	case err != nil:
		v.find(Finding{Path: path, Text: "the durable mark cannot be read: " + err.Error()})
		return nil
	case !whole[0] && !whole[1]:
		v.find(Finding{Path: path, Text: "both slots of the durable mark are damaged"})
		return nil
	case m.turn > 1 && (!whole[0] || !whole[1]):
		v.warn(Finding{Path: path, Text: "one slot of the durable mark is not whole, as after a torn write; the other one is"})
	}
	v.Mark, v.LogID = m.position, m.id
	return m
}

// identity compares the mark with the store.
func (i *inspector) identity(m *mark) error {
	head, err := i.newestPosition()
	if err != nil {
		return err
	}
	i.Head, i.All = head, 2*head
	i.head.Store(head)
	i.tail = newTail(head)
	if m != nil && head < m.position {
		i.find(Finding{Path: i.path, Position: head + 1, Last: m.position,
			Text: fmt.Sprintf("the log ends at %d but was synced up to %d", head, m.position)})
	}
	id, err := i.fact(factID)
	if err != nil {
		return err
	}
	format, err := i.fact(factFormat)
	switch {
	case err != nil:
		return err
	case id == nil && head == 0:
		return nil
	case m != nil && !bytes.Equal(id, m.id[:]):
		i.find(Finding{Path: i.path, Text: "the durable mark belongs to another log"})
	case m == nil:
		copy(i.LogID[:], id)
	}
	if string(format) != storeFormat {
		return fmt.Errorf("logserver: %s has format %q, this program reads %q", i.path, format, storeFormat)
	}
	return nil
}

// each calls f for the keys of a region until it fails or ctx ends.
func (i *inspector) each(ctx context.Context, region byte, f func(key, value []byte) error) (err error) {
	it, err := i.db.NewIter(&pebble.IterOptions{LowerBound: []byte{region}, UpperBound: []byte{region + 1}})
	if err != nil {
		return i.damaged(0, err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return i.damaged(positionOf(it.Key()), err)
		}
		if err := f(it.Key(), value); err != nil {
			return err
		}
		if i.Done++; i.Done%tellEvery == 0 {
			i.told(*i.Verification)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return i.scanError(it, uint64(len(i.prints)))
}

// positions goes through the log in its order.
func (i *inspector) positions(ctx context.Context) error {
	i.prints = make([]uint64, 1, 1024)
	return i.each(ctx, logRegion, func(key, wire []byte) error {
		position, next := positionOf(key), uint64(len(i.prints))
		if position < next || position > next+leapLimit {
			i.find(Finding{Path: i.path, Text: fmt.Sprintf("the key %x is not a position", key)})
			return nil
		}
		if position > next {
			i.find(Finding{Path: i.path, Position: next, Last: position - 1, Text: "the record is missing"})
			i.prints = append(i.prints, make([]uint64, position-next)...)
		}
		i.prints = append(i.prints, i.record(position, wire))
		return nil
	})
}

// record looks at one record and returns its print.
func (i *inspector) record(position uint64, wire []byte) uint64 {
	at := Finding{Path: i.path, Position: position}
	switch {
	case len(wire) == 1 && wire[0] == scavengedMark:
		i.Scavenged++
		return 0
	case len(wire) == 1 && wire[0] == lostMark:
		i.Lost++
		return 0
	}
	d, err := decode(wire)
	switch {
	case err != nil:
		at.Text = "the record cannot be decoded"
	case d.position != position:
		at.Text = fmt.Sprintf("the record says it stands at %d", d.position)
	case d.created < i.created:
		at.Text = "the record is older than the one before it"
	}
	if at.Text != "" {
		at.Stream = string(d.stream)
		i.find(at)
	}
	if err != nil {
		return 0
	}
	i.created = max(i.created, d.created)
	i.Events, i.Bytes = i.Events+1, i.Bytes+uint64(len(wire))
	return i.print(d.stream, d.revision)
}

// print is the same for the same revision of the same stream, and never zero.
func (i *inspector) print(stream []byte, revision int64) uint64 {
	var h maphash.Hash
	h.SetSeed(i.seed)
	_, _ = h.Write(stream)
	_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(revision)))
	return h.Sum64() | 1
}

// tables compares the checksums of every file of the engine that is in use,
// those of blocks that hold no record too.
func (i *inspector) tables(f foundation) error {
	levels, err := i.db.SSTables()
	if err != nil {
		return i.damaged(0, err)
	}
	live := map[string]bool{}
	for _, level := range levels {
		for _, t := range level {
			live[fmt.Sprintf("%s.sst", t.BackingSSTNum)] = true
		}
	}
	return inspectTables(i.Verification, f, live)
}

// inspectTables compares the checksums of the tables that are live, or of all.
func inspectTables(v *Verification, f foundation, live map[string]bool) error {
	paths, err := filepath.Glob(filepath.Join(storePath(v.Dir), "*.sst"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		if live != nil && !live[filepath.Base(path)] {
			continue
		}
		t, err := openTable(path, f)
		if err == nil {
			err = errors.Join(t.ValidateBlockChecksums(), t.Close())
		}
		if err != nil {
			v.find(Finding{Path: path, Text: "the table is damaged: " + err.Error()})
		}
		v.Tables++
	}
	return nil
}

// openTable reads a file of the engine by itself.
func openTable(path string, f foundation) (*sstable.Reader, error) {
	file, err := f.files.Open(path)
	if err != nil {
		return nil, err
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	o := engineOptions(f)
	o.EnsureDefaults()
	t, err := sstable.NewReader(context.Background(), readable, o.MakeReaderOptions())
	if err != nil {
		return nil, errors.Join(err, readable.Close())
	}
	return t, nil
}
