package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/eventstore"
	"github.com/reeve-platform/reeve/migrations"
)

const (
	// aloneAfter is how long a server waits for an answer of its log, and of its
	// database, before it starts without.
	aloneAfter = 5 * time.Second
	// compareEvery is how often the log is asked whether it has anything new.
	compareEvery = time.Second
	// soonest and latest are how long a server that is alone waits until it looks again.
	soonest, latest = 100 * time.Millisecond, 5 * time.Second
)

// errAlone: the server has not come together with its log and its database yet.
var errAlone = &domain.Error{Kind: domain.Unavailable, Code: "server-alone", Detail: "since its start the server has not reached its log and its database, and can only evaluate flags"}

// A meeting is how a server comes together with its log and its database.
type meeting struct {
	local    bool             // the database is our own, and has been migrated
	ahead    []func() error   // what is left to do, in this order
	founding *commands.Ledger // for what is left to do
	met      atomic.Bool
}

// together fails with errAlone until the server has met its log and its database: who
// knows whether they are the right ones.
func (s *server) together() error {
	if s.met.Load() {
		return nil
	}
	return errAlone
}

// meet does what needs the log and the database. Where one of them is away, a server
// with a replica goes on alone: it listens, and does the rest as soon as it can.
func (s *server) meet([]byte) error {
	s.ahead = []func() error{s.migrate, s.checkReader, s.recognise, s.project, s.establish, s.catchUp, s.offer}
	if s.hardy { // nobody is let in behind a log that can be reached, whatever the database does
		s.ahead = append([]func() error{s.catchUp, s.knock}, s.ahead...)
	}
	err := s.proceed()
	if err == nil || !s.hardy || !s.away(err) {
		return err
	}
	if err := s.mirror.Await(s.ctx, s.replica.Position()); err != nil {
		return err
	}
	s.log.Warn("starting alone: flags are answered as they were known last, everything else when the log and the database are there", "position", s.mirror.At(), "age", s.mirror.Age(), "error", err)
	done := make(chan struct{})
	s.run.Go(func() error { defer close(done); return s.persist() })
	s.closing(func() error { <-done; return nil })
	return nil
}

// proceed goes on where it was left, to the end or the first failure.
func (s *server) proceed() error {
	for len(s.ahead) > 0 {
		if err := s.ahead[0](); err != nil {
			return err
		}
		s.ahead = s.ahead[1:]
	}
	s.met.Store(true)
	return nil
}

// persist proceeds again and again. What waiting does not help ends the server.
func (s *server) persist() error {
	for pause := soonest; ; pause = min(2*pause, latest) {
		select {
		case <-time.After(pause):
		case <-s.ctx.Done():
			return nil
		}
		err := s.proceed()
		switch {
		case err == nil:
			s.log.Info("the log and the database are there; everything is answered")
			return nil
		case s.ctx.Err() != nil:
			return nil //nolint:nilerr // it was told to end
		case !s.away(err):
			return err
		}
		s.log.Debug("still alone", "error", err)
	}
}

// away reports whether an error says that the log or the database cannot be reached
// just now. All others are of the configuration or our own.
func (s *server) away(err error) bool {
	if s.ctx.Err() != nil || s.mirror.Blind() != nil {
		return false
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		connection, resources, intervention := "08", "53", "57" // classes of SQLSTATE
		return len(pg.Code) == 5 && slices.Contains([]string{connection, resources, intervention}, pg.Code[:2])
	}
	if e, ok := domain.AsError(err); ok {
		return e.Kind == domain.Unavailable
	}
	if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); untrusted {
		return false
	}
	_, network := errors.AsType[net.Error](err)
	return network || pgconn.SafeToRetry(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded)
}

// knock finds out in bounded time whether the database answers.
func (s *server) knock() error {
	ctx, cancel := context.WithTimeout(s.ctx, aloneAfter)
	defer cancel()
	return s.pool.Ping(ctx)
}

func (s *server) migrate() error {
	if s.local {
		return nil
	}
	return migrations.Up(s.ctx, s.DatabaseURL)
}

// catchUp waits until the mirror shows everything that is in the log now: before
// that, somebody whose rights have ended might be let in. It waits for as long as
// the log answers.
func (s *server) catchUp() error {
	began := time.Now()
	head, err := s.headSoon()
	for err == nil {
		if s.shows(head, aloneAfter) {
			s.confirm(began)
			return nil
		}
		if failure := s.mirror.Blind(); failure != nil {
			return failure
		}
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		_, err = s.headSoon()
	}
	return err
}

func (s *server) headSoon() (uint64, error) {
	ctx, cancel := context.WithTimeout(s.ctx, aloneAfter)
	defer cancel()
	return s.store.Head(ctx)
}

// shows reports whether the mirror follows the log that the replica was copied from,
// and shows everything up to a position within some time.
func (s *server) shows(position uint64, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(s.ctx, within)
	defer cancel()
	select {
	case <-s.replica.Recognised():
		return s.mirror.Await(ctx, position) == nil
	case <-ctx.Done():
		return false
	}
}

// confirm remembers, over a restart too, that the mirror shows everything that was in
// the log at an instant.
func (s *server) confirm(at time.Time) {
	s.mirror.Confirm(at)
	s.replica.Confirm(at)
}

// compare finds out how old the mirror is, until the server ends.
func (s *server) compare() error {
	tick := time.NewTicker(compareEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return nil
		case <-tick.C:
		}
		began := time.Now()
		if head, err := s.headSoon(); err == nil && s.shows(head, compareEvery) {
			s.confirm(began)
		}
	}
}

// gated is the log for those who must wait until the server has met it.
type gated struct {
	*eventstore.Store
	open func() error
}

// Read fails with errAlone before that.
func (g gated) Read(ctx context.Context, stream domain.StreamID, from uint64) ([]domain.Recorded, error) {
	if err := g.open(); err != nil {
		return nil, err
	}
	return g.Store.Read(ctx, stream, from)
}

// Append fails with errAlone before that.
func (g gated) Append(ctx context.Context, stream domain.StreamID, next uint64, m domain.Meta, facts []domain.Proposed) (domain.Receipt, error) {
	if err := g.open(); err != nil {
		return domain.Receipt{}, err
	}
	return g.Store.Append(ctx, stream, next, m, facts)
}
