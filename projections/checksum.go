package projections

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A Checksum is the same for two tables of the same rows, wherever and however
// they were written.
type Checksum struct {
	Name     string `json:"name"`
	Rows     int64  `json:"rows"`
	MD5      string `json:"md5"`
	Position uint64 `json:"position"` // up to which the table has read the log
}

// asReader sees one snapshot, all rows, and values in one text form.
var asReader = pgx.TxOptions{BeginQuery: `begin isolation level repeatable read read only; set local role reeve_projector;
set local timezone = 'UTC'; set local datestyle = 'ISO, MDY'; set local extra_float_digits = 1`}

// Checksums computes the checksums of the named tables, of all if none is named,
// in one snapshot.
func (e *Engine) Checksums(ctx context.Context, names ...string) (sums []Checksum, err error) {
	all, err := e.named(names)
	if err != nil {
		return nil, err
	}
	err = e.inTx(ctx, asReader, roundTime, func(ctx context.Context, tx pgx.Tx) error {
		known, err := cursors(ctx, tx)
		if err != nil {
			return err
		}
		for _, p := range all {
			d := p.Describe()
			s, err := checksum(ctx, tx, d, d.Name)
			if err != nil {
				return fmt.Errorf("checksum of %s: %w", d.Name, err)
			}
			s.Position = known[d.Name].Position
			sums = append(sums, s)
		}
		return nil
	})
	return sums, err
}

func checksum(ctx context.Context, tx pgx.Tx, d Description, table string) (Checksum, error) {
	c := Checksum{Name: d.Name}
	sql := fmt.Sprintf(`select count(*), md5(coalesce(string_agg(md5(t::text), '' order by t.%s::text collate "C"), '')) from %s t`, d.Columns[0].Name, qualified(table))
	err := tx.QueryRow(ctx, sql).Scan(&c.Rows, &c.MD5)
	return c, err
}

// same tells whether two tables hold the same rows, without sorting them: by sums of
// hashes of 64 bits, which nobody can foresee.
func same(ctx context.Context, tx pgx.Tx, d Description, a, b string) (same bool, err error) {
	err = tx.QueryRow(ctx, fmt.Sprintf("select %s is not distinct from %s", d.sum(a), d.sum(b)), rand.Int64()).Scan(&same)
	return same, err
}

// sum is SQL for the number of rows of a table and the sum of their hashes, seeded by
// the first parameter. JSON has no hash, its text has.
func (d Description) sum(table string) string {
	var values []string
	for _, c := range d.Columns {
		v := c.Name
		if c.Type == "json" || c.Type == "jsonb" {
			v += "::text"
		}
		values = append(values, v)
	}
	return fmt.Sprintf("(select row(count(*), sum(hash_record_extended(row(%s), $1::bigint))) from %s)", strings.Join(values, ", "), qualified(table))
}
