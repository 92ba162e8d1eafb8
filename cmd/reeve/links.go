package main

import (
	"log/slog"
	"net"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/internal/edge"
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
func checkDatabaseURL(url string) error {
	if url == "" {
		return nil
	}
	w, err := wireTo(url)
	if err != nil {
		return errConfig{"REEVE_DATABASE_URL", "cannot be read as postgres://user:password@host:port/database"}
	}
	if w.far && !w.encrypted {
		return errConfig{"REEVE_DATABASE_URL", "has sslmode=disable, and the database is on another machine; use sslmode=verify-full, or at least require"}
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

// warn tells of what is allowed, but should not be so in production.
func (c Config) warn(log *slog.Logger) {
	if w, err := wireTo(c.DatabaseURL); err == nil && w.plain {
		log.Warn("REEVE_DATABASE_URL lets the database be spoken to in plaintext; sslmode=verify-full forbids it")
	}
	if l, err := esdb.ParseConnectionString(c.LogURL); c.LogURL != "" && err == nil && farLog(l) && (l.DisableTLS || l.SkipCertificateVerification) {
		log.Warn("REEVE_LOG_URL lets others on the way read and write the log; use tls=true and verify the certificate")
	}
}
