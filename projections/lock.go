package projections

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Of several processes on one database, one projects. A session-level advisory
// lock keeps the others from doing the same work; that nothing is applied twice
// rests on the cursors alone.

// theLock is the name of the lock that whoever projects holds.
const theLock = "reeve.projections"

// channel is where wishes are announced.
const channel = "reeve_projections"

// A dead machine's session must not hold the lock for longer than this keepalive.
const lockSession = `set idle_in_transaction_session_timeout = 0; set statement_timeout = 0;
set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3;
listen ` + channel

// lockPause is how long a dead process' place may stay empty.
const lockPause = 100 * time.Millisecond

// acquire connects and waits until this process is the one that projects.
func (e *Engine) acquire(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, e.db.Config().ConnConfig)
	if err != nil {
		return nil, err
	}
	if err := e.wait(ctx, conn); err != nil {
		drop(conn)
		return nil, err
	}
	return conn, nil
}

// wait asks again and again: a statement that waits for a lock keeps its snapshot,
// which would hold up every swap, and all cleaning of tables, for as long.
func (e *Engine) wait(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, lockSession); err != nil {
		return err
	}
	for {
		var ours bool
		err := conn.QueryRow(ctx, `select pg_try_advisory_lock(hashtextextended($1, 0))`, e.lock).Scan(&ours)
		if err != nil || ours {
			return err
		}
		if err := rest(ctx, lockPause); err != nil {
			return err
		}
	}
}

func isLockTimeout(err error) bool {
	const lockNotAvailable = "55P03"
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == lockNotAvailable
}

// heard waits for a wish, at most for d. An error means that the lock is lost.
func heard(ctx context.Context, conn *pgx.Conn, d time.Duration) error {
	wait, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	_, err := conn.WaitForNotification(wait)
	if err == nil || wait.Err() == nil || ctx.Err() != nil {
		return err
	}
	ping, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return conn.Ping(ping)
}

func drop(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}
