package readapi_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/reeve-platform/reeve/readapi"
)

// attacks are what somebody tries who can send SQL as the role that reads, while
// confined to north. Each must be refused or show nothing of south.
var attacks = []struct {
	name    string
	setup   []string // what the attack needs; may fail
	sql     string
	refused bool
}{
	{"set role owner", nil, "set role reeve_owner", true},
	{"set role projector", nil, "set role reeve_projector", true},
	{"session authorization", nil, "set session authorization reeve_owner", true},
	{"row_security off", []string{"set local row_security = off"}, "select slug, id::text from readmodel.tenants", true},
	{"a plain view", []string{"create view pg_temp.v as select * from readmodel.tenants"}, "select slug, id::text from pg_temp.v", false},
	{"the view of the tree", nil, "select id, path from readmodel.tree", false},
	{"a function", []string{"create function pg_temp.f() returns setof readmodel.tenants language sql security definer as 'select * from readmodel.tenants'"}, "select slug, id::text from pg_temp.f()", false},
	{"copy", nil, "copy readmodel.tenants to stdout", false},
	{"copy of a query", nil, "copy (select slug, name from readmodel.tenants) to stdout", false},
	{"copy to a program", nil, "copy readmodel.tenants to program 'cat'", true},
	{"truncate", nil, "truncate readmodel.tenants", true},
	{"a table that is being built", nil, "select stream from readmodel.hidden__next", true},
	{"statistics", nil, "select most_common_vals::text, histogram_bounds::text from pg_stats where schemaname = 'readmodel'", false},
	{"raw statistics", nil, "select stavalues1::text from pg_statistic", true},
	{"explain", nil, "explain (analyze, verbose) select * from readmodel.tenants", false},
	{"a foreign key", nil, "create table pg_temp.k (id uuid references readmodel.tenants (id))", true},
	{"a unique index", nil, "insert into readmodel.tenants select * from readmodel.tenants", true},
	{"an update", nil, "update readmodel.tenants set slug = slug", true},
	{"a function in the condition", []string{"create function pg_temp.leak(text) returns bool language plpgsql cost 0.0001 as 'begin if $1 <> ''north'' then raise ''%'', $1; end if; return true; end'"}, "select slug from readmodel.tenants where pg_temp.leak(slug)", false},
	{"an error in the condition", nil, "select slug from readmodel.tenants where 1 / (case when slug = 'south' then 0 else 1 end) = 1", false},
	{"a cast in the condition", nil, "select slug from readmodel.tenants where slug = 'north' or slug::int = 1", false},
	{"a shadow table", []string{"create temp table tenants as select * from readmodel.tenants"}, "select slug from tenants", false},
	{"another search path", []string{"set local search_path = readmodel, reeve"}, "select slug from tenants", false},
	{"a large object", nil, "select lo_import('/etc/hostname')::text", true},
	{"a file", nil, "select pg_read_file('/etc/hostname')", true},
	{"dblink", nil, "create extension dblink", true},
	{"other sessions", nil, "select query from pg_stat_activity where query like '%south%' and pid <> pg_backend_pid()", false},
	{"counting", nil, "select count(*)::text || 'south' from readmodel.tenants where slug <> 'north' having count(*) > 0", false},
	{"the record of access", nil, "select actor_id from reeve.data_access_log", false},
	{"writing the record of access", nil, "delete from reeve.data_access_log", true},
	{"a schema of one's own", nil, "create schema mine", true},
}

func TestAttacksInSQLShowNothing(t *testing.T) {
	w := estate(t)
	for _, s := range []string{"create table readmodel.hidden__next (stream text)", "analyze"} {
		if _, err := w.db.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	ask(w, readapi.TenantsBy{}) // of somebody else, so that there is a record
	w.source.Settle()
	setting, role := readapi.Confine(northScope)
	for _, as := range []string{"reeve_query", role} {
		for _, a := range attacks {
			t.Run(as+"/"+a.name, func(t *testing.T) {
				said, err := attack(t, w, as, setting, append(a.setup, a.sql))
				if strings.Contains(said, "south") || strings.Contains(said, string(south)) || strings.Contains(said, "ada") {
					t.Errorf("shows %q", said)
				}
				if (err != nil) != a.refused {
					t.Errorf("err = %v, want one: %v", err, a.refused)
				}
			})
		}
	}
	for _, role := range []string{"reeve_query", "reeve_query_platform", "reeve_query_integrator", "reeve_query_tenant", "reeve_audit"} {
		for _, setting := range []string{"", ",", "platfor", "platform/x/y"} {
			for _, table := range append(policed, "flags", "reservations") {
				said, _ := attack(t, w, role, setting, []string{"select 'seen' from readmodel." + table})
				if table == "flags" && setting != "" {
					continue
				}
				above := inherited(table) && setting == "platform/x/y"
				if strings.Contains(said, "seen") && !above {
					t.Errorf("%s sees %s in %q", role, table, setting)
				}
			}
		}
	}
}

// attack runs statements in one transaction, as a role within a scope, and tells
// everything that comes back.
func attack(t *testing.T, w *world, role, setting string, statements []string) (string, error) {
	t.Helper()
	ctx, conn := context.Background(), w.rawConn(t)
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "set role "+role+"; begin"); err != nil {
		t.Fatal(err)
	}
	if setting != "" {
		if _, err := conn.Exec(ctx, "select set_config('reeve.scope', $1, true)", setting); err != nil {
			t.Fatal(err)
		}
	}
	var said strings.Builder
	for _, s := range statements {
		if strings.HasPrefix(s, "copy") && strings.HasSuffix(s, "stdout") {
			_, err := conn.PgConn().CopyTo(ctx, io.Writer(&said), s)
			return said.String(), err
		}
		results, err := conn.PgConn().Exec(ctx, s).ReadAll()
		for _, r := range results {
			for _, row := range r.Rows {
				for _, value := range row {
					said.Write(append(value, ' '))
				}
			}
		}
		if err != nil {
			return said.String() + err.Error(), err
		}
	}
	return said.String(), nil
}
