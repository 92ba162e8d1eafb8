package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"golang.org/x/sync/errgroup"

	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/logserver"
)

type logServe struct {
	DataDir      string        `env:"REEVE_DATA_DIR" default:".reeve" help:"Where the log keeps its files."`
	LogAddr      string        `env:"REEVE_LOG_ADDR" default:"127.0.0.1:2113" help:"Where it listens."`
	AdminAddr    string        `env:"REEVE_ADMIN_ADDR" default:"127.0.0.1:8421" help:"Where metrics and health are served."`
	CompactEvery time.Duration `env:"REEVE_LOG_COMPACT_EVERY" default:"0s" help:"How often the log is compacted; 0 for on SIGUSR1 only."`
	logSecurity
}

// Run serves until interrupted.
func (c logServe) Run(ctx context.Context, t *terminal) error {
	if c.DataDir == "" {
		return errConfig{"REEVE_DATA_DIR", "is empty"}
	}
	if err := c.checkAddr(c.LogAddr); err != nil {
		return err
	}
	if err := edge.CheckAddr(c.AdminAddr); err != nil {
		return errConfig{"REEVE_ADMIN_ADDR", err.Error()}
	}
	security, err := c.security()
	if err != nil {
		return err
	}
	tune(true, garbageForLog, enoughForLog)
	log, err := logserver.Open(logserver.Options{Dir: c.DataDir + "/log", Addr: c.LogAddr, Security: security, Logger: t.log})
	if err != nil {
		return err
	}
	admin, err := edge.Listen(c.AdminAddr)
	if err != nil {
		return errors.Join(err, log.Close())
	}
	fmt.Fprintf(t.err, "log    %s\nadmin  http://%s\n", log.URL(), admin.Addr())
	return c.serve(ctx, t, log, admin)
}

// serve returns when ctx ends or one of the two sides fails, with both closed.
func (c logServe) serve(ctx context.Context, t *terminal, log *logserver.Server, admin net.Listener) error {
	side := edge.NewServer(edge.Hardened(logRoutes(log), adminBody), edge.Pace{}, nil, t.log)
	run, ctx := errgroup.WithContext(ctx)
	run.Go(log.Serve)
	run.Go(func() error { return compactions(ctx, log, c.CompactEvery, t.log) })
	run.Go(func() error {
		if err := side.Serve(admin); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	<-ctx.Done()
	closed := errors.Join(side.Close(), log.Close())
	if err := run.Wait(); err != nil {
		return err
	}
	return closed
}

// logRoutes are the figures and the health of a log that runs alone.
func logRoutes(log *logserver.Server) http.Handler {
	registry := newRegistry()
	registry.MustRegister(logCollector{log})
	r := chi.NewRouter()
	edge.Health(r, func(context.Context) edge.Checks {
		return edge.Checks{Checks: []edge.Check{check("log", log.Err())}}
	}, nil)
	r.Mount("/", figures(registry))
	return r
}
