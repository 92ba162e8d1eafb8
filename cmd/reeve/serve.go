package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/events"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/eventstore"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/graph/exec"
	"github.com/reeve-platform/reeve/internal/logserver"
	"github.com/reeve-platform/reeve/internal/pgdev"
	"github.com/reeve-platform/reeve/migrations"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/readapi"
)

// A server is a running Reeve. What was opened is closed in reverse order.
type server struct {
	Config
	log  *slog.Logger
	run  *errgroup.Group // what must not end before the server does
	ctx  context.Context // ends when one of them fails
	stop context.CancelFunc
	opened
	meeting
	fresh  bool // the log was empty at this start
	logURL string

	store  *eventstore.Store
	pool   *pgxpool.Pool
	source *readapi.Source
	engine *projections.Engine
	ledger *commands.Ledger
	meter  *meter
	tap    func(projections.Log) projections.Log // what the engine reads the log through

	doorway
	bootstrap *bootstrap
}

// start brings everything up, in the order in which it depends on each other. What
// needs the log and the database is in [server.meet].
func start(ctx context.Context, c Config, log *slog.Logger, key []byte) (*server, error) {
	return startTapped(ctx, c, log, key, plainLog)
}

// startTapped starts a server whose projections read the log through tap.
func startTapped(ctx context.Context, c Config, log *slog.Logger, key []byte, tap func(projections.Log) projections.Log) (*server, error) {
	ctx, stop := context.WithCancel(ctx)
	run, ctx := errgroup.WithContext(ctx)
	s := &server{Config: c, log: log, run: run, ctx: ctx, stop: stop, meter: newMeter(), tap: tap}
	for _, step := range []func([]byte) error{s.openLog, s.openDatabase, s.openAccess, s.openSides, s.meet, s.listen} {
		if err := step(key); err != nil {
			s.shut()
			return nil, cmp.Or(s.run.Wait(), err) // what has failed beside the steps is why they have
		}
	}
	return s, nil
}

func plainLog(l projections.Log) projections.Log { return l }

// wait returns when the context of the server ends or a part of it fails, after
// everything has been closed.
func (s *server) wait() error {
	<-s.ctx.Done()
	s.stop()
	s.shut()
	return s.run.Wait()
}

func (s *server) shut() {
	s.stop()
	for f, more := s.last(); more; f, more = s.last() {
		if err := f(); err != nil {
			s.log.Error("closing", "error", err)
		}
	}
}

// opened is how to close what was opened, also while something else still opens.
type opened struct {
	mu    sync.Mutex
	close []func() error
}

// closing remembers how to close what has just been opened.
func (o *opened) closing(f func() error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.close = append(o.close, f)
}

// last forgets what was opened last, and says how to close it.
func (o *opened) last() (f func() error, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.close) == 0 {
		return nil, false
	}
	f = o.close[len(o.close)-1]
	o.close = o.close[:len(o.close)-1]
	return f, true
}

func (s *server) openLog([]byte) (err error) {
	s.logURL = s.LogURL
	if s.logURL == "" {
		if s.logURL, err = s.embedLog(); err != nil {
			return err
		}
	}
	s.store, err = eventstore.Open(s.logURL, events.Registry, eventstore.Options{Logger: s.log, OneNode: s.LogURL == ""})
	if err != nil {
		return errLogURL(err)
	}
	s.closing(s.store.Close)
	return nil
}

// embedLog serves the log of the data directory for us and any other client on
// this machine. Nobody may take anything away from it.
func (s *server) embedLog() (string, error) {
	log, err := logserver.Open(logserver.Options{Dir: s.DataDir + "/log", Addr: s.LogAddr, Logger: s.log,
		Security: logserver.Security{AppendOnly: true, Truncatable: truncatable}})
	if err != nil {
		return "", err
	}
	s.closing(log.Close)
	s.fresh = log.Head() == 0
	s.meter.embedded(log)
	s.run.Go(log.Serve)
	s.run.Go(func() error { return compactions(s.ctx, log, s.CompactEvery, s.log) })
	return log.URL(), nil
}

func (s *server) openDatabase([]byte) (err error) {
	if s.DatabaseURL == "" {
		if err := s.ownDatabase(); err != nil {
			return err
		}
	}
	s.pool, err = pgxpool.New(s.ctx, s.DatabaseURL)
	if err != nil {
		return err
	}
	s.closing(func() error { s.pool.Close(); return nil })
	return nil
}

// ownDatabase runs a local Postgres. Nobody else knows it, so its reader can be made
// anew.
func (s *server) ownDatabase() error {
	pg, err := pgdev.Start(s.ctx, pgdev.Options{Dir: s.DataDir, Logger: s.log})
	if err != nil {
		return err
	}
	s.closing(pg.Stop)
	s.DatabaseURL = pg.URL()
	s.run.Go(func() error { return watch(s.ctx, pg) })
	if err := migrations.Up(s.ctx, s.DatabaseURL); err != nil {
		return err
	}
	s.local = true
	s.ReaderURL, err = migrations.Reader(s.ctx, s.DatabaseURL, "reeve_reader", rand.Text())
	return err
}

// watch fails when the local Postgres dies under us.
func watch(ctx context.Context, pg *pgdev.Server) error {
	select {
	case <-pg.Exited():
		return fmt.Errorf("the local Postgres has stopped by itself; its log tells why")
	case <-ctx.Done():
		return nil
	}
}

