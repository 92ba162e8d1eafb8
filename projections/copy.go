package projections

import (
	"cmp"
	"context"
	"io"
	"reflect"

	"github.com/jackc/pgx/v5"
)

// flush writes what has changed by COPY: rows that the table does not have straight
// into it, others through a staging table.
func (s *sheet[Row]) flush(ctx context.Context, tx pgx.Tx) error {
	defer s.settle()
	fresh, changed, gone := s.sort()
	if err := s.copy(ctx, tx, s.copyInto, fresh); err != nil {
		return err
	}
	if err := s.replace(ctx, tx, changed); err != nil {
		return err
	}
	if len(gone) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, s.remove, gone)
	return err
}

// replace writes rows over those that the table has of the same keys.
func (l *layout) replace(ctx context.Context, tx pgx.Tx, rows []reflect.Value) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, l.staging); err != nil {
		return err
	}
	if err := l.copy(ctx, tx, l.copyStaged, rows); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, l.merge); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "drop table pg_temp.staged")
	return err
}

func (l *layout) copy(ctx context.Context, tx pgx.Tx, into string, rows []reflect.Value) error {
	if len(rows) == 0 {
		return nil
	}
	lines := &lines{layout: l, rows: rows}
	_, err := tx.Conn().PgConn().CopyFrom(ctx, lines, into)
	return cmp.Or(lines.failed, err)
}

// lines reads rows in the text format of COPY, encoded as they are asked for.
type lines struct {
	*layout
	rows   []reflect.Value
	buf    []byte
	read   int
	failed error // why a row could not be encoded; the server only hears that there is no more
}

// chunk is how much text is encoded ahead.
const chunk = 64 << 10

// Read implements [io.Reader].
func (l *lines) Read(p []byte) (int, error) {
	if l.read == len(l.buf) {
		if err := l.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, l.buf[l.read:])
	l.read += n
	return n, nil
}

func (l *lines) fill() (err error) {
	if len(l.rows) == 0 {
		return io.EOF
	}
	l.buf, l.read = l.buf[:0], 0
	for len(l.rows) > 0 && len(l.buf) < chunk {
		if l.buf, err = l.appendLine(l.buf, l.rows[0]); err != nil {
			l.failed = &poison{cause: err}
			return l.failed
		}
		l.rows = l.rows[1:]
	}
	return nil
}
