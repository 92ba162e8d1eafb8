package readapi_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/readapi"
)

// bound is the scope of somebody who may see one node and below.
func bound(path ...string) domain.Scope {
	return domain.Scope{Actor: domain.Actor{ID: "eve", Type: "user"}, Paths: path}
}

var (
	northScope = bound("platform/" + string(acme) + "/" + string(north))
	southScope = bound("platform/" + string(acme) + "/" + string(south))
	acmeScope  = bound("platform/" + string(acme))
	boltScope  = bound("platform/" + string(bolt))
)

// seenBy runs a query within a scope.
func seenBy[R any](w *world, s domain.Scope, q readapi.Query[R]) (answer R, err error) {
	_, err = w.source.Read(w.t.Context(), readapi.View{Name: "test", Scope: s}, func(ctx context.Context, db readapi.DB) (err error) {
		answer, err = q.Run(ctx, db)
		return err
	})
	return answer, err
}

func TestWhoSeesWhichTenants(t *testing.T) {
	w := estate(t)
	for _, c := range []struct {
		name  string
		scope domain.Scope
		want  []string
	}{
		{"the platform", everywhere, []string{"north", "south"}},
		{"their integrator", acmeScope, []string{"north", "south"}},
		{"another integrator", boltScope, nil},
		{"itself", northScope, []string{"north"}},
		{"two at once", bound(northScope.Paths[0], boltScope.Paths[0]), []string{"north"}},
		{"the platform and more", bound(northScope.Paths[0], "platform"), []string{"north", "south"}},
		{"a path that is no path", bound("x,platform"), nil},
		{"a node nobody knows", bound("platform/" + string(nadie)), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			list, err := seenBy(w, c.scope, readapi.TenantsBy{Sort: "slug"})
			if err != nil || !cmp.Equal(slugs(list), c.want) {
				t.Errorf("%v, %v; want %v", slugs(list), err, c.want)
			}
		})
	}
}

func TestATenantSeesWhatDecidesOverIt(t *testing.T) {
	w := estate(t).tell(domain.IntegratorStream(acme), integrator.Stopped{Integrator: acme, From: integrator.StatusActive})
	got, err := seenBy(w, northScope, readapi.TenantByID{Tenant: north})
	if err != nil || got.EffectiveStatus != tenant.StatusSuspended {
		t.Errorf("%+v, %v", got, err)
	}
	node, err := seenBy(w, northScope, readapi.NodeByID{Node: domain.NodeID(north), Include: []string{"ancestors", "children"}})
	if err != nil || len(node.Ancestors) != 2 {
		t.Errorf("ancestors: %+v, %v", node.Ancestors, err)
	}
	if _, err := seenBy(w, northScope, readapi.NodeByID{Node: domain.NodeID(south)}); !errors.Is(err, flag.ErrNodeNotFound) {
		t.Errorf("its sibling: %v", err)
	}
	if _, err := seenBy(w, northScope, readapi.IntegratorByID{Integrator: acme}); !errors.Is(err, domain.ErrIntegratorNotFound) {
		t.Errorf("its integrator's books: %v", err)
	}
}

func TestAStatementWithoutAScopeNeverReachesTheDatabase(t *testing.T) {
	w := estate(t)
	_, err := seenBy(w, domain.Scope{}, readapi.TenantsBy{})
	if !errors.Is(err, readapi.ErrUnscoped) || domain.KindOf(err) != domain.Internal {
		t.Errorf("err = %v", err)
	}
	s, _ := readapi.Open(t.Context(), "postgres://nobody@127.0.0.1:1/none?sslmode=disable", nil, nil)
	defer s.Close()
	if _, err := seenBy(w, domain.Scope{}, readapi.Projections{}); err != nil {
		t.Errorf("what belongs to no tenant needs none: %v", err)
	}
}

// A row of any table, and whose it is.
type owned struct{ Key, Owner string }

var policed = []string{"nodes", "integrators", "tenants", "quotas", "flag_overrides", "resolved_flags", "audit_log", "nodes_past", "tenants_past", "flag_overrides_past"}

func inherited(table string) bool {
	table = strings.TrimSuffix(table, "_past")
	return table == "nodes" || table == "flag_overrides" || table == "resolved_flags"
}

func keyOf(table string) string {
	for _, p := range projections.All {
		if d := p.Describe(); d.Name == table {
			return d.Columns[0].Name
		}
	}
	return ""
}

// rowsSeen reads a whole table as a role within a scope.
func rowsSeen(t rapid.TB, db *pgx.Conn, role, scope, table string) []owned {
	ctx := context.Background()
	tx, err := db.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, "select set_config('role', $1, true), set_config('reeve.scope', $2, true)", role, scope); err != nil {
		t.Fatal(err)
	}
	rows, _ := tx.Query(ctx, fmt.Sprintf(`select %[1]s::text as key, owner from readmodel.%[2]s order by %[1]s::text collate "C"`, keyOf(table), table))
	seen, err := pgx.CollectRows(rows, pgx.RowToStructByPos[owned])
	if err != nil {
		t.Fatalf("%s as %s in %s: %v", table, role, scope, err)
	}
	return seen
}

