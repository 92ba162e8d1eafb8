package readapi

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/projections"
)

// columns is the select list of a table under an alias. Columns are always
// named, so that a statement goes on working while a rebuilt table with more
// columns takes the place of the old one.
func columns(alias string, p projections.Projection) string {
	var names []string
	for _, c := range p.Describe().Columns {
		names = append(names, alias+"."+c.Name)
	}
	return strings.Join(names, ", ")
}

// one answers with the only row of a statement, or with none if there is none.
func one[Row any](ctx context.Context, db DB, none error, sql string, args ...any) (Row, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		var zero Row
		return zero, err
	}
	row, err := pgx.CollectExactlyOneRow(rows, seen(db, pgx.RowToStructByName[Row]))
	if errors.Is(err, pgx.ErrNoRows) {
		return row, none
	}
	return row, err
}

// many answers with every row of a statement.
func many[Row any](ctx context.Context, db DB, sql string, args ...any) ([]Row, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, seen(db, pgx.RowToStructByName[Row]))
}

// known answers an empty list with an error if what it belongs to does not exist.
func known[Row any](ctx context.Context, db DB, list List[Row], none error, sql string, id any) (List[Row], error) {
	if len(list.Items) > 0 {
		return list, nil
	}
	rows, err := db.Query(ctx, sql, id)
	if err != nil {
		return list, err
	}
	_, err = pgx.CollectOneRow(rows, pgx.RowTo[bool])
	if errors.Is(err, pgx.ErrNoRows) {
		return list, none
	}
	return list, err
}
