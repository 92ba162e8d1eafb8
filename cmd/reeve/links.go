package main

import (
	"errors"
	"log/slog"
	"net"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/migrations"
)

// checkLogURL refuses what is no address of a log, and a password that the client
// would not send: it does so over TLS only, and says nothing.
func checkLogURL(url string) error {
	if url == "" {
		return nil
	}
	c, err := esdb.ParseConnectionString(url)
	if err != nil {
		return errLogURL(err)
	}
	if c.DisableTLS && (c.Username != "" || c.Password != "") && farLog(c) {
		return errConfig{"REEVE_LOG_URL", "has a user and tls=false: credentials are for TLS only; use tls=true, or leave the user out"}
	}
	return nil
}

// farLog reports whether a log is, or may be, on another machine.
func farLog(c *esdb.Configuration) bool {
	if c.Address != "" {
		host, _, err := net.SplitHostPort(c.Address)
		if err != nil {
			host = c.Address
		}
		return !edge.IsLoopback(host)
	}
	for _, seed := range c.GossipSeeds {
		if !edge.IsLoopback(seed.Host) {
			return true
		}
	}
	return false
}

// A wire is whether what is said to the database passes other machines, and how.
type wire struct{ far, plain, encrypted bool }

// checkDatabaseURL refuses what is no address of a database, and plaintext to one
// on another machine.
func checkDatabaseURL(key, url string) error {
	if url == "" {
		return nil
	}
	w, err := wireTo(url)
	if err != nil {
		return errConfig{key, "cannot be read as postgres://user:password@host:port/database"}
	}
	if w.far && !w.encrypted {
		return errConfig{key, "has sslmode=disable, and the database is on another machine; use sslmode=verify-full, or at least require"}
	}
	return nil
}

func wireTo(url string) (w wire, err error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		return w, err
	}
	see := func(host string, encrypted bool) {
		if !strings.HasPrefix(host, "/") && !strings.HasPrefix(host, "@") && !edge.IsLoopback(host) { // neither a socket
			w.far, w.plain, w.encrypted = true, w.plain || !encrypted, w.encrypted || encrypted
		}
	}
	see(c.ConnConfig.Host, c.ConnConfig.TLSConfig != nil)
	for _, f := range c.ConnConfig.Fallbacks {
		see(f.Host, f.TLSConfig != nil)
	}
	return w, nil
}

// makeReader is what to do for a login that may only read.
const makeReader = `run reeve migrate up, then make one with "create role reeve_reader login noinherit password '…'" and "grant reeve_query, reeve_query_platform, reeve_query_integrator, reeve_query_tenant, reeve_audit to reeve_reader" (docs/guide/running.md)`

// checkReader refuses to read under a login that the policies do not hold. What it
// says never holds an address.
func (s *server) checkReader() error {
	if s.ReaderURL == "" {
		s.log.Warn("reads run under a login that can become the owner of the tables; give them their own in REEVE_READER_DATABASE_URL")
		return nil
	}
	err := migrations.CheckReader(s.ctx, s.DatabaseURL, s.ReaderURL)
	if errors.Is(err, migrations.ErrReader) {
		return errConfig{"REEVE_READER_DATABASE_URL", err.Error() + "; " + makeReader}
	}
	return err
}

// warn tells of what is allowed, but should not be so in production.
func (c Config) warn(log *slog.Logger) {
	for key, url := range map[string]string{"REEVE_DATABASE_URL": c.DatabaseURL, "REEVE_READER_DATABASE_URL": c.ReaderURL} {
		if w, err := wireTo(url); url != "" && err == nil && w.plain {
			log.Warn(key + " lets the database be spoken to in plaintext; sslmode=verify-full forbids it")
		}
	}
	if l, err := esdb.ParseConnectionString(c.LogURL); c.LogURL != "" && err == nil && farLog(l) && (l.DisableTLS || l.SkipCertificateVerification) {
		log.Warn("REEVE_LOG_URL lets others on the way read and write the log; use tls=true and verify the certificate")
	}
}
