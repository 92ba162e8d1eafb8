package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/events"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/eventstore"
	"github.com/reeve-platform/reeve/readapi"
)

const (
	cityTenants     = 10_000
	cityIntegrators = 100
	least           = 0.85 // of the reads without policies
)

func cityTenant(i int) domain.TenantID {
	return domain.TenantID(fmt.Sprintf("%08x-0000-4000-8000-000000000000", i*7919%cityTenants))
}

func cityIntegrator(i int) domain.IntegratorID {
	return domain.IntegratorID(fmt.Sprintf("%08x-1111-4111-8111-111111111111", i%cityIntegrators))
}

// city records 10,000 tenants of 100 integrators, and waits until they can be read.
func (w *world) city(ctx context.Context) error {
	store, err := eventstore.Open(w.logURL(), events.Registry, eventstore.Options{Deadline: time.Minute})
	if err != nil {
		return err
	}
	defer store.Close()
	if err := recordAll(ctx, store, 1, func(yield func([]chapter) bool) {
		for i := range cityIntegrators {
			yield(partner(i, cityIntegrator(i))[1:])
		}
	}); err != nil {
		return err
	}
	if err := recordAll(ctx, store, 64, func(yield func([]chapter) bool) {
		for i := range cityTenants {
			yield([]chapter{citizen(i)})
		}
	}); err != nil {
		return err
	}
	head, err := store.Head(ctx)
	if err == nil {
		err = w.settled(ctx, head)
	}
	return err
}

func citizen(i int) chapter {
	id, under := cityTenant(i), cityIntegrator(i/2)
	p := tenant.Profile{Slug: fmt.Sprint("t", i), Name: fmt.Sprint("Tenant ", i), Kind: []tenant.Kind{tenant.Merchant, tenant.Organisation}[i%2], Contacts: contacts(i)}
	return chapter{tenant.Stream(id), domain.Owner{Integrator: under, Tenant: id}, []domain.Event{tenant.Created{Tenant: id, Integrator: under, Profile: p}, tenant.Activated{Tenant: id}}}
}

// confined reads with the policies, and the same by a role that bypasses them and
// asks by a condition written by hand.
func (w *world) confined(ctx context.Context, p plan) (all []result, err error) {
	if err := w.city(ctx); err != nil {
		return nil, err
	}
	source, err := readapi.Open(ctx, w.pg.URL(), nil, nil)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	pool, err := w.bypassing(ctx)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	for _, c := range comparisons(source, pool) {
		results, err := c.run(ctx, p)
		if err != nil {
			return all, err
		}
		all = append(all, results...)
	}
	return all, nil
}

// bypassing connects as a role that no policy holds back.
func (w *world) bypassing(ctx context.Context) (*pgxpool.Pool, error) {
	for _, s := range []string{"vacuum analyze", "create role reeve_bare bypassrls", "grant usage on schema readmodel, reeve to reeve_bare", "grant select on all tables in schema readmodel, reeve to reeve_bare"} {
		if _, err := w.pool.Exec(ctx, s); err != nil {
			return nil, fmt.Errorf("%s: %w", s, err)
		}
	}
	c, err := pgxpool.ParseConfig(w.pg.URL())
	if err != nil {
		return nil, err
	}
	c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "set role reeve_bare")
		return err
	}
	return pgxpool.NewWithConfig(ctx, c)
}

// A comparison is one question, asked in both ways.
type comparison struct {
	name       string
	with, bare func(context.Context) error
}

// comparisons are look-ups, lists and filtered lists at every level.
func comparisons(s *readapi.Source, pool *pgxpool.Pool) (all []comparison) {
	const one = 4242
	who, under := cityTenant(one), cityIntegrator(one/2)
	above := string(domain.PlatformID) + "/" + string(under)
	for _, level := range []struct {
		name, path string
		byHand     readapi.TenantsBy
	}{
		{"platform", string(domain.PlatformID), readapi.TenantsBy{}},
		{"integrator", above, readapi.TenantsBy{Integrator: under}},
		{"tenant", above + "/" + string(who), readapi.TenantsBy{Slug: fmt.Sprint("t", one)}},
	} {
		scope := domain.Scope{Actor: domain.Actor{ID: "bench", Type: "service"}, Paths: []string{level.path}}
		filtered := level.byHand
		filtered.Kind = string(tenant.Merchant)
		all = append(all,
			compare(s, pool, level.name+", id", scope, readapi.TenantByID{Tenant: who}, readapi.TenantByID{Tenant: who}),
			compare(s, pool, level.name+", list", scope, readapi.TenantsBy{}, level.byHand),
			compare(s, pool, level.name+", filtered", scope, readapi.TenantsBy{Kind: filtered.Kind}, filtered))
	}
	return all
}

func compare[R any](s *readapi.Source, pool *pgxpool.Pool, name string, scope domain.Scope, guarded, byHand readapi.Query[R]) comparison {
	view := readapi.View{Name: "bench", Scope: scope, Tables: []string{"tenants", "nodes"}}
	return comparison{name, func(ctx context.Context) error {
		_, err := s.Read(ctx, view, func(ctx context.Context, db readapi.DB) error {
			_, err := guarded.Run(ctx, db)
			return err
		})
		return err
	}, func(ctx context.Context) error {
		conn, err := pool.Acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		_, err = byHand.Run(ctx, bare{conn.Conn()})
		return err
	}}
}

// run asks one way and the other in turns, so that whatever else happens on the
// machine hits both; a rate is that of the median question.
func (c comparison) run(ctx context.Context, p plan) ([]result, error) {
	name := "policies, " + c.name
	results := []result{{Contest: name, Contender: "reeve", Unit: "reads/s"}, {Contest: name, Contender: "bypassing them", Unit: "reads/s", Target: least}}
	for range p.rounds {
		var took [2][]time.Duration
		for end := time.Now().Add(p.span / 4); time.Now().Before(end) || len(took[0]) == 0; {
			for i, ask := range []func(context.Context) error{c.with, c.bare} {
				began := time.Now()
				if err := ask(ctx); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
				took[i] = append(took[i], time.Since(began))
			}
		}
		for i := range results {
			slices.Sort(took[i])
			results[i].add(sample{rate: 1 / took[i][len(took[i])/2].Seconds()}, results[0])
		}
	}
	say("%s: %s", name, spread(results[1].Ratios))
	return results, nil
}

// bare asks as the product would if there were no scopes: begin, position,
// statement and commit in one round trip.
type bare struct{ conn *pgx.Conn }

const position = `select case when count(*) = cardinality($1::text[]) then coalesce(min(position), 0) else 0 end::bigint
from reeve.cursors where name = any($1::text[])`

// Query runs one statement.
func (d bare) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	var b pgx.Batch
	b.BeginTx(pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	b.Queue(position, []string{"tenants", "nodes"})
	b.Queue(sql, args...)
	b.Queue("commit")
	sent := d.conn.SendBatch(ctx, &b)
	if _, err := sent.Exec(); err != nil {
		return nil, err
	}
	var at uint64
	if err := sent.QueryRow().Scan(&at); err != nil {
		return nil, err
	}
	rows, err := sent.Query()
	return &committed{rows, sync.OnceFunc(func() { _ = sent.Close() })}, err
}

// committed rows end their transaction when they are closed.
type committed struct {
	pgx.Rows
	end func()
}

// Close releases the rows and commits.
func (c *committed) Close() {
	c.Rows.Close()
	c.end()
}
