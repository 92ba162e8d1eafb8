package projections

import (
	"cmp"
	"context"
	"io"
	"reflect"

	"github.com/jackc/pgx/v5"
)

// flush writes what is held by COPY: straight into a table that holds none of
// these rows, through a staging table into any other.
func (s *sheet[Row]) flush(ctx context.Context, tx pgx.Tx) error {
	kept, gone := s.sort()
	defer s.begin(s.fresh && len(kept) == 0)
	if err := s.copy(ctx, tx, kept); err != nil {
		return err
	}
	if len(gone) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, s.remove, gone)
	return err
}

func (s *sheet[Row]) copy(ctx context.Context, tx pgx.Tx, rows []reflect.Value) error {
	if len(rows) == 0 {
		return nil
	}
	lines := &lines{layout: s.layout, rows: rows}
	pg := tx.Conn().PgConn()
	if s.fresh || s.Insert {
		_, err := pg.CopyFrom(ctx, lines, s.copyInto)
		return cmp.Or(lines.failed, err)
	}
	if _, err := tx.Exec(ctx, s.staging); err != nil {
		return err
	}
	if _, err := pg.CopyFrom(ctx, lines, s.copyStaged); err != nil {
		return cmp.Or(lines.failed, err)
	}
	if _, err := tx.Exec(ctx, s.merge); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "drop table pg_temp.staged")
	return err
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
