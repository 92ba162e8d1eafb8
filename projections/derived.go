package projections

import (
	"context"
	"fmt"
	"reflect"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
)

// deriving is one call of a derivation.
type deriving struct {
	ctx   context.Context
	tx    pgx.Tx
	names Names
	dirty []domain.Recorded // nil: everything
}

func (d Derived[Row]) folder(string) folder { return nil }

func (d Derived[Row]) derive(c deriving) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &poison{cause: fmt.Errorf("derive %s: panic: %v", d.Name, p)}
		}
	}()
	return d.Derive(c.ctx, c.tx, c.names, c.dirty)
}

// upsert writes rows into a table, named as Names says, in one statement. It is
// for derivations; key is the first column of Row.
func upsert[Row any](ctx context.Context, tx pgx.Tx, table string, rows []Row) error {
	if len(rows) == 0 {
		return nil
	}
	l := newLayout(Description{Columns: columnsOf[Row]()}, table)
	values := make([]reflect.Value, len(rows))
	for i := range rows {
		values[i] = reflect.ValueOf(&rows[i]).Elem()
	}
	args, err := l.columns(values)
	if err != nil {
		return err
	}
	return post(ctx, tx, []edit{{l.upsert, args}})
}
