package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Facts is the baseline of what is durable: a PostgreSQL table that keeps facts
// as the log does, filled by transactions of one row.
type facts struct {
	*world
	rows   *pgxpool.Pool
	serial atomic.Int64
}

// factsTable is the least that a table must have to keep facts as the log does:
// an id that is never taken twice, and one winner for each revision of a stream.
const factsTable = `create table public.facts (
  id uuid primary key, stream text not null, revision bigint not null, type text not null,
  data jsonb not null, metadata jsonb not null, actor text not null, at timestamptz not null,
  unique (stream, revision))`

// openFacts starts a PostgreSQL without a Reeve.
func openFacts(ctx context.Context, p plan) (*facts, error) {
	w, err := openDatabase(ctx)
	if err != nil {
		return nil, err
	}
	f, err := w.facts(ctx, p)
	if err != nil {
		w.close()
	}
	return f, err
}

// facts makes the table in a world's database.
func (w *world) facts(ctx context.Context, p plan) (*facts, error) {
	rows, err := poolOf(ctx, w.pg.URL(), int32(p.workers))
	if err != nil {
		return nil, err
	}
	if _, err := rows.Exec(ctx, factsTable); err != nil {
		rows.Close()
		return nil, err
	}
	return &facts{world: w, rows: rows}, nil
}

func (f *facts) close() {
	f.rows.Close()
	f.world.close()
}

// insertRows commits facts of about the size that the commands record, one by one.
func (f *facts) insertRows(ctx context.Context, p plan) (sample, error) {
	before := f.postgresCPU()
	data, meta := []byte(`{"name":"`+strings.Repeat("x", 240)+`"}`), []byte(`{"commandId":"`+strings.Repeat("y", 120)+`"}`)
	rate, err := closed(ctx, p, func(ctx context.Context, _ int) (func() error, func(), error) {
		conn, err := f.rows.Acquire(ctx)
		if err != nil {
			return nil, nil, err
		}
		step := func() error {
			n := f.serial.Add(1)
			_, err := conn.Exec(ctx, "insert into public.facts values ($1, $2, $3, 'TenantProfileUpdated', $4, $5, 'bench', now())",
				uuid.New(), fmt.Sprintf("tenant-%036d", rand.N(millTenants)), n, data, meta)
			return err
		}
		return step, conn.Release, nil
	})
	return sample{rate, each(f.postgresCPU()-before, rate, p)}, err
}

// fdatasync waits until what was written to a file is on the disk.
func fdatasync(file *os.File) error { return syscall.Fdatasync(int(file.Fd())) }
