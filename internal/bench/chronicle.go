package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/projections"
)

// A chronicle is a read model that keeps every version of the rows of another, in
// memory: what anybody would append to a list while folding.
type chronicle[Row any] struct {
	now      *rows[Row] // as they are by now
	columns  []string
	put      string // SQL that inserts one version
	versions []version[Row]
}

// A version is a row from an event on.
type version[Row any] struct {
	since uint64
	gone  bool
	row   Row
}

func newPast[Row any](t projections.Table[Row]) ledger {
	c := &chronicle[Row]{now: newRows(t)}
	var places []string
	for i, column := range (projections.Past[Row]{Table: t}).Describe().Columns {
		c.columns = append(c.columns, column.Name)
		places = append(places, fmt.Sprintf("$%d", i+1))
	}
	c.put = fmt.Sprintf("insert into baseline.%s (%s) values (%s)", c.name(), strings.Join(c.columns, ", "), strings.Join(places, ", "))
	return c
}

func (c *chronicle[Row]) name() string { return projections.PastOf(c.now.Name) }

func (c *chronicle[Row]) clear() {
	c.now.clear()
	c.versions = nil
}

func (c *chronicle[Row]) fold(e domain.Recorded) {
	key := c.now.Key(e)
	if key == "" {
		return
	}
	before, had := c.now.byKey[key]
	switch row, keep := c.now.change(key, e); {
	case keep:
		c.versions = append(c.versions, version[Row]{e.Position, false, row})
	case had:
		c.versions = append(c.versions, version[Row]{e.Position, true, before})
	}
}

func (c *chronicle[Row]) copy(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"baseline", c.name()}, c.columns, pgx.CopyFromSlice(len(c.versions), func(i int) ([]any, error) {
		return c.values(&c.versions[i]), nil
	}))
	return err
}

func (c *chronicle[Row]) upsert(b *pgx.Batch, e domain.Recorded) {
	c.fold(e)
	for i := range c.versions {
		b.Queue(c.put, c.values(&c.versions[i])...)
	}
	c.versions = c.versions[:0]
}

func (c *chronicle[Row]) values(v *version[Row]) []any {
	return append([]any{v.since, v.gone}, c.now.values(&v.row)...)
}
