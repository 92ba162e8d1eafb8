package readapi

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
)

// Confine is what the database is told about a scope, and the role for it.
func Confine(s domain.Scope) (setting, role string) {
	c := confine(s)
	return c.setting, c.role
}

// Left is what the connections of a source are left with between reads: the scope,
// and whether the role is still that of their pool.
func Left(s *Source) (all []string, err error) {
	for role, pool := range s.pools {
		for _, c := range pool.AcquireAllIdle(context.Background()) {
			var left string
			err := c.QueryRow(context.Background(), "select coalesce(current_setting('reeve.scope', true), '') || '/' || case current_user when $1 then 'its own' else current_user end", role).Scan(&left)
			c.Release()
			if err != nil {
				return nil, err
			}
			all = append(all, left)
		}
	}
	return all, nil
}

// Unguarded is a pool whose connections bypass every policy.
func Unguarded(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := connect(context.Background(), url, "reeve_bare", func(*pgxpool.Config) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// Bare answers a query the way it would be if there were no scopes: one round
// trip with begin, position, statement, commit.
func Bare[R any](ctx context.Context, pool *pgxpool.Pool, q Query[R]) (answer R, err error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return answer, err
	}
	defer conn.Release()
	return q.Run(ctx, bare{conn.Conn()})
}

type bare struct{ conn *pgx.Conn }

func (d bare) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	var b pgx.Batch
	b.BeginTx(begin)
	b.Queue(positionSQL, []string{"tenants"})
	b.Queue(sql, args...)
	b.Queue("commit")
	sent := d.conn.SendBatch(ctx, &b)
	var at uint64
	if _, err := sent.Exec(); err != nil {
		return nil, err
	}
	if err := sent.QueryRow().Scan(&at); err != nil {
		return nil, err
	}
	rows, err := sent.Query()
	return &whole{Rows: rows, end: sync.OnceFunc(func() { _ = sent.Close() })}, err
}

// Fill keeps so many answers of so many bytes, and tells how many bytes are kept then.
func Fill(answers, bytes int) (size int) {
	k := newAnswers()
	for n := range answers {
		k.keep(strconv.Itoa(n), &bulkAnswer{body: make([]byte, bytes)})
	}
	for _, b := range k.kept.Values() {
		size += len(b.body)
	}
	return size
}

// KeptBytes is how many may be kept.
const KeptBytes = keptBytes

// Enter makes room for one more stream.
func (s *Streams) Enter(ctx context.Context, who string) (held context.Context, leave func(), ok bool) {
	return s.enter(ctx, who)
}

// A Shelf is where documents for clients of flagd are kept.
type Shelf = shelf

// NewShelf is an empty one.
func NewShelf() *Shelf { return newShelf() }

// Shared is the text of the document that those who follow a place are given.
func (s *shelf) Shared(v *flag.View, at time.Time, party string, enter func() (func(), error)) (string, error) {
	d, err := s.shared(v, at, party, enter)
	if err != nil {
		return "", err
	}
	return d.text, nil
}

// FillShelf keeps so many documents of so many bytes, and tells how many bytes are kept then.
func FillShelf(documents, bytes int) (size int) {
	s := newShelf()
	for n := range documents {
		s.keep(issue{version: uint64(n)}, &document{text: strings.Repeat("x", bytes)})
	}
	for _, d := range s.kept.Values() {
		size += d.size()
	}
	return size
}

// Looking is what a client of flagd that follows a place does whenever something has
// happened anywhere: it finds the version of the place. Forget changes what has been
// found out of the users there.
func Looking(s *Source, node domain.NodeID, now func() time.Time) (look func() uint64, forget func()) {
	f := &follower{ofrep: ofrep{source: s, now: now}, t: ticket{Node: node}, guests: true}
	look = func() uint64 { _, version, _, _ := f.look(0); return version }
	return look, func() {
		for _, k := range s.Streams.looks.Keys() {
			g, _ := s.Streams.looks.Peek(k)
			g.guests++
			s.Streams.looks.Add(k, g)
		}
	}
}
