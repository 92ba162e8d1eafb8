package readapi

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// positionSQL is how far all of the named tables have read. A table without a
// cursor has read nothing.
const positionSQL = `select case when count(*) = cardinality($1::text[]) then coalesce(min(position), 0) else 0 end::bigint
from reeve.cursors where name = any($1::text[])`

// openSQL also confines the rest of the transaction to a scope, at no round trip
// and no statement of its own.
const openSQL = `select case when count(*) = cardinality($1::text[]) then coalesce(min(position), 0) else 0 end::bigint,
set_config('reeve.scope', $2::text, true)
from reeve.cursors where name = any($1::text[])`

// A snapshot sends the scope, the cursors and a statement together, in one round
// trip and one transaction, so that the position it reports is the truth about
// the rows, and the scope ends with them.
type snapshot struct {
	View
	conn     *pgx.Conn
	records  *recorder
	looks    []look // of a view across all tenants, which must be recorded before it is answered
	confined confinement
	position uint64
	asked    bool
}

// Query runs one statement. The rows must be read and closed before the next.
func (s *snapshot) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	tables, err := s.permits(sql)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	sql, args = s.then(sql, args)
	var b pgx.Batch
	b.BeginTx(begin)
	b.Queue(openSQL, s.Tables, s.confined.setting)
	b.Queue(sql, args...)
	b.Queue("commit")
	sent := s.conn.SendBatch(ctx, &b)
	rows, err := s.open(sent)
	if err != nil {
		_ = sent.Close()
		s.record(tables, began, 0, err)
		return nil, err
	}
	w := &whole{Rows: rows}
	w.end = sync.OnceFunc(func() {
		_ = sent.Close()
		s.record(tables, began, rows.CommandTag().RowsAffected(), rows.Err())
	})
	return w, nil
}

// open reads the begin and the cursors. Several statements are several
// snapshots; the oldest of them is what the whole answer is true at.
func (s *snapshot) open(sent pgx.BatchResults) (pgx.Rows, error) {
	if _, err := sent.Exec(); err != nil {
		return nil, err
	}
	var at uint64
	if err := sent.QueryRow().Scan(&at, nil); err != nil {
		return nil, err
	}
	if !s.asked || at < s.position {
		s.position, s.asked = at, true
	}
	return sent.Query()
}

// record leaves a trace of what was looked at. Statements that look at no
// tenant's rows leave none.
func (s *snapshot) record(tables []string, began time.Time, rows int64, err error) {
	switch {
	case s.records == nil || len(tables) == 0:
	case s.Across:
		s.looks = append(s.looks, accessOf(s.View, tables, began, rows, err))
	default:
		s.records.note(accessOf(s.View, tables, began, rows, err))
	}
}

// whole ends the transaction together with its rows.
type whole struct {
	pgx.Rows
	end func()
}

// Close releases the rows and commits.
func (w *whole) Close() {
	w.Rows.Close()
	w.end()
}
