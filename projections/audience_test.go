package projections_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/projections/projectionstest"
)

type bauble struct {
	ID    string `db:"id,text"`
	Owner string `db:"owner,text"`
}

func baubles(seen projections.Audience) projections.Table[bauble] {
	return projections.Table[bauble]{Name: "baubles", Version: 1, Seen: seen,
		Key:  func(domain.Recorded) string { return "" },
		Fold: func(b bauble, _ domain.Recorded) (bauble, bool) { return b, false }}
}

func TestATableSaysWhoSeesIt(t *testing.T) {
	for _, c := range []struct {
		name   string
		table  projections.Projection
		panics string
	}{
		{"rows of nodes that nobody is said to see", baubles(projections.Audience{}), "does not say who may see them"},
		{"a column that is not there", baubles(projections.Owners.By("tenant_id")), `names the column "tenant_id"`},
		{"rows without an owner", projections.Table[place]{Name: "p", Version: 1, Seen: projections.Heirs}, `names the column "owner"`},
		{"said and there", baubles(projections.Owners), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				said, _ := recover().(string)
				if !strings.Contains(said, c.panics) || (said == "") != (c.panics == "") {
					t.Errorf("panics with %q, want %q", said, c.panics)
				}
			}()
			projections.New(nil, nil, []projections.Projection{c.table}, projections.Options{})
		})
	}
}

// Tables that an older version made, or that lost their policies, get them when
// somebody begins to project, and not a rebuild.
func TestTablesWithoutPoliciesGetThem(t *testing.T) {
	db, log := projectionstest.Open(t), projectionstest.NewHistory()
	e := projections.New(db, log, projections.All, projections.Options{})
	stop := projectionstest.Run(t, e)
	projectionstest.Await(t, e, log)
	stop()
	run(t, db, "drop view readmodel.tree cascade")
	run(t, db, "alter table readmodel.tenants disable row level security; drop policy if exists reeve_query_tenant on readmodel.tenants; comment on table readmodel.tenants is null")
	before := oids(t, db)
	projectionstest.Run(t, e)
	projectionstest.Until(t, func() (bool, string) {
		var bare, policies int
		err := db.QueryRow(t.Context(), `select count(*) filter (where not relrowsecurity), (select count(*) from pg_policies where schemaname = 'readmodel')
from pg_class where relnamespace = 'readmodel'::regnamespace and relkind = 'r'`).Scan(&bare, &policies)
		return err == nil && bare == 0 && policies == 5*len(projections.All), "policies are missing"
	})
	if after := oids(t, db); before != after {
		t.Errorf("rebuilt: %s, then %s", before, after)
	}
}

func oids(t *testing.T, db *pgxpool.Pool) (all string) {
	t.Helper()
	err := db.QueryRow(t.Context(), `select string_agg(oid::text, ' ' order by oid) from pg_class where relnamespace = 'readmodel'::regnamespace and relkind = 'r'`).Scan(&all)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
