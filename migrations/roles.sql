-- What must be there before the first migration: the roles, and the schema that
-- holds the list of migrations. Idempotent, and run before every migration,
-- because roles belong to the server and not to the database: a database that
-- is restored elsewhere finds none.
--
-- Nobody logs in as one of these roles. A login is a member and takes one on
-- with "set role".
do $$
declare
  name text;
begin
  foreach name in array array['reeve_owner', 'reeve_projector', 'reeve_query', 'reeve_query_platform', 'reeve_query_integrator', 'reeve_query_tenant', 'reeve_audit'] loop
    if to_regrole(name) is null then
      begin
        execute format('create role %I nologin', name);
      exception when duplicate_object or unique_violation then
        null; -- just now by the migration of another database
      end;
    end if;
    -- An administrator may have done both, for a login that may do neither.
    if not pg_has_role(current_user, name, 'member') then
      execute format('grant %I to current_user', name);
    end if;
  end loop;
end
$$;

create schema if not exists reeve authorization reeve_owner;
