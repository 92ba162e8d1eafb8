package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/auth"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/projections"
)

// checks tells how the server is doing: whether the log and the database answer,
// and how far every projection is. A projection that is stopped, or being built
// for the first time, makes it unready: what it would answer is not to be relied on.
func (s *server) checks(ctx context.Context) edge.Checks {
	c := edge.Checks{Checks: []edge.Check{check("log", s.store.Ready(ctx)), check("database", s.pool.Ping(ctx)), check("read models", s.tables(ctx)), check("access", s.mirror.Err()), check("flags", s.book.Err())}}
	if err := s.together(); err != nil {
		c.Checks = append(c.Checks, check("start", err))
	}
	age := s.mirror.Age().Seconds()
	c.FlagsAge = &age
	all, err := s.engine.Status(ctx)
	c.Checks = append(c.Checks, check("projections", err))
	s.meter.projecting(all)
	for _, p := range all {
		c.Projections = append(c.Projections, edge.Projection{
			Name: p.Name, State: p.State, Position: p.Position, Head: p.Head, Lag: p.Behind, LagSeconds: p.Seconds, Error: p.Error,
		})
		if p.State != "live" {
			c.Checks = append(c.Checks, edge.Check{Name: "projection " + p.Name, Detail: p.State})
		}
	}
	return c
}

// insight is nothing for strangers, how far the log is for whoever is known, and
// everything for the operators of the platform.
func (s *server) insight(r *http.Request) edge.Insight {
	c, err := edge.CallerOf(r)
	switch {
	case err != nil:
		return edge.Insight{}
	case c.May(domain.PermissionsOf(domain.OpsRead), domain.PlatformID) == nil:
		return edge.Insight{All: true}
	}
	head, err := s.store.Head(r.Context())
	if err != nil {
		return edge.Insight{}
	}
	return edge.Insight{Position: head}
}

// watched serves health, all of it, beside what else the admin address has.
func (s *server) watched(rest http.Handler) chi.Router {
	r := chi.NewRouter()
	edge.Health(r, s.checks, nil)
	r.Mount("/", rest)
	return r
}

// errTables: somebody has dropped tables that a projection believes it has filled.
var errTables = errors.New("tables are missing; run reeve projections rebuild")

// tables fails if one of the read models is not there.
func (s *server) tables(ctx context.Context) error {
	names := make([]string, len(projections.All))
	for i, p := range projections.All {
		names[i] = p.Describe().Name
	}
	var there int
	err := s.pool.QueryRow(ctx, `select count(*) from pg_catalog.pg_tables where schemaname = 'readmodel' and tablename = any($1)`, names).Scan(&there)
	if err == nil && there < len(names) {
		return errTables
	}
	return err
}

func check(name string, err error) edge.Check {
	switch {
	case errors.Is(err, errTables):
		return edge.Check{Name: name, Detail: err.Error()}
	case errors.Is(err, auth.ErrBlind), errors.Is(err, flag.ErrBlind), errors.Is(err, auth.ErrOutdated), errors.Is(err, errAlone):
		return edge.Check{Name: name, Detail: edge.Told(err).Detail}
	case err != nil:
		return edge.Check{Name: name, Detail: "does not answer"}
	}
	return edge.Check{Name: name, OK: true}
}

// measureEvery is how old the figures about projections in /metrics may be.
const measureEvery = 5 * time.Second

// measure keeps the figures about projections up to date until ctx ends.
func (s *server) measure(ctx context.Context) error {
	tick := time.NewTicker(measureEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if all, err := s.engine.Status(ctx); err == nil {
				s.meter.projecting(all)
			}
		}
	}
}
