package migrations

import (
	"context"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
)

// readerSQL makes a login that can take on the roles that read and the one that
// records reads, and nothing else.
const readerSQL = `do $$
begin
  if to_regrole(%[1]s) is null then execute format('create role %%I', %[1]s); end if;
  execute format('alter role %%I login noinherit nosuperuser nocreatedb nocreaterole noreplication nobypassrls password %%L', %[1]s, %[2]s);
  execute format('grant reeve_query, reeve_query_platform, reeve_query_integrator, reeve_query_tenant, reeve_audit to %%I', %[1]s);
  -- whoever swaps tables has to see how old the snapshots of the readers are
  if not pg_has_role(current_user, %[1]s, 'usage') then execute format('grant %%I to current_user', %[1]s); end if;
end
$$`

// Reader makes a login of that name and password for whoever reads, in the place
// of an administrator: nothing that runs under it can become the owner of a table
// or write a row. It answers with the URL to connect under it.
func Reader(ctx context.Context, admin, name, password string) (string, error) {
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var quotedName, quotedPassword string
	if err := conn.QueryRow(ctx, "select quote_literal($1::text), quote_literal($2::text)", name, password).Scan(&quotedName, &quotedPassword); err != nil {
		return "", err
	}
	if _, err := conn.Exec(ctx, fmt.Sprintf(readerSQL, quotedName, quotedPassword)); err != nil {
		return "", fmt.Errorf("make the login %s: %w", name, err)
	}
	u, err := url.Parse(admin)
	if err != nil {
		return "", err
	}
	u.User = url.UserPassword(name, password)
	return u.String(), nil
}
