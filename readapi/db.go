package readapi

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
)

// DB answers one statement. Every statement sees one snapshot of the tables and
// of how far they have read the log; tenant isolation belongs to the transaction,
// never to a where clause that somebody could forget.
type DB interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Head tells the position of the newest event in the log.
type Head func(context.Context) (uint64, error)

// A Source is the read models, and how long a reader may wait for them.
type Source struct {
	Patience time.Duration // how long a read waits for a position; two seconds unless set
	Access   *access.Model // decides who may do what
	Flags    *flag.Book    // what flags come to, now and as of any position

	Uses    *Uses    // that count which flags are evaluated; nobody does if nil
	Streams *Streams // that tell when to evaluate again; none if nil

	// Ready refuses reads of tables that may not be those of the log; nil for none.
	Ready func() error
	// Settled waits until Access and Flags have seen a position; nil if they do not
	// follow a log.
	Settled func(ctx context.Context, position uint64) error
	// Seen is the position up to which they were shown the log, of which much is none
	// of their business; nil if they do not follow one.
	Seen func() uint64
	// Age is how long ago they were last known to have seen everything there is; nil
	// if that is not known.
	Age func() time.Duration
	// Fact reads the event at a position of the log; nil if there is no log to read.
	Fact func(ctx context.Context, position uint64) (domain.Recorded, error)

	pools   map[string]*pgxpool.Pool // by the role that reads; a connection never changes its role
	head    Head
	records *recorder
	facts   *lru.Cache[uint64, cascade.Origin] // which never change
}

var (
	// ErrLagging: the tables have not yet read as far as the caller asked for.
	ErrLagging = &domain.Error{Kind: domain.Unavailable, Code: "projection-lagging", Detail: "the read models have not read that far yet"}
	// ErrBeyondHead: the caller asked for a position the log has not reached,
	// which no position from a receipt can be.
	ErrBeyondHead = &domain.Error{Kind: domain.Malformed, Code: "position-beyond-head", Detail: "the log has no such position"}
)

const (
	statementTimeout = "5000" // milliseconds
	defaultPatience  = 2 * time.Second
	longestPause     = 20 * time.Millisecond
)

// Open connects to the read models as roles that may only read them, and as one
// that may only record who did. What cannot be recorded is said to log.
func Open(ctx context.Context, url string, head Head, log *slog.Logger) (*Source, error) {
	s := &Source{Patience: defaultPatience, Access: access.NewModel(), Flags: flag.NewBook(), pools: map[string]*pgxpool.Pool{}, head: head}
	for _, role := range roles {
		pool, err := connect(ctx, url, role, func(c *pgxpool.Config) {
			c.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
		})
		if err != nil {
			s.shut()
			return nil, err
		}
		s.pools[role] = pool
	}
	recording, err := connect(ctx, url, "reeve_audit", func(c *pgxpool.Config) {
		c.MaxConns = 4                                           // one writes behind the reads, the others before their answers
		c.ConnConfig.RuntimeParams["synchronous_commit"] = "off" // a crash loses the last moment anyway
	})
	if err != nil {
		s.shut()
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s.records = newRecorder(recording, log)
	s.facts, err = lru.New[uint64, cascade.Origin](knownFacts)
	return s, err
}

func (s *Source) shut() {
	for _, pool := range s.pools {
		pool.Close()
	}
}

// connect makes a pool of connections that act as a role.
func connect(ctx context.Context, url, role string, tune func(*pgxpool.Config)) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	params := config.ConnConfig.RuntimeParams
	params["application_name"] = strings.ReplaceAll(role, "_", "-")
	params["statement_timeout"] = statementTimeout
	params["timezone"] = "UTC"
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "set role "+role)
		return err
	}
	tune(config)
	return pgxpool.NewWithConfig(ctx, config)
}

// Close waits until no statement is running, writes the last records and closes
// every connection.
func (s *Source) Close() {
	s.shut()
	s.records.close()
}

// Settle waits until every read before has been recorded.
func (s *Source) Settle() { s.records.settle() }

