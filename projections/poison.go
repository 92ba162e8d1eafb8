package projections

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// A poison is a failure that trying again cannot heal: an event that cannot be
// decoded or folded, or rows that the table does not take.
type poison struct {
	position uint64 // of the event, as far as it is known
	cause    error
}

func (p *poison) Error() string { return fmt.Sprintf("at position %d: %v", p.position, p.cause) }
func (p *poison) Unwrap() error { return p.cause }

// passing are the classes of SQLSTATE that say something about the moment and
// nothing about the statement: connection, transaction rollback, resources,
// objects in use, operator intervention, system, internal.
// PostgreSQL documentation, appendix A.
var passing = []string{"08", "25", "40", "53", "55", "57", "58", "XX"}

// poisonous tells whether the same page would fail again.
func poisonous(err error) bool {
	var p *poison
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &p):
		return true
	case errors.As(err, &pg):
		return len(pg.Code) == 5 && !slices.Contains(passing, pg.Code[:2])
	}
	return false
}
