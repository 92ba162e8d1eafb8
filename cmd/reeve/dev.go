package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/reeve-platform/reeve/internal/edge/verbs"
)

type serveCommand struct {
	Config
	LogLevel slog.Level `env:"REEVE_LOG_LEVEL" default:"info" help:"debug, info, warn or error."`
}

// Run serves until interrupted. Everything that production must decide itself
// has to be configured: nothing is made up here.
func (c serveCommand) Run(ctx context.Context, t *terminal) error {
	if c.DatabaseURL == "" {
		return errConfig{"REEVE_DATABASE_URL", "is not set; serve needs a database (reeve dev brings its own)"}
	}
	if c.ReaderURL == "" {
		return errConfig{"REEVE_READER_DATABASE_URL", "is not set; reads need a login of their own, which the policies of the tables hold: " + makeReader}
	}
	if err := c.check(); err != nil {
		return err
	}
	key, err := c.key(false)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(t.err, &slog.HandlerOptions{Level: c.LogLevel}))
	c.warn(log)
	tune(c.LogURL == "", garbage, enough)
	c.hardy = true
	s, err := start(ctx, c.Config, log, key)
	if err != nil {
		return err
	}
	if s.together() == nil {
		log.Info("ready", s.scheme(), s.HTTPAddr, "admin", s.AdminAddr)
	}
	return s.wait()
}

type devCommand struct {
	Config
	LogLevel slog.Level `env:"REEVE_LOG_LEVEL" default:"warn" help:"debug, info, warn or error."`
	Demo     bool       `help:"Load a demo estate through the public API when the log is empty."`
}

// Run brings up everything on this machine and says what to try.
func (c devCommand) Run(ctx context.Context, t *terminal) error {
	if c.open() {
		return errConfig{"REEVE_TLS_CERT, REEVE_TRUSTED_PROXIES", "are for serve; dev is for this machine alone"}
	}
	if err := c.check(); err != nil {
		return err
	}
	key, err := c.key(true)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: c.LogLevel}))
	tune(c.LogURL == "", garbage, enough)
	c.selfAppointed, c.AloneFor = true, 0
	s, err := start(ctx, c.Config, log, key)
	if err != nil {
		return err
	}
	remove, err := running{"http://" + s.HTTPAddr, s.logURL, s.DatabaseURL}.write(c.DataDir)
	if err != nil {
		s.stop()
		return errors.Join(err, s.wait())
	}
	s.closing(remove)
	var both errgroup.Group
	both.Go(s.wait)
	both.Go(func() error {
		if err := c.greet(s.ctx, s, t); err != nil {
			s.stop()
			return err
		}
		return nil
	})
	return both.Wait()
}

// greet loads the estate and prints the addresses and three commands to try.
func (c devCommand) greet(ctx context.Context, s *server, t *terminal) error {
	if c.Demo {
		if err := c.demo(ctx, s, t); err != nil {
			return err
		}
	}
	ask := asking(s.HTTPAddr, c.DataDir)
	fmt.Fprintf(t.out, welcome, s.HTTPAddr, s.AdminAddr, s.logURL, s.DatabaseURL, credentialsFile(c.DataDir), ask, s.HTTPAddr, ask, s.HTTPAddr, ask)
	return nil
}

// asking are the flags that a verb needs to find a server and credentials that are
// not at their usual place.
func asking(addr, dataDir string) (flags string) {
	if addr != "127.0.0.1:8420" {
		flags += " --server http://" + addr
	}
	if dataDir != ".reeve" {
		flags += " --credentials " + credentialsFile(dataDir)
	}
	return flags
}

func credentialsFile(dataDir string) string { return filepath.Join(dataDir, "credentials.json") }

// demo loads the estate into an empty log, and goes on with a load that was
// interrupted: a marker in the data directory tells, and applying is repeatable.
func (c devCommand) demo(ctx context.Context, s *server, t *terminal) error {
	marker := filepath.Join(c.DataDir, "demo-loading")
	if _, err := os.Stat(marker); err != nil && !s.fresh {
		return nil
	}
	if err := os.WriteFile(marker, nil, 0o600); err != nil {
		return err
	}
	fmt.Fprintln(t.err, "the log is empty: loading the demo estate through the API")
	if err := loadDemo(ctx, verbs.Where{Server: "http://" + s.HTTPAddr, Credentials: credentialsFile(c.DataDir)}, t); err != nil {
		return err
	}
	return os.Remove(marker)
}

// welcome is what a newcomer sees. Its three commands are run by a test as they
// stand here.
const welcome = `
Reeve is running, for programs on this machine only.

  API       http://%s       OpenAPI at /openapi.json, GraphQL at /graphql
  metrics   http://%s/metrics
  log       %s
  database  %s
  you       the first administrator, by the credentials in %s

Try:

  curl -s -H "Authorization: Bearer $(bin/reeve token mint%s)" 'http://%s/v1/tenants?limit=3'
  curl -s -X POST -H "Authorization: Bearer $(bin/reeve token mint%s)" -H 'Content-Type: application/json' -d '{"context":{"tenantId":"blue-bakery"}}' http://%s/ofrep/v1/evaluate/flags/new-checkout
  bin/reeve tenant list -o table%s

ready
`
