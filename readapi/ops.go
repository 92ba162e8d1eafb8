package readapi

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Projections asks how far each read model has come.
type Projections struct{}

// Projection is the state of one read model.
type Projection struct {
	Name          string    `db:"name" json:"name" doc:"Name of the table."`
	State         string    `db:"state" json:"state" enum:"live,building,stopped" doc:"Whether it follows the log, is being filled, or has met an event it cannot fold."`
	Version       int       `db:"version" json:"version" doc:"Version of the fold that wrote its rows."`
	Position      int64     `db:"position" json:"position" doc:"Last position of the log it has applied."`
	Events        int64     `db:"events" json:"events" doc:"Events it has applied in all."`
	UpdatedAt     time.Time `db:"updated_at" json:"updatedAt" doc:"When it last moved."`
	Error         *string   `db:"error" json:"error,omitempty" doc:"Why it stopped."`
	ErrorPosition *int64    `db:"error_position" json:"errorPosition,omitempty" doc:"At which position it stopped."`
}

// Run answers from the cursors, which the projections move together with their rows.
func (Projections) Run(ctx context.Context, db DB) (List[Projection], error) {
	rows, err := db.Query(ctx, projectionsSQL)
	if err != nil {
		return List[Projection]{}, err
	}
	items, err := pgx.CollectRows(rows, pgx.RowToStructByName[Projection])
	return List[Projection]{Items: nonNil(items)}, err
}

const projectionsSQL = `select name, state, version, position, events, updated_at, error, error_position from reeve.cursors order by name`
