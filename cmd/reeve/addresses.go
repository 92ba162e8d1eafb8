package main

import (
	"errors"
	"net/url"

	"github.com/reeve-platform/reeve/internal/edge"
)

// check refuses, before anything is opened, what a server could not run with. It
// never repeats an address that may hold a password.
func (c Config) check() error {
	if c.DataDir == "" {
		return errConfig{"REEVE_DATA_DIR", "is empty"}
	}
	if c.AloneFor < 0 {
		return errConfig{"REEVE_ALONE_FOR", "is negative"}
	}
	listens := [][2]string{{"REEVE_ADMIN_ADDR", c.AdminAddr}}
	if c.LogURL == "" {
		listens = append(listens, [2]string{"REEVE_LOG_ADDR", c.LogAddr})
	}
	for _, l := range listens {
		if err := edge.CheckAddr(l[1]); err != nil {
			return errConfig{l[0], err.Error()}
		}
	}
	return errors.Join(c.transport.check(), c.checkAddr(c.HTTPAddr), checkLogURL(c.LogURL),
		checkDatabaseURL("REEVE_DATABASE_URL", c.DatabaseURL), checkDatabaseURL("REEVE_READER_DATABASE_URL", c.ReaderURL))
}

// errLogURL says what is wrong with the address of the log, but not the address.
func errLogURL(err error) error {
	if parse, ok := errors.AsType[*url.Error](err); ok {
		err = parse.Err
	}
	return errConfig{"REEVE_LOG_URL", err.Error()}
}
