-- The schema of the read models, empty. It may be dropped at any time, since
-- its tables are made from the log; this makes it anew, with the privileges
-- that its future tables will have. Idempotent. The statements go together, as
-- one simple query or in one transaction: the lock lasts until its end.
select pg_advisory_xact_lock(hashtextextended('reeve.readmodel', 0));

create schema if not exists readmodel authorization reeve_owner;

grant usage on schema readmodel to reeve_projector, reeve_query, reeve_query_platform, reeve_query_integrator, reeve_query_tenant;

alter default privileges for role reeve_owner in schema readmodel
  grant select, insert, update, delete on tables to reeve_projector;
-- Who may read a table comes together with its policies, not before.
alter default privileges for role reeve_owner in schema readmodel
  revoke select on tables from reeve_query;
