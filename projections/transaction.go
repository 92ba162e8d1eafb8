package projections

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	pageTime  = 60 * time.Second // one page, one round trip to a cursor
	roundTime = 30 * time.Minute // one round of the bulk path, a derivation from nothing, a checksum
)

// asProjector begins as the role that writes rows. It may forget the last pages
// in a crash of the server: their cursors are forgotten with them, and the pages
// are read again.
var asProjector = pgx.TxOptions{BeginQuery: "begin; set local role reeve_projector; set local synchronous_commit = off"}

// asOwner begins as the role that changes tables.
var asOwner = pgx.TxOptions{BeginQuery: "begin; set local role reeve_owner; set local lock_timeout = '5s'"}

// asSwapper gives up on a lock soon: who wants to read the table waits behind us.
var asSwapper = pgx.TxOptions{BeginQuery: "begin; set local role reeve_owner; set local lock_timeout = '500ms'"}

// inTx runs do in one transaction that lasts at most limit.
func (e *Engine) inTx(ctx context.Context, o pgx.TxOptions, limit time.Duration, do func(context.Context, pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return pgx.BeginTxFunc(ctx, e.db, o, func(tx pgx.Tx) error { return do(ctx, tx) })
}

// errUndo ends a transaction that was only a trial.
var errUndo = errors.New("undo")

// trial runs do and takes it back.
func (e *Engine) trial(ctx context.Context, do func(context.Context, pgx.Tx) error) error {
	err := e.inTx(ctx, asProjector, pageTime, func(ctx context.Context, tx pgx.Tx) error {
		if err := do(ctx, tx); err != nil {
			return err
		}
		return errUndo
	})
	if errors.Is(err, errUndo) {
		return nil
	}
	return err
}

// send runs statements in one round trip. What reads[i] is set for is a query.
func send(ctx context.Context, tx pgx.Tx, all []statement, read func(i int, rows pgx.Rows) error) error {
	if len(all) == 0 {
		return nil
	}
	var b pgx.Batch
	for _, s := range all {
		b.Queue(s.sql, s.args...)
	}
	answers := tx.SendBatch(ctx, &b)
	for i := range all {
		rows, err := answers.Query()
		if err == nil {
			err = read(i, rows)
			rows.Close()
		}
		if err = cmpErr(err, rows); err != nil {
			return errors.Join(err, answers.Close())
		}
	}
	return answers.Close()
}

// post makes edits in one round trip. Their arguments go out as they are, past
// the queries of pgx, which would copy each twice.
func post(ctx context.Context, tx pgx.Tx, all []edit) error {
	if len(all) == 0 {
		return nil
	}
	prepared, size := make([]*pgconn.StatementDescription, len(all)), room(0)
	for i, c := range all {
		var err error
		if prepared[i], err = tx.Conn().Prepare(ctx, c.sql, c.sql); err != nil {
			return err
		}
		size += c.size()
	}
	pg := tx.Conn().PgConn()
	line := pg.StartPipeline(ctx)
	pg.Frontend().Send(size)
	for i, c := range all {
		line.SendQueryStatement(prepared[i], c.args, []int16{pgx.BinaryFormatCode}, nil)
	}
	err := line.Sync()
	for i := 0; i < len(all) && err == nil; i++ {
		_, err = line.GetResults()
	}
	return errors.Join(err, line.Close())
}

// A room is no message. It makes the buffer of a connection as large as what will
// be written to it, which would grow it bit by bit.
type room int

// size is enough for an edit and what goes with it.
func (c edit) size() room {
	size := 256
	for _, a := range c.args {
		size += 4 + len(a)
	}
	return room(size)
}

// Frontend implements [pgproto3.FrontendMessage].
func (room) Frontend() {}

// Decode implements [pgproto3.Message]; nobody sends us one.
func (room) Decode([]byte) error { return errors.ErrUnsupported }

// Encode implements [pgproto3.Message].
func (n room) Encode(b []byte) ([]byte, error) { return slices.Grow(b, int(n)), nil }

func cmpErr(err error, rows pgx.Rows) error {
	if err != nil || rows == nil {
		return err
	}
	return rows.Err()
}
