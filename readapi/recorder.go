package readapi

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/domain"
)

// Every statement on tables of tenants leaves a record. Records are written
// behind the reads, many at a time, by a role that can do nothing but that. What
// waits is bounded: no read waits for a record, and what does not fit is counted
// and said. So a crash loses at most the records of the last moment, and a
// database that cannot be written loses those beyond the queue.
//
// A look across all tenants is the exception: its record is what makes it
// tolerable. It is durable before anything is answered, or nothing is.

// ErrUnrecorded: a look across all tenants could not be recorded, so it is not
// answered.
var ErrUnrecorded = &domain.Error{Kind: domain.Unavailable, Code: "access-not-recorded", Detail: "looking across all tenants must be recorded first, and cannot be just now"}

const (
	queuedRecords = 16384
	batchRecords  = 500
	flushEvery    = 250 * time.Millisecond
	flushTime     = 5 * time.Second
)

// A look is a record of one statement.
type look struct {
	Access
	line []string
}

// recorder writes records behind the reads. Noting one wakes nobody: a read that woke
// the writer for its record took a fifth longer. What is below the channels is in the
// hands of run.
type recorder struct {
	pool  *pgxpool.Pool
	log   *slog.Logger
	full  chan struct{}      // enough is noted to be written before the next tick
	flush chan chan struct{} // asks for everything noted to be written
	quit  chan struct{}
	done  chan struct{}

	mu    sync.Mutex
	noted []look // at most queuedRecords
	lost  int64

	batch   []look
	failing time.Time // since when nothing can be written
}

func newRecorder(pool *pgxpool.Pool, log *slog.Logger) *recorder {
	r := &recorder{pool: pool, log: log, full: make(chan struct{}, 1),
		flush: make(chan chan struct{}), quit: make(chan struct{}), done: make(chan struct{})}
	go r.run()
	return r
}

// note keeps a record until it is written, or counts it as lost.
func (r *recorder) note(a look) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.noted) >= queuedRecords {
		r.lost++
		return
	}
	if r.noted = append(r.noted, a); len(r.noted)%batchRecords == 0 {
		select {
		case r.full <- struct{}{}:
		default:
		}
	}
}

// attest writes the records of a look across all tenants and returns when they are
// durable. Where no statement left one, because no table of tenants was looked at, one
// says that somebody asked. It goes on when the caller hangs up: something was read.
func (r *recorder) attest(ctx context.Context, v View, looks []look, failed error) error {
	if len(looks) == 0 {
		looks = []look{accessOf(v, nil, time.Now(), 0, failed)}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	err := pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "set local synchronous_commit to on"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, recordSQL, pgx.NamedArgs(columnsOfLooks(looks)))
		return err
	})
	if err != nil {
		return ErrUnrecorded.Because(err)
	}
	return nil
}

// close writes what is queued and stops.
func (r *recorder) close() {
	close(r.quit)
	<-r.done
	r.pool.Close()
}

// settle returns when everything that was noted before is written, or has failed
// to be.
func (r *recorder) settle() {
	written := make(chan struct{})
	select {
	case r.flush <- written:
		<-written
	case <-r.done:
	}
}

func (r *recorder) run() {
	defer close(r.done)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.full:
			if r.failing.IsZero() {
				r.write()
			}
		case <-tick.C:
			r.write()
		case asked := <-r.flush:
			r.write()
			close(asked)
		case <-r.quit:
			r.write()
			r.own(int64(len(r.batch) + len(r.noted)))
			return
		}
	}
}

// take moves what is noted into the batch, unless that holds as much already as a
// long failure may cost, and returns how many were lost.
func (r *recorder) take() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.batch) < queuedRecords {
		r.batch, r.noted = append(r.batch, r.noted...), r.noted[:0]
	}
	lost := r.lost
	r.lost = 0
	return lost
}

// write puts records into the table. What failed is tried again at the next tick.
func (r *recorder) write() {
	r.own(r.take())
	if len(r.batch) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	_, err := r.pool.Exec(ctx, recordSQL, pgx.NamedArgs(columnsOfLooks(r.batch)))
	if err != nil && r.failing.IsZero() {
		r.failing = time.Now()
		r.log.Error("data access is not recorded", "error", err)
	}
	if err != nil {
		return
	}
	if !r.failing.IsZero() {
		r.log.Info("data access is recorded again", "after", time.Since(r.failing))
	}
	r.batch, r.failing = r.batch[:0], time.Time{}
}

