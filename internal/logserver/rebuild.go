package logserver

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
)

// A builder fills a new store.
type builder struct {
	db    *pebble.DB
	batch *pebble.Batch
}

// build makes a new store of what comes through the sieve.
func (r *Repair) build(ctx context.Context, source *pebble.DB, path string) error {
	f := newFault()
	return f.outlive(func() error { return r.fill(ctx, source, path, f) })
}

func (r *Repair) fill(ctx context.Context, source *pebble.DB, path string, f *fault) error {
	b, err := newBuilder(path, f)
	if err != nil {
		return err
	}
	kept := newSieve()
	err = kept.pass(ctx, source, b.keep)
	for p := kept.next; err == nil && p < r.Head; p++ {
		err = b.set(logKey(p), []byte{lostMark})
	}
	if err == nil {
		err = b.tell(r, kept)
	}
	if err == nil {
		err = errors.Join(b.set(factFormat, []byte(storeFormat)), b.set(factID, r.LogID[:]))
	}
	return b.finish(err)
}

func newBuilder(path string, f *fault) (*builder, error) {
	db, err := pebble.Open(path, engineOptions(foundation{files: vfs.Default, logger: engineLogger{slog.New(slog.DiscardHandler), f}}))
	if err != nil {
		return nil, err
	}
	return &builder{db: db, batch: db.NewBatch()}, nil
}

// keep takes over one record, and makes its entry anew.
func (b *builder) keep(r record, d decoded) error {
	if r.removed() {
		return b.set(logKey(r.position), r.wire)
	}
	return errors.Join(put(b.batch, r, string(d.stream), d.revision), b.flush(groupBytes))
}

// tell writes the event that records the repair.
func (b *builder) tell(r *Repair, kept *sieve) error {
	told := *r
	told.Findings = nil // they are in the report
	data, err := json.Marshal(told)
	if err != nil {
		return err
	}
	at := place{position: r.Head, created: max(kept.created, ticks(time.Now()))}
	if last, known := kept.streams[RepairStream]; known {
		at.revision = last + 1
	}
	p := propose(RepairStream, content{id: uuid.New(), kind: RepairType, json: true, data: data})
	return put(b.batch, record{position: r.Head, wire: p.encode(at)}, RepairStream, at.revision)
}

func (b *builder) set(key, value []byte) error {
	return errors.Join(b.batch.Set(key, value, nil), b.flush(groupBytes))
}

// flush hands the batch over when it holds more than so many bytes.
func (b *builder) flush(above int) error {
	if b.batch.Len() <= above {
		return nil
	}
	full := b.batch
	b.batch = b.db.NewBatch()
	return errors.Join(b.db.Apply(full, pebble.NoSync), full.Close())
}

// finish makes everything durable, unless something failed before.
func (b *builder) finish(err error) error {
	if err == nil {
		err = b.flush(0)
	}
	if err == nil {
		err = b.db.Flush()
	}
	return errors.Join(err, b.batch.Close(), b.db.Close())
}
