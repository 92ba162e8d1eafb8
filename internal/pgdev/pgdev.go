// Package pgdev runs a PostgreSQL of our own beside the process that needs it:
// for a developer's machine and for tests, never for production.
//
//	db, err := pgdev.Start(ctx, pgdev.Options{Dir: dir})
//	if err != nil {
//		return err
//	}
//	defer db.Stop()
//	pool, err := pgxpool.New(ctx, db.URL())
//
// Four promises. The data is durable: checksums are on, fsync is on, and what
// was committed is there after the next Start. There is one owner: a second
// live one gets ErrRunning. Nothing is left running: Stop waits, on Linux the
// kernel stops the server when its owner dies, and everywhere the next Start
// first stops a server whose owner was killed. And it never runs as root.
//
// # Where the data is
//
// Options.Dir/postgres holds the lock, the generated password and the server's
// log. The cluster is in Options.Dir/postgres/data. PostgreSQL refuses to run
// as root, so a root process lowers the server to the account postgres (or
// nobody); when that account cannot reach the directory, as under a home
// directory of mode 0700, the cluster is in /var/lib/reeve-dev/<id>/data
// instead, and <id> is kept in Options.Dir/postgres/elsewhere. So the data
// belongs to Options.Dir, also when that is moved or removed; after removing
// it, the directory under /var/lib/reeve-dev is garbage and may go too.
package pgdev

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

// ErrRunning says that another live process owns this data directory.
var ErrRunning = errors.New("another live process already runs this database")

// Options say where the server keeps its data and how careful it is.
type Options struct {
	// Dir is the parent data directory; it is created when missing. The server
	// keeps everything it needs under Dir/postgres.
	Dir string
	// Logger hears of starts, adoptions and deaths; nil is silent. The server's
	// own log is in Dir/postgres/postgres.log.
	Logger *slog.Logger
	// Unsafe is for tests: what is committed survives a death of the server, and
	// not one of the machine (fsync off).
	Unsafe bool
}

// Server is a running PostgreSQL that belongs to this process.
type Server struct {
	cluster  cluster
	lock     *os.File
	process  *process
	port     int
	exited   chan struct{}
	stopping chan struct{}
	stop     func() error
}

// Start creates the cluster if there is none, stops what a dead owner left
// behind, and returns when the database "reeve" answers. A server that dies
// during its start is tried again for five seconds: right after a crash the
// old process number and shared memory may still be in the way. Ending ctx
// gives up the start; it does not stop a started server.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	home, err := homeIn(o.Dir)
	if err != nil {
		return nil, err
	}
	lock, err := own(filepath.Join(home, "lock"))
	if err != nil {
		return nil, fmt.Errorf("start postgres in %s: %w", home, err)
	}
	s := &Server{lock: lock, exited: make(chan struct{}), stopping: make(chan struct{})}
	if err := s.open(ctx, home, o); err != nil {
		return nil, errors.Join(fmt.Errorf("start postgres in %s: %w", home, err), lock.Close())
	}
	s.stop = sync.OnceValue(s.halt)
	go s.watch()
	return s, nil
}

func (s *Server) open(ctx context.Context, home string, o Options) error {
	c, err := prepare(ctx, home, o)
	if err != nil {
		return err
	}
	if err := c.adopt(); err != nil {
		return err
	}
	s.cluster = c
	s.process, s.port, err = c.start(ctx)
	if err != nil {
		return err
	}
	o.Logger.Info("postgres started", "data", c.data(), "port", s.port, "pid", s.process.cmd.Process.Pid)
	return nil
}

// URL is the address of the database "reeve" for its owner, the superuser
// "reeve", with the password in it. It is TCP on 127.0.0.1, so psql takes it
// under any account of this machine. The port is another one after each Start.
func (s *Server) URL() string { return s.cluster.url(s.port, database) }

// DataDir is where the cluster's files are; see the package comment.
func (s *Server) DataDir() string { return s.cluster.data() }

// Exited is closed when the server ends without Stop. Stop is still due then:
// it releases the data directory.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Stop ends all sessions, writes everything down and waits for the server to
// be gone. Calling it again returns the same answer.
func (s *Server) Stop() error { return s.stop() }

func (s *Server) halt() error {
	close(s.stopping)
	err := halt(s.process.cmd.Process.Signal, s.process.done)
	return errors.Join(err, s.lock.Close())
}

func (s *Server) watch() {
	<-s.process.done
	select {
	case <-s.stopping:
	default:
		s.cluster.log.Error("postgres died", "cause", s.process.err, "log", s.cluster.logPath())
		close(s.exited)
	}
}
