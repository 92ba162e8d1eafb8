package readapi_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/readapi"
)

// lint lists what is wrong with a schema: each line is a way past the policies.
// The login of the tests is the cluster's superuser and no finding.
const lint = `
with ours as (select c.*, n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('readmodel', 'reeve')),
readable as (select distinct o.oid from ours o cross join lateral aclexplode(o.relacl) a where a.privilege_type = 'SELECT' and a.grantee <> o.relowner and a.grantee::regrole::text like 'reeve\_query%'),
guarded as (select o.* from ours o where o.relkind in ('r', 'p') and o.relname not in ('cursors', 'schema_migrations') and (o.oid in (select oid from readable)
  or exists (select from pg_attribute a where a.attrelid = o.oid and a.attname in ('owner', 'tenant_id', 'line') and not a.attisdropped) and o.relname not like '%\_\_next'))
select 'no row-level security: ' || relname from guarded where not relrowsecurity
union all select 'not forced: ' || relname from guarded where relrowsecurity and not relforcerowsecurity
union all select 'no policy: ' || relname from guarded g where relrowsecurity and not exists (select from pg_policy p where p.polrelid = g.oid)
union all select 'writes without a check: ' || g.relname from guarded g join pg_policy p on p.polrelid = g.oid where p.polcmd in ('a', 'w', '*') and p.polwithcheck is null
union all select 'policy for everybody: ' || g.relname from guarded g join pg_policy p on p.polrelid = g.oid where 0 = any(p.polroles)
union all select 'policy without the scope: ' || g.relname from guarded g join pg_policy p on p.polrelid = g.oid cross join unnest(p.polroles) r
  where r::regrole::text like 'reeve\_query%' and pg_get_expr(p.polqual, p.polrelid) not like '%reeve.scope%'
union all select 'view of its owner: ' || relname from ours where relkind = 'v' and not coalesce(reloptions, '{}') @> '{security_invoker=true}'
union all select 'materialised: ' || relname from ours where relkind = 'm'
union all select 'partition: ' || relname from ours where relispartition and not relrowsecurity
union all select 'owned by a login: ' || o.relname from ours o join pg_roles r on r.oid = o.relowner where r.rolcanlogin
union all select 'truncate: ' || o.relname from ours o cross join lateral aclexplode(o.relacl) a where a.privilege_type in ('TRUNCATE', 'TRIGGER', 'REFERENCES') and a.grantee <> o.relowner
union all select 'public: ' || o.relname from ours o cross join lateral aclexplode(o.relacl) a where a.grantee = 0
union all select 'readers write: ' || o.relname from ours o cross join lateral aclexplode(o.relacl) a where a.privilege_type <> 'SELECT' and a.grantee <> o.relowner and a.grantee::regrole::text like 'reeve\_query%'
union all select 'function of its owner: ' || proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('readmodel', 'reeve', 'public') and prosecdef
union all select 'function without search_path: ' || proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('readmodel', 'reeve') and not coalesce(array_to_string(proconfig, ' '), '') like '%search_path=%'
union all select 'above the policies: ' || rolname from pg_roles where rolname <> current_user and rolname not like 'pg\_%' and (rolbypassrls or rolsuper)
union all select 'reader becomes more: ' || r.rolname from pg_roles r where r.rolname = any(array['reeve_owner', 'reeve_projector']) and pg_has_role('reeve_reader', r.oid, 'member')
order by 1`

func findings(t *testing.T, db *pgxpool.Pool) []string {
	t.Helper()
	rows, err := db.Query(t.Context(), lint)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestTheSchemaHasNoHoles(t *testing.T) {
	w := estate(t)
	if found := findings(t, w.db); len(found) > 0 {
		t.Errorf("%q", found)
	}
	rebuild(t, w)
	if found := findings(t, w.db); len(found) > 0 {
		t.Errorf("after a rebuild: %q", found)
	}
}

// What the lint is worth: it finds what was planted.
func TestPlantedHolesAreFound(t *testing.T) {
	w := estate(t)
	for _, s := range []string{
		"create table readmodel.open (id int, owner text); alter table readmodel.open owner to reeve_owner; grant select on readmodel.open to reeve_query",
		"alter table readmodel.quotas no force row level security",
		"create table reeve.bare (tenant_id text); alter table reeve.bare owner to reeve_owner; alter table reeve.bare enable row level security; alter table reeve.bare force row level security",
		"create policy sloppy on readmodel.flags for all to reeve_projector using (true)",
		"create policy everyone on readmodel.tenants for select using (true)",
		"create policy wide on readmodel.nodes for select to reeve_query using (true)",
		"create view readmodel.plain as select * from readmodel.tenants; alter view readmodel.plain owner to reeve_owner",
		"create materialized view readmodel.stored as select 1 as x; alter materialized view readmodel.stored owner to reeve_owner",
		"create table readmodel.mine (x int)",
		"grant truncate on readmodel.tenants to reeve_projector",
		"grant select on readmodel.integrators to public",
		"grant update on readmodel.nodes to reeve_query",
		"create function readmodel.f() returns int language sql security definer as 'select 1'",
	} {
		if _, err := w.db.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	want := []string{
		"function of its owner: f", "function without search_path: f", "materialised: stored", "no policy: bare", "no row-level security: open", "not forced: quotas",
		"owned by a login: mine", "policy for everybody: tenants", "policy without the scope: nodes", "public: integrators", "readers write: nodes",
		"truncate: tenants", "view of its owner: plain", "writes without a check: flags",
	}
	if diff := cmp.Diff(want, slices.Compact(findings(t, w.db))); diff != "" {
		t.Error(diff)
	}
}

// A table is rebuilt beside the live one, and takes its policies along.
func TestARebuildKeepsEverybodyInTheirScope(t *testing.T) {
	w := estate(t)
	for range 2 {
		rebuild(t, w)
		for scope, want := range map[*[]string][]string{&northScope.Paths: {"north"}, &acmeScope.Paths: {"north", "south"}, &boltScope.Paths: nil} {
			list, err := seenBy(w, bound(*scope...), readapi.TenantsBy{Sort: "slug"})
			if err != nil || !cmp.Equal(slugs(list), want) {
				t.Errorf("%v sees %v, %v; want %v", *scope, slugs(list), err, want)
			}
		}
	}
}

func rebuild(t *testing.T, w *world) {
	t.Helper()
	if err := w.engine.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
}