// openSides opens the read side and the command side. Neither is reached yet.
func (s *server) openSides(key []byte) (err error) {
	if s.source, err = readapi.Open(s.ctx, cmp.Or(s.ReaderURL, s.DatabaseURL), s.store.Head, s.log); err != nil {
		return err
	}
	s.source.Access, s.source.Flags, s.source.Fact = s.model, s.book, s.store.At
	s.source.Settled, s.source.Seen, s.source.Ready, s.source.Age = s.mirror.Await, s.mirror.At, s.together, s.mirror.Age
	if n := int(s.Streams); n > 0 {
		s.source.Streams = readapi.NewStreams(key, n, s.mirror.Moved, s.mirror.Err, s.ctx.Done())
		s.source.Streams.Belongs = s.model.Belongs
	}
	s.closing(func() error { s.source.Close(); return nil })
	s.engine = projections.New(s.pool, s.tap(s.store), projections.All, projections.Options{Logger: s.log})
	o := commands.Options{NameKey: key, Survey: s.survey, Room: s.room, Forge: s.sealer.Forge, Flags: s.flags, Shown: s.source.Note, Approvals: s.book.Approvals, Holds: s.holds, Logger: s.log}
	s.ledger, s.founding = commands.NewLedger(gated{s.store, s.together}, o), commands.NewLedger(s.store, o)
	s.bootstrap = &bootstrap{server: s}
	return nil
}

// project keeps the tables up to date from now on, and does what is due.
func (s *server) project() error {
	done := make(chan struct{})
	s.run.Go(func() error { defer close(done); return s.engine.Run(s.ctx) })
	s.closing(func() error { <-done; return nil })
	s.run.Go(func() error { return s.sweep(s.ctx) })
	s.run.Go(func() error { return s.measure(s.ctx) })
	return nil
}

// errForeign: whoever becomes administrator of a log must not thereby see the rows
// that another one has left.
var errForeign = errConfig{"REEVE_DATABASE_URL", projections.ErrForeign.Error() + "; name the database of this log, or an empty one, or run reeve projections rebuild beside reeve log serve"}

// recognise refuses a database that was filled from another log.
func (s *server) recognise() error {
	ctx, cancel := context.WithTimeout(s.ctx, 30*time.Second)
	defer cancel()
	if err := s.store.Ready(ctx); err != nil {
		return err
	}
	err := s.engine.Foreign(ctx)
	if errors.Is(err, projections.ErrForeign) {
		return errForeign
	}
	return err
}

// survey lists the tenants under an integrator as of the present head of the log.
func (s *server) survey(ctx context.Context, i domain.IntegratorID) ([]domain.TenantID, error) {
	head, err := s.store.Head(ctx)
	if err != nil {
		return nil, err
	}
	return s.source.TenantsUnder(ctx, i, head)
}

// feed yields the log from behind a position on, and what comes.
func (s *server) feed(ctx context.Context, from uint64) iter.Seq2[domain.Page, error] {
	return s.store.Prompt(ctx, from, 256)
}

// flags is the book of flags as of the present head of the log.
func (s *server) flags(ctx context.Context) (*flag.Book, error) {
	head, err := s.store.Head(ctx)
	if err == nil {
		err = s.mirror.Await(ctx, head)
	}
	return s.book, err
}

func (s *server) establish() error {
	ctx, cancel := context.WithTimeout(s.ctx, 30*time.Second)
	defer cancel()
	return commands.Establish(ctx, s.founding)
}

// hot is what programs ask for all day: evaluations, and commands.
var hot = []string{"POST " + readapi.EvaluatePath, "PATCH /v1/", "POST /v1/", "PUT /v1/"}

// serve serves h on l until the server is shut, over TLS if there is a config.
func (s *server) serve(l net.Listener, h http.Handler, config *tls.Config) {
	srv := edge.NewShortcut(edge.NewServer(h, edge.Pace{}, config, s.log), s.log, hot...)
	s.run.Go(func() error {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	s.closing(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return srv.Shutdown(ctx)
	})
}

// routes joins both catalogues and the wires that stand on bare chi.
func (s *server) routes() chi.Router {
	entries := s.inForce(entries(s.ledger, s.source))
	o := s.receive(edge.Options{Logger: s.log, Version: version, Observe: s.meter.observe, Refused: s.refused, Guard: s.guard})
	r := chi.NewRouter()
	edge.REST(r, o, entries...)
	exec.Mount(r, o, s.source, entries...)
	readapi.MountOFREP(r, s.source, edge.ScopeOf(domain.FlagEvaluate), time.Now)
	readapi.MountFlagd(r, s.source, edge.ScopeOf(domain.FlagEvaluate), time.Now)
	r.Method(http.MethodGet, readapi.FeedPath, readapi.NewFeed(s.source, s.feed))
	s.endpoints.Mount(r)
	r.Method(http.MethodPost, bootstrapPath, s.bootstrap)
	r.Get("/events.json", serveEvents)
	edge.Health(r, s.checks, s.insight)
	return r
}

// entries are both catalogues. Nil sides are fine for whoever only reads them.
func entries(l *commands.Ledger, s *readapi.Source) []edge.Served {
	return append(edge.With(l, commands.Catalog), edge.With(s, readapi.Catalog)...)
}
