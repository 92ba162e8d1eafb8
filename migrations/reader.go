package migrations

import (
	"context"
	"errors"
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

// ErrReader: a login that reads can do more than read, so that the policies of the
// tables would not hold it.
var ErrReader = errors.New("the login that reads can do more than that")

// ruleSQL names the first thing that a login can do beside reading; the login of
// the owner is $1. Whoever may create roles can give itself any of them.
const ruleSQL = `select case
  when session_user = $1 then 'it is the login that writes'
  when exists (select 1 from pg_roles r where r.rolsuper and pg_has_role(session_user, r.oid, 'member')) then 'it is, or can become, a superuser'
  when exists (select 1 from pg_roles r where r.rolbypassrls and pg_has_role(session_user, r.oid, 'member')) then 'it has, or can get, BYPASSRLS'
  when exists (select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('reeve', 'readmodel') and pg_has_role(session_user, c.relowner, 'member'))
    or pg_has_role(session_user, 'reeve_owner', 'member') then 'it owns the tables, or can become their owner'
  when pg_has_role(session_user, 'reeve_projector', 'member') then 'it can write rows'
  when exists (select 1 from pg_roles r where r.rolcreaterole and pg_has_role(session_user, r.oid, 'member')) then 'it can make roles'
  else '' end`

// CheckReader fails with ErrReader if the login of reader can do more than read what
// policies show it. Admin is the URL of the login that writes. Both must reach a
// database that [Up] has been run on.
func CheckReader(ctx context.Context, admin, reader string) error {
	owner, err := ask(ctx, admin, "select session_user::text")
	if err != nil {
		return fmt.Errorf("the login that writes: %w", err)
	}
	why, err := ask(ctx, reader, ruleSQL, owner)
	if err != nil {
		return fmt.Errorf("the login that reads: %w", err)
	}
	if why != "" {
		return fmt.Errorf("%w: %s", ErrReader, why)
	}
	return nil
}

// ask answers one question under the login of a URL.
func ask(ctx context.Context, url, question string, args ...any) (answer string, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, question, args...).Scan(&answer)
	return answer, err
}
