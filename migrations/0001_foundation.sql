-- +goose Up
-- Runs as reeve_owner. Every grant is written out: what is not granted here is
-- not allowed.

grant usage on schema reeve to reeve_projector, reeve_query;

-- How far each read model has come. A row moves only by compare-and-set, in the
-- transaction that writes the rows the events led to.
create table reeve.cursors (
  name           text        primary key,
  position       bigint      not null, -- last applied commit position of the log
  version        int         not null, -- of the fold that wrote the rows
  state          text        not null check (state in ('live', 'building', 'stopped')),
  error          text,                 -- why it stopped
  error_position bigint,               -- at which event
  updated_at     timestamptz not null default now(),
  events         bigint      not null default 0 -- applied in all, for rates
);

grant select, insert, update on reeve.cursors to reeve_projector;
grant select on reeve.cursors to reeve_query;
