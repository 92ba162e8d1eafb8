// Package migrations brings a database to the shape that this program expects.
// Migrations only go forward.
//
// There are two kinds of tables. The operational ones, in schema reeve, have a
// history: they are changed by numbered files. The read models, in schema
// readmodel, have none: they are made from the log and can be thrown away, so
// that schema is only ensured, not migrated.
//
// Some roles share the work, and none of them can log in. reeve_owner owns
// every table and is used for DDL only; reeve_projector writes rows; reeve_query
// reads them, within a scope, and so do reeve_query_platform, _integrator and
// _tenant, which are for scopes of one node of that level; reeve_audit records
// who read, and can do nothing else. The login in the URL becomes a member of all
// of them, so that each pool of connections can "set role" to the one it needs.
// It has to be allowed to create schemas in the database, and roles, unless an
// administrator made the roles and the membership before. Whoever only reads is
// better off with a login of its own; see [Reader].
package migrations

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed 0*.sql
var files embed.FS

//go:embed roles.sql
var roles string

// ReadModelSchema is idempotent SQL that makes the schema readmodel: owned by
// reeve_owner, with default privileges that let reeve_projector select, insert,
// update and delete in every table that reeve_owner creates there later. Who may
// read a table is granted together with its policies. Run it after the schema was dropped, as the URL's login
// and without arguments, in a transaction or not. Up runs it too.
//
//go:embed readmodel.sql
var ReadModelSchema string

const versions = "reeve.schema_migrations"

// Applied is one migration and when it was applied.
type Applied struct {
	Version   int64
	Name      string    // of its file
	AppliedAt time.Time // in UTC; zero while it is pending
}

// Up applies what is pending and ensures the roles and the read model schema.
// It is idempotent. Of several processes that start at once, one works and the
// others wait for it, until ctx ends.
func Up(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) // which drops the lock
	if _, err := conn.Exec(ctx, "select pg_advisory_lock(hashtextextended('reeve.migrations', 0))"); err != nil {
		return fmt.Errorf("migrate: wait for another migration: %w", err)
	}
	if err := ensureRoles(ctx, conn); err != nil {
		return fmt.Errorf("migrate: roles: %w", err)
	}
	if err := withProvider(ctx, url, func(p *goose.Provider) error {
		_, err := p.Up(ctx)
		return err
	}); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := conn.Exec(ctx, ReadModelSchema); err != nil {
		return fmt.Errorf("migrate: read model schema: %w", err)
	}
	return nil
}

// Status lists all migrations in order, the pending ones too. It changes
// nothing, and works on an empty database.
func Status(ctx context.Context, url string) ([]Applied, error) {
	fresh, err := untouched(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("migration status: %w", err)
	}
	var all []Applied
	err = withProvider(ctx, url, func(p *goose.Provider) error {
		if fresh {
			all = pending(p)
			return nil
		}
		all, err = recorded(ctx, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("migration status: %w", err)
	}
	return all, nil
}

func pending(p *goose.Provider) []Applied {
	var all []Applied
	for _, s := range p.ListSources() {
		all = append(all, Applied{Version: s.Version, Name: path.Base(s.Path)})
	}
	return all
}

func recorded(ctx context.Context, p *goose.Provider) ([]Applied, error) {
	rows, err := p.Status(ctx)
	if err != nil {
		return nil, err
	}
	var all []Applied
	for _, r := range rows {
		all = append(all, Applied{Version: r.Source.Version, Name: path.Base(r.Source.Path), AppliedAt: r.AppliedAt})
	}
	return all, nil
}

// untouched tells whether no migration ever ran. Goose would create its table
// to find out.
func untouched(ctx context.Context, url string) (fresh bool, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, "select to_regclass($1) is null", versions).Scan(&fresh)
	return fresh, err
}

// withProvider lends a migrator whose connections act as reeve_owner, so that
// whatever a migration creates belongs to it.
func withProvider(ctx context.Context, url string, use func(*goose.Provider) error) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	config.RuntimeParams["timezone"] = "UTC" // goose stores local time
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "set role reeve_owner")
		return err
	}))
	p, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName(versions), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return errors.Join(err, db.Close())
	}
	return errors.Join(use(p), db.Close())
}

// ensureRoles tries again when another database of the same server is being
// migrated: our lock is the database's, the roles are the server's.
func ensureRoles(ctx context.Context, conn *pgx.Conn) error {
	const attempts, interval = 50, 20 * time.Millisecond
	for i := 1; ; i++ {
		_, err := conn.Exec(ctx, roles)
		if err == nil || !collided(err) || i == attempts {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interval):
		}
	}
}

// collided recognises two sessions changing the same catalogue row. PostgreSQL
// reports it as a unique violation or as "tuple concurrently updated", which
// has no code of its own.
func collided(err error) bool {
	const uniqueViolation, internalError = "23505", "XX000"
	var answer *pgconn.PgError
	return errors.As(err, &answer) && (answer.Code == uniqueViolation || answer.Code == internalError)
}