// Read runs ask against the tables of a view, once they have read the log as far
// as it says, and reports the position its answer is true at: what every one of
// them had read. A view across all tenants fails with ErrUnrecorded when its record
// cannot be made durable, whatever was read.
func (s *Source) Read(ctx context.Context, v View, ask func(context.Context, DB) error) (uint64, error) {
	if s.Ready != nil {
		if err := s.Ready(); err != nil {
			return 0, err
		}
	}
	if err := s.await(ctx, v.Least, v.Tables); err != nil {
		return 0, plain(err)
	}
	at, looks, err := s.look(ctx, v, ask)
	if v.Across {
		if unrecorded := s.records.attest(ctx, v, looks, err); unrecorded != nil {
			return 0, unrecorded
		}
	}
	return at, plain(err)
}

// look asks on a connection of its own, which is back before anything is recorded.
func (s *Source) look(ctx context.Context, v View, ask func(context.Context, DB) error) (uint64, []look, error) {
	within := confine(v.Scope)
	conn, err := s.pools[within.role].Acquire(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer release(conn)
	view := &snapshot{View: v, conn: conn.Conn(), records: s.records, confined: within}
	if err := ask(ctx, view); err != nil {
		return 0, view.looks, err
	}
	return view.position, view.looks, nil
}

// release gives the connection back clean, so that a failed statement costs no
// reconnect. The scope ended with its transaction; resetting the rest is a second
// belt. Never "discard all": it takes away the statements that pgx has prepared.
func release(conn *pgxpool.Conn) {
	if pg := conn.Conn().PgConn(); !pg.IsClosed() && pg.TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, _ = conn.Exec(ctx, "rollback; reset all")
	}
	conn.Release()
}

// await returns once all tables have read the log up to least, which those of a view
// without tables have. It holds no connection between two looks, so that waiters
// cannot starve readers.
func (s *Source) await(ctx context.Context, least uint64, tables []string) error {
	if len(tables) == 0 {
		return nil
	}
	return s.reach(ctx, least, func(ctx context.Context) (uint64, error) { return s.position(ctx, tables) })
}

// reach returns once a position is at least what it is to be.
func (s *Source) reach(ctx context.Context, least uint64, position func(context.Context) (uint64, error)) error {
	if least == 0 {
		return nil
	}
	deadline := time.Now().Add(s.Patience)
	for pause := time.Millisecond; ; pause = min(2*pause, longestPause) {
		at, err := position(ctx)
		if err != nil || at >= least {
			return err
		}
		if err := s.reachable(ctx, least, pause); err != nil {
			return err
		}
		if time.Now().Add(pause).After(deadline) {
			return ErrLagging.With(fmt.Sprintf("asked for position %d; the read models are at %d", least, at))
		}
		if err := rest(ctx, pause); err != nil {
			return err
		}
	}
}

// reachable asks the log itself, once, whether waiting makes sense at all.
func (s *Source) reachable(ctx context.Context, least uint64, pause time.Duration) error {
	if s.head == nil || pause > time.Millisecond {
		return nil
	}
	head, err := s.head(ctx)
	if err != nil {
		return err
	}
	if least > head {
		return ErrBeyondHead.With(fmt.Sprintf("asked for position %d; the log ends at %d", least, head))
	}
	return nil
}

func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Source) position(ctx context.Context, tables []string) (at uint64, err error) {
	err = s.pools[anyRole].QueryRow(ctx, positionSQL, tables).Scan(&at)
	return at, err
}

// seen is the position up to which the models in memory were shown the log, 0 if that
// is not known. What they are asked afterwards is true there or later.
func (s *Source) seen() uint64 {
	if s.Seen == nil {
		return 0
	}
	return s.Seen()
}

// awaitBook returns once the models in memory have seen a position. The log is asked
// only for what they have not seen.
func (s *Source) awaitBook(ctx context.Context, least uint64) error {
	if least == 0 || cmp.Or(s.seen(), s.Flags.Position()) >= least {
		return nil
	}
	if err := s.reachable(ctx, least, time.Millisecond); err != nil || s.Settled == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	return s.Settled(ctx, least)
}

// covers reports whether a node lies in a scope, by the model that decides who may
// do what.
func (s *Source) covers(scope domain.Scope, n domain.NodeID) bool {
	path, ok := s.Access.Path(n)
	return ok && scope.Covers(path)
}
