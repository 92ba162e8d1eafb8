package projections

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
)

// ErrForeign: the tables hold what is not in the log.
var ErrForeign = errors.New("the tables were made from another log, or from a later copy of this one")

// Foreign fails with ErrForeign if the tables have read further than the log goes,
// or remember another beginning than it has. Whoever may see everything could see
// there what nobody of this log has let them see.
func (e *Engine) Foreign(ctx context.Context) error {
	s, err := e.takeStock(ctx)
	if err != nil {
		return err
	}
	for _, c := range s.cursors {
		if c.Position > s.head {
			return ErrForeign
		}
	}
	first, any, err := e.first(ctx)
	if err != nil || !any || !s.tables[AuditLog.Name] {
		return err
	}
	return e.inTx(ctx, asProjector, pageTime, func(ctx context.Context, tx pgx.Tx) error {
		var id uuid.UUID
		err := tx.QueryRow(ctx, `select event_id from readmodel.audit_log order by position limit 1`).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && id == first.ID {
			return nil
		}
		return errors.Join(err, ErrForeign)
	})
}

// first is the oldest event that the log has.
func (e *Engine) first(ctx context.Context) (r domain.Recorded, any bool, err error) {
	if head, err := e.log.Head(ctx); head == 0 || err != nil {
		return r, false, err
	}
	for page, err := range e.log.Pages(ctx, 0, 1) {
		if err != nil {
			return r, false, err
		}
		if len(page.Events) > 0 {
			return page.Events[0], true, nil
		}
	}
	return r, false, ctx.Err()
}