// own says what is lost.
func (r *recorder) own(lost int64) {
	if lost > 0 {
		r.log.Error("records of data access are lost", "records", lost)
	}
}

// COPY is refused where policies are, so it is one insert of whole columns.
const recordSQL = `insert into reeve.data_access_log (id, at, line, actor_id, actor_type, on_behalf_of, statement, tables, scope, rows, microseconds, reason, trace_id, failed)
select r.id, r.at, string_to_array(r.line, '/'), r.actor_id, r.actor_type, r.on_behalf_of, r.statement, string_to_array(r.tables, ' '), string_to_array(r.scope, ' '), r.rows, r.microseconds, r.reason, r.trace_id, r.failed
from unnest(@id::uuid[], @at::timestamptz[], @line::text[], @actor::text[], @type::text[], @behalf::text[], @statement::text[], @tables::text[], @scope::text[], @rows::bigint[], @micros::bigint[], @reason::text[], @trace::text[], @failed::bool[])
as r(id, at, line, actor_id, actor_type, on_behalf_of, statement, tables, scope, rows, microseconds, reason, trace_id, failed)`

func column[V any](batch []look, of func(look) V) []V {
	values := make([]V, len(batch))
	for i, a := range batch {
		values[i] = of(a)
	}
	return values
}

func columnsOfLooks(batch []look) map[string]any {
	joined := func(of func(look) []string, by string) []string {
		return column(batch, func(a look) string { return strings.Join(of(a), by) })
	}
	return map[string]any{
		"id":        column(batch, func(a look) uuid.UUID { return a.ID }),
		"at":        column(batch, func(a look) time.Time { return a.At }),
		"line":      joined(func(a look) []string { return a.line }, "/"),
		"actor":     column(batch, func(a look) string { return a.ActorID }),
		"type":      column(batch, func(a look) string { return a.ActorType }),
		"behalf":    column(batch, func(a look) string { return a.OnBehalfOf }),
		"statement": column(batch, func(a look) string { return a.Statement }),
		"tables":    joined(func(a look) []string { return a.Tables }, " "),
		"scope":     joined(func(a look) []string { return a.Scope }, " "),
		"rows":      column(batch, func(a look) int64 { return a.Rows }),
		"micros":    column(batch, func(a look) int64 { return a.Microseconds }),
		"reason":    column(batch, func(a look) string { return a.Reason }),
		"trace":     column(batch, func(a look) string { return a.TraceID }),
		"failed":    column(batch, func(a look) bool { return a.Failed }),
	}
}

// accessOf is the record of a statement.
func accessOf(v View, tables []string, began time.Time, rows int64, err error) look {
	id, failed := uuid.NewV7()
	if failed != nil {
		id = uuid.New()
	}
	return look{Access{
		ID: id, At: began.UTC(), ActorID: storable(v.Scope.Actor.ID), ActorType: storable(v.Scope.Actor.Type), OnBehalfOf: storable(v.Scope.Actor.OnBehalfOf),
		Statement: v.Name, Tables: tables, Scope: v.Scope.Paths, Rows: rows, Microseconds: time.Since(began).Microseconds(),
		Reason: storable(v.Scope.Reason), TraceID: storable(v.Trace), Failed: err != nil,
	}, common(v.Scope.Paths)}
}

// common are the nodes from the platform down to the lowest one that has all of
// the paths below it: whoever sees that node may know of the look.
func common(paths []string) []string {
	line := strings.Split(paths[0], "/")
	for _, p := range paths[1:] {
		steps := strings.Split(p, "/")
		n := 0
		for n < min(len(line), len(steps)) && line[n] == steps[n] {
			n++
		}
		line = line[:n]
	}
	if len(line) == 0 {
		return []string{string(domain.PlatformID)}
	}
	return line
}

// storable makes sure that the database takes a text: one that it refuses would
// hold up all other records.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
