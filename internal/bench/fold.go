package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/events"
	"github.com/reeve-platform/reeve/eventstore"
	"github.com/reeve-platform/reeve/projections"
)

// A ledger is one read model in memory, folded as the product folds it.
type ledger interface {
	name() string
	clear()
	fold(domain.Recorded)
	copy(context.Context, pgx.Tx) error     // writes all rows into an empty table
	upsert(b *pgx.Batch, e domain.Recorded) // folds, and queues the write of the one row
}

// ledgers are the read models that the history has rows for, in which it is told row
// for row what a rebuild tells: those folded from events, and those that keep every
// version of a row. What is derived from them is left out, to the advantage of the
// baselines.
func ledgers() []ledger {
	return []ledger{
		newLedger(projections.Nodes), newLedger(projections.Integrators), newLedger(projections.Tenants), newLedger(projections.Quotas),
		newLedger(projections.Flags), newLedger(projections.FlagOverrides), newLedger(projections.AuditLog), newLedger(projections.Reservations),
		newPast(projections.Nodes), newPast(projections.Integrators), newPast(projections.Tenants),
		newPast(projections.Flags), newPast(projections.FlagOverrides),
	}
}

type rows[Row any] struct {
	projections.Table[Row]
	columns []string
	arrays  []bool // of which columns
	put     string // SQL that upserts one row
	byKey   map[string]Row
	added   []Row // of an append-only table
}

func newLedger[Row any](t projections.Table[Row]) ledger { return newRows(t) }

func newRows[Row any](t projections.Table[Row]) *rows[Row] {
	r := &rows[Row]{Table: t, byKey: map[string]Row{}}
	var places, sets []string
	for i, c := range t.Describe().Columns {
		r.columns, r.arrays = append(r.columns, c.Name), append(r.arrays, strings.HasSuffix(c.Type, "[]"))
		places = append(places, fmt.Sprintf("$%d", i+1))
		sets = append(sets, c.Name+" = excluded."+c.Name)
	}
	r.put = fmt.Sprintf("insert into baseline.%s (%s) values (%s) on conflict (%s) do update set %s",
		t.Name, strings.Join(r.columns, ", "), strings.Join(places, ", "), r.columns[0], strings.Join(sets[1:], ", "))
	return r
}

func (r *rows[Row]) name() string { return r.Name }

func (r *rows[Row]) clear() { r.byKey, r.added = map[string]Row{}, nil }

func (r *rows[Row]) fold(e domain.Recorded) {
	key := r.Key(e)
	switch {
	case key == "":
	case r.Insert:
		var none Row
		row, _ := r.Fold(none, e)
		r.added = append(r.added, row)
	default:
		r.change(key, e)
	}
}

func (r *rows[Row]) change(key string, e domain.Recorded) (Row, bool) {
	row, keep := r.Fold(r.byKey[key], e)
	if keep {
		r.byKey[key] = row
	} else {
		delete(r.byKey, key)
	}
	return row, keep
}

func (r *rows[Row]) copy(ctx context.Context, tx pgx.Tx) error {
	all := r.added
	for _, row := range r.byKey {
		all = append(all, row)
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"baseline", r.Name}, r.columns, pgx.CopyFromSlice(len(all), func(i int) ([]any, error) {
		return r.values(&all[i]), nil
	}))
	return err
}

func (r *rows[Row]) upsert(b *pgx.Batch, e domain.Recorded) {
	key := r.Key(e)
	if key == "" {
		return
	}
	if row, keep := r.change(key, e); keep {
		b.Queue(r.put, r.values(&row)...)
	}
	if r.Insert {
		delete(r.byKey, key)
	}
}

// values are what a row has in its columns. pgx takes what is nil for SQL's null,
// which none of it is: an array is an empty one then, a document null.
func (r *rows[Row]) values(row *Row) []any {
	v := reflect.ValueOf(row).Elem()
	out := make([]any, v.NumField())
	for i := range out {
		f := v.Field(i)
		switch {
		case f.Kind() != reflect.Slice || !f.IsNil():
			out[i] = f.Interface()
		case r.arrays[i]:
			out[i] = reflect.MakeSlice(f.Type(), 0, 0).Interface()
		default:
			out[i] = json.RawMessage("null")
		}
	}
	return out
}

