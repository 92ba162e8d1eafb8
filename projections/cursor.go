package projections

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// The states of a cursor. A table that is building has not yet reached the
// others: it is being made beside, or catches up after it was stopped.
const (
	Live     = "live"
	Building = "building"
	Stopped  = "stopped"
)

// A cursor is how far one table has read the log.
type cursor struct {
	Name          string
	Position      uint64
	Version       int
	State         string
	Error         *string
	ErrorPosition *uint64
	UpdatedAt     time.Time
	Events        int64
}

// A querier is a pool, a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

const selectCursors = `select name, position, version, state, error, error_position, updated_at, events from reeve.cursors`

func cursors(ctx context.Context, db querier) (map[string]cursor, error) {
	rows, err := db.Query(ctx, selectCursors)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[cursor])
	all := map[string]cursor{}
	for _, c := range list {
		all[c.Name] = c
	}
	return all, err
}

// errMoved: the cursors are not where this process believes them to be. Another
// process, or an operator, has moved them; nothing was changed.
var errMoved = errors.New("somebody else has moved the cursors")

const advanceCursors = `update reeve.cursors c set position = $2, events = events + $3, updated_at = now()
from unnest($4::text[], $5::int[]) as mine(name, version)
where c.name = mine.name and c.version = mine.version and c.position = $1 and c.state <> 'stopped'`

// advance compares and sets the cursors of all slots at once.
func advance(slots []*slot, from, to uint64, events int) statement {
	names, versions := make([]string, len(slots)), make([]int, len(slots))
	for i, s := range slots {
		names[i], versions[i] = s.cursor(), s.Version
	}
	return statement{advanceCursors, []any{from, to, events, names, versions}}
}

const stopCursor = `update reeve.cursors set state = 'stopped', error = $3, error_position = nullif($4, 0), updated_at = now()
where name = $1 and position = $2`

const resumeCursors = `update reeve.cursors set state = 'building', error = null, error_position = null, updated_at = now()
where name = any($1) and state = 'stopped'`

// enliven marks slots of a lane that has caught up.
const enlivenCursors = `update reeve.cursors set state = 'live', updated_at = now() where name = any($1) and state = 'building'`
