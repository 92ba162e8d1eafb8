-- +goose Up
-- Runs as reeve_owner.

grant usage on schema reeve to reeve_query_platform, reeve_query_integrator, reeve_query_tenant, reeve_audit;
grant select on reeve.cursors to reeve_query_platform, reeve_query_integrator, reeve_query_tenant;

-- Who looked at what. One row for each statement against the read models.
create table reeve.data_access_log (
  id            uuid        not null, -- rises with time; no index makes sure of it, because each costs every record
  at            timestamptz not null,
  line          text[]      not null, -- the nodes from the platform down to what the reader was confined to
  actor_id      text        not null,
  actor_type    text        not null,
  on_behalf_of  text        not null default '',
  statement     text        not null, -- which question it was
  tables        text[]      not null,
  scope         text[]      not null, -- paths that the reader was confined to
  rows          bigint      not null, -- answered
  microseconds  bigint      not null,
  reason        text        not null default '',
  trace_id      text        not null default '',
  failed        boolean     not null default false
);
create index on reeve.data_access_log (at, id);

alter table reeve.data_access_log enable row level security;
alter table reeve.data_access_log force row level security;

-- It is written by somebody who cannot read it.
grant insert on reeve.data_access_log to reeve_audit;
create policy recorder on reeve.data_access_log for insert to reeve_audit with check (true);

-- Old records are removed by somebody who sees nothing but their age.
grant select (at), delete on reeve.data_access_log to reeve_projector;
create policy prune on reeve.data_access_log for all to reeve_projector using (true) with check (false);

-- It is read within the scope, like a read model.
grant select on reeve.data_access_log to reeve_query, reeve_query_platform, reeve_query_integrator, reeve_query_tenant;
create policy reader on reeve.data_access_log for select to reeve_query, reeve_query_platform, reeve_query_integrator, reeve_query_tenant
  using ((select 'platform' = any(string_to_array(current_setting('reeve.scope', true), ',')))
    or line && (select array(select split_part(p, '/', -1) from unnest(string_to_array(current_setting('reeve.scope', true), ',')) p))::text[]);
