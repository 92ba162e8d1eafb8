package main

import (
	"crypto/tls"
	"errors"

	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/logserver"
)

// logSecurity is who may reach a log that is served alone, and do what.
type logSecurity struct {
	LogTLSCert     string   `name:"log-tls-cert" env:"REEVE_LOG_TLS_CERT" help:"PEM file with the certificate; with it the log speaks TLS and may listen on any address."`
	LogTLSKey      string   `name:"log-tls-key" env:"REEVE_LOG_TLS_KEY" help:"PEM file with the certificate's key."`
	LogUsersFile   string   `name:"log-users-file" env:"REEVE_LOG_USERS_FILE" help:"htpasswd file with bcrypt hashes and groups; with it callers must be users, and ACLs count. Needs TLS."`
	LogAnonymous   bool     `name:"log-anonymous" env:"REEVE_LOG_ANONYMOUS" help:"Let callers without credentials do what ACLs give to everybody."`
	LogInsecure    bool     `name:"log-insecure" env:"REEVE_LOG_INSECURE" help:"Serve plaintext on an address that others can reach: they can read and write everything."`
	LogAppendOnly  bool     `name:"log-append-only" env:"REEVE_LOG_APPEND_ONLY" help:"Let nobody delete, truncate or expire streams, system streams aside."`
	LogTruncatable []string `name:"log-truncatable" env:"REEVE_LOG_TRUNCATABLE" default:"snap-,meter-tick-,security-" help:"Beginnings of names of streams that may be, nevertheless."`
}

// truncatable streams hold nothing that a decision rests on: what can be had again,
// and what was refused, which strangers can make grow. All else that Reeve writes is
// history.
var truncatable = []string{"snap-", "meter-tick-", "flagusage-", "security-"}

// security checks the settings one by one, so that the wrong one is named.
func (c logSecurity) security() (logserver.Security, error) {
	s := logserver.Security{
		CertFile: c.LogTLSCert, KeyFile: c.LogTLSKey, UsersFile: c.LogUsersFile,
		Anonymous: c.LogAnonymous, Insecure: c.LogInsecure,
		AppendOnly: c.LogAppendOnly, Truncatable: c.LogTruncatable,
	}
	switch {
	case c.LogTLSCert == "" && c.LogTLSKey != "":
		return s, errConfig{"REEVE_LOG_TLS_CERT", "is not set, but REEVE_LOG_TLS_KEY is"}
	case c.LogTLSCert != "" && c.LogTLSKey == "":
		return s, errConfig{"REEVE_LOG_TLS_KEY", "is not set, but REEVE_LOG_TLS_CERT is"}
	case c.LogUsersFile != "" && c.LogTLSCert == "":
		return s, errConfig{"REEVE_LOG_USERS_FILE", "needs REEVE_LOG_TLS_CERT: clients send no credentials without TLS"}
	case c.LogAnonymous && c.LogUsersFile == "":
		return s, errConfig{"REEVE_LOG_ANONYMOUS", "means nothing without REEVE_LOG_USERS_FILE: everybody is let in"}
	case c.LogInsecure && c.LogTLSCert != "":
		return s, errConfig{"REEVE_LOG_INSECURE", "contradicts REEVE_LOG_TLS_CERT"}
	}
	return s, c.readable()
}

// readable reads the files once before anything is opened.
func (c logSecurity) readable() error {
	if c.LogTLSCert != "" {
		if _, err := tls.LoadX509KeyPair(c.LogTLSCert, c.LogTLSKey); err != nil {
			return errConfig{"REEVE_LOG_TLS_CERT, REEVE_LOG_TLS_KEY", err.Error()}
		}
	}
	if c.LogUsersFile != "" {
		if _, err := logserver.ReadUsers(c.LogUsersFile); err != nil {
			return errConfig{"REEVE_LOG_USERS_FILE", err.Error()}
		}
	}
	return nil
}

// checkAddr lets a log with TLS, or one that is called insecure, be reached from
// elsewhere.
func (c logSecurity) checkAddr(addr string) error {
	err := edge.CheckAddr(addr)
	if _, far := errors.AsType[*edge.NotLoopbackError](err); far {
		if c.LogTLSCert != "" || c.LogInsecure {
			return nil
		}
		return errConfig{"REEVE_LOG_ADDR", addr + " can be reached from outside this machine: set REEVE_LOG_TLS_CERT and REEVE_LOG_TLS_KEY, or REEVE_LOG_INSECURE if everybody there may read and write everything"}
	}
	if err != nil {
		return errConfig{"REEVE_LOG_ADDR", err.Error()}
	}
	return nil
}