// thicket is a random tree, some of whose tenants have moved.
func thicket(t *testing.T, seed uint64) (*world, map[string]string) {
	w, draw := open(t).platform(), newDice(seed)
	w.tell(flag.Stream("f"), flag.Defined{Flag: "f", Definition: flag.Definition{Type: flag.Boolean, Default: []byte("true"), Off: []byte("false"), Mode: "replace"}}, flag.Activated{Flag: "f", From: flag.StatusDraft})
	paths := map[string]string{"platform": "platform"}
	var integrators []domain.IntegratorID
	for range 1 + draw(4) {
		id := domain.IntegratorID(uuid.NewSHA1(uuid.Nil, fmt.Append(nil, seed, len(integrators))).String())
		integrators = append(integrators, id)
		paths[string(id)] = "platform/" + string(id)
		w.integrator(id, integrator.Partner, fmt.Sprint("I", len(integrators)))
	}
	for i := range draw(12) {
		id, under := domain.TenantID(uuid.NewSHA1(uuid.Max, fmt.Append(nil, seed, i)).String()), integrators[draw(len(integrators))]
		w.tenant(id, under, fmt.Sprint("t", i))
		if to := integrators[draw(len(integrators))]; draw(3) == 0 && to != under {
			w.tell(domain.TenantStream(id), tenant.Reassigned{Tenant: id, From: under, To: to})
			under = to
		}
		w.tell(domain.QuotaStream(id), quotaOf(id))
		w.tell(domain.StreamID("nodeflags-"+id), flag.Overridden{Node: domain.NodeID(id), Level: domain.TenantLevel, Parent: domain.NodeID(under), Flag: "f", Setting: flag.Setting{Value: []byte("false")}})
		paths[string(id)] = paths[string(under)] + "/" + string(id)
	}
	return w, paths
}

// newDice is a small deterministic generator.
func newDice(seed uint64) func(int) int {
	state := seed*2654435761 + 1
	return func(n int) int {
		state = state*6364136223846793005 + 1442695040888963407
		return int(state>>33) % n
	}
}

func TestWhatIsSeenIsWhatANaiveFilterLeaves(t *testing.T) {
	for seed := range uint64(3) {
		w, paths := thicket(t, seed)
		db := w.rawConn(t)
		all := map[string][]owned{}
		for _, table := range policed {
			all[table] = rowsSeen(t, db, "reeve_query_platform", "platform", table)
		}
		names := slices.Sorted(func(yield func(string) bool) {
			for _, p := range paths {
				if !yield(p) {
					return
				}
			}
		})
		rapid.Check(t, func(rt *rapid.T) {
			scope := bound(rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, min(3, len(names)), rapid.ID).Draw(rt, "scope")...)
			table := rapid.SampledFrom(policed).Draw(rt, "table")
			want := []owned{}
			for _, row := range all[table] {
				path := paths[row.Owner]
				if scope.Covers(path) || inherited(table) && slices.ContainsFunc(scope.Paths, func(p string) bool { return strings.HasPrefix(p, path+"/") }) {
					want = append(want, row)
				}
			}
			setting, role := readapi.Confine(scope)
			for _, r := range []string{"reeve_query", role} {
				if diff := cmp.Diff(want, rowsSeen(rt, db, r, setting, table)); diff != "" {
					rt.Fatalf("%s as %s in %s (-naive +seen):\n%s", table, r, setting, diff)
				}
			}
			for _, r := range []string{"reeve_query_platform", "reeve_query_integrator", "reeve_query_tenant"} {
				for _, row := range rowsSeenOrRefused(rt, db, r, setting, table) {
					if !slices.Contains(want, row) {
						rt.Fatalf("%s as %s, which does not fit %s: sees %v", table, r, setting, row)
					}
				}
			}
		})
	}
}

// rowsSeenOrRefused is rowsSeen where the scope may not be one for the role.
func rowsSeenOrRefused(t rapid.TB, db *pgx.Conn, role, scope, table string) (seen []owned) {
	ctx := context.Background()
	tx, err := db.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, "select set_config('role', $1, true), set_config('reeve.scope', $2, true)", role, scope); err != nil {
		t.Fatal(err)
	}
	rows, _ := tx.Query(ctx, fmt.Sprintf(`select %s::text, owner from readmodel.%s`, keyOf(table), table))
	seen, _ = pgx.CollectRows(rows, pgx.RowToStructByPos[owned])
	return seen
}

// rawConn is a connection of the login that reads, with nothing of ours around it.
func (w *world) rawConn(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), w.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// Requests of several tenants over two connections: each gets its own, and none
// leaves its scope behind.
func TestMixedRequestsOverTwoConnectionsLeakNothing(t *testing.T) {
	w := estate(t)
	s, err := readapi.Open(t.Context(), w.url+"&pool_max_conns=2", w.log.Head, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	scopes := []struct {
		scope domain.Scope
		want  []string
	}{{northScope, []string{"north"}}, {southScope, []string{"south"}}, {boltScope, nil}, {acmeScope, []string{"north", "south"}}, {everywhere, []string{"north", "south"}}}
	var g sync.WaitGroup
	for worker := range 8 {
		g.Go(func() {
			for n := range 250 {
				c := scopes[(worker+n*7)%len(scopes)]
				_, err := s.Read(t.Context(), readapi.View{Scope: c.scope}, func(ctx context.Context, db readapi.DB) error {
					list, err := readapi.TenantsBy{Sort: "slug"}.Run(ctx, db)
					if err == nil && !slices.Equal(slugs(list), c.want) {
						t.Errorf("%v sees %v", c.scope.Paths, slugs(list))
					}
					if n%10 == 0 { // a failure in between must not leave anything either
						if rows, failed := db.Query(ctx, "select 1/0 from readmodel.tenants"); failed == nil {
							rows.Close()
						}
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	g.Wait()
	left, err := readapi.Left(s)
	if err != nil || len(left) < 2 || slices.ContainsFunc(left, func(l string) bool { return l != "/its own" }) {
		t.Errorf("left on the connections: %q, %v", left, err)
	}
}
