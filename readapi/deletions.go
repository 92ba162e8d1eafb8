package readapi

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
)

// Due lists tenants whose time of grace is over at an instant.
func (s *Source) Due(ctx context.Context, at time.Time) ([]domain.TenantID, error) {
	var ids []domain.TenantID
	_, err := s.Read(ctx, system("due", "tenants whose time of grace is over are deleted", 0, "tenants"), func(ctx context.Context, db DB) error {
		rows, err := db.Query(ctx, dueSQL, at)
		if err != nil {
			return err
		}
		ids, err = pgx.CollectRows(rows, pgx.RowTo[domain.TenantID])
		return err
	})
	return ids, err
}

const dueSQL = `select t.id::text from readmodel.tenants t where t.status = 'pending_deletion' and t.deletion_due <= $1 order by t.id limit 1000`
