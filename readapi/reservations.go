package readapi

import (
	"context"
	"time"

	"github.com/reeve-platform/reeve/projections"
)

// Abandoned lists reservations that were made before an instant and are still
// open: their commands have ended one way or the other, and left them behind.
func (s *Source) Abandoned(ctx context.Context, before time.Time) ([]projections.Reservation, error) {
	var rows []projections.Reservation
	_, err := s.Read(ctx, system("abandoned", "reservations left behind are given up", 0, "reservations"), func(ctx context.Context, db DB) (err error) {
		rows, err = many[projections.Reservation](ctx, db, abandonedSQL, before)
		return err
	})
	return rows, err
}

var abandonedSQL = `select ` + columns("r", projections.Reservations) + ` from readmodel.reservations r
where r.state = 'reserved' and r.since < $1 order by r.since, r.stream limit 1000`