// A decoder reads events as the product does: with the registered codec, and
// metadata that repeats only once.
type decoder struct {
	raw  []byte
	meta struct {
		Version int `json:"v"`
		domain.Meta
	}
}

func (d *decoder) read(r eventstore.Raw) (domain.Recorded, error) {
	if !bytes.Equal(r.Metadata, d.raw) {
		d.raw, d.meta.Version, d.meta.Meta = r.Metadata, 0, domain.Meta{}
		if err := json.Unmarshal(r.Metadata, &d.meta); err != nil {
			return domain.Recorded{}, err
		}
	}
	id, err := uuid.Parse(r.ID)
	if err != nil {
		return domain.Recorded{}, err
	}
	event, err := events.Registry.Decode(r.Type, max(d.meta.Version, 1), r.Data)
	return domain.Recorded{Event: event, Meta: d.meta.Meta, ID: id, Type: r.Type, Version: d.meta.Version,
		Stream: domain.StreamID(r.Stream), Revision: r.Revision, Position: r.Position, Data: r.Data}, err
}

// emptyTables makes tables like those of the product, without indexes.
func emptyTables(ctx context.Context, db *pgxpool.Pool, all []ledger) error {
	sql := "drop schema if exists baseline cascade; create schema baseline;"
	for _, l := range all {
		sql += fmt.Sprintf("create table baseline.%[1]s (like readmodel.%[1]s including defaults);", l.name())
	}
	_, err := db.Exec(ctx, sql)
	return err
}

// unlike names the tables whose rows are not those of the product's.
func unlike(ctx context.Context, db *pgxpool.Pool, all []ledger) (names []string, err error) {
	const sum = "(select row(count(*), sum(hashtextextended(t::text, 0))) from %s.%s t)"
	for _, l := range all {
		var differs bool
		sql := fmt.Sprintf("select "+sum+" is distinct from "+sum, "baseline", l.name(), "readmodel", l.name())
		if err := db.QueryRow(ctx, sql).Scan(&differs); err != nil {
			return nil, err
		}
		if differs {
			names = append(names, l.name())
		}
	}
	return names, nil
}

// indexTables gives the tables the indexes that those of the product have.
func indexTables(ctx context.Context, db *pgxpool.Pool) error {
	found, err := db.Query(ctx, `select replace(d.indexdef, ' ON readmodel.', ' ON baseline.') from pg_indexes d
join pg_tables t on t.schemaname = 'baseline' and t.tablename = d.tablename where d.schemaname = 'readmodel'`)
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, strings.Join(all, ";"))
	return err
}

// foldThenCopy is the least that a rebuild can do: decode, fold in memory, one COPY
// for each table, and then the indexes.
func foldThenCopy(ctx context.Context, db *pgxpool.Pool, history []eventstore.Raw, all []ledger) error {
	began := time.Now()
	if err := foldAll(history, all); err != nil {
		return err
	}
	folded := time.Now()
	err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		for _, l := range all {
			if err := l.copy(ctx, tx); err != nil {
				return fmt.Errorf("copy %s: %w", l.name(), err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	copied := time.Now()
	err = indexTables(ctx, db)
	say("rebuild: folded in %v, copied in %v, indexed in %v", folded.Sub(began).Round(time.Millisecond), copied.Sub(folded).Round(time.Millisecond), time.Since(copied).Round(time.Millisecond))
	return err
}

func foldAll(history []eventstore.Raw, all []ledger) error {
	var d decoder
	for _, raw := range history {
		e, err := d.read(raw)
		if err != nil {
			return err
		}
		for _, l := range all {
			l.fold(e)
		}
	}
	return nil
}

// oneByOne applies events in a transaction each, which takes one round trip and
// reads nothing: the row before is in memory.
func oneByOne(ctx context.Context, db *pgxpool.Pool, history []eventstore.Raw, all []ledger) (count int, err error) {
	var d decoder
	for ; count < len(history) && ctx.Err() == nil; count++ {
		e, err := d.read(history[count])
		if err != nil {
			return count, err
		}
		var b pgx.Batch
		for _, l := range all {
			l.upsert(&b, e)
		}
		if err := db.SendBatch(context.WithoutCancel(ctx), &b).Close(); err != nil {
			return count, err
		}
	}
	return count, nil
}
