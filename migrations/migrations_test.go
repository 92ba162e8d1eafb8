package migrations

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"github.com/reeve-platform/reeve/internal/pgdev/pgtest"
)

const allRoles = "reeve_owner, reeve_projector, reeve_query, reeve_query_platform, reeve_query_integrator, reeve_query_tenant, reeve_audit"

func TestMain(m *testing.M) { pgtest.Main(m) }

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func run(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// migrated is a connection to a migrated database with one read model.
func migrated(t *testing.T) (*pgx.Conn, string) {
	t.Helper()
	url := pgtest.Shared(t)
	if err := Up(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, url)
	makeReadModel(t, conn)
	return conn, url
}

func makeReadModel(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	run(t, conn, "set role reeve_owner", "create table readmodel.rows (id int primary key)", "grant select on readmodel.rows to reeve_query", "reset role")
}

func TestUpTwiceIsOnce(t *testing.T) {
	conn, url := migrated(t)
	run(t, conn, "insert into reeve.cursors (name, position, version, state) values ('rows', 7, 1, 'live')")
	if err := Up(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	var position int
	if err := conn.QueryRow(t.Context(), "select position from reeve.cursors").Scan(&position); err != nil || position != 7 {
		t.Errorf("position = %d, %v", position, err)
	}
}

// Also the roles are new, so that two databases compete for making them.
func TestManyUpsAtOnce(t *testing.T) {
	one, two := pgtest.Shared(t), pgtest.Shared(t)
	run(t, connect(t, one), "drop role if exists "+allRoles)
	ups, ctx := errgroup.WithContext(t.Context())
	for i := range 8 {
		url := []string{one, two}[i%2]
		ups.Go(func() error { return Up(ctx, url) })
	}
	if err := ups.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{one, two} {
		var rows int
		err := connect(t, url).QueryRow(t.Context(), "select count(*) from "+versions+" where version_id = 1").Scan(&rows)
		if err != nil || rows != 1 {
			t.Errorf("applied %d times, %v", rows, err)
		}
	}
}

func TestStatus(t *testing.T) {
	url := pgtest.Shared(t)
	before, err := Status(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if len(before) == 0 || before[0].Version != 1 || before[0].Name != "0001_foundation.sql" || !before[0].AppliedAt.IsZero() {
		t.Errorf("before: %+v", before)
	}
	var made bool
	if err := connect(t, url).QueryRow(t.Context(), "select to_regnamespace('reeve') is not null").Scan(&made); err != nil || made {
		t.Errorf("asking changed the database: %v, %v", made, err)
	}
	if err := Up(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	after, err := Status(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range after {
		if age := time.Since(a.AppliedAt); age < -time.Minute || age > 10*time.Minute {
			t.Errorf("%s was applied %v ago", a.Name, age)
		}
	}
}

// may tries a statement as a role and takes it back.
func may(t *testing.T, conn *pgx.Conn, role, statement string) bool {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if _, err := tx.Exec(t.Context(), "set local role "+role); err != nil {
		t.Fatal(err)
	}
	_, err = tx.Exec(t.Context(), statement)
	var answer *pgconn.PgError
	if errors.As(err, &answer) && answer.Code == "42501" { // insufficient privilege
		return false
	}
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return true
}

// privileges: who may do what. Nobody but the owner may what is not listed.
var privileges = []struct {
	statement        string
	projector, query bool
}{
	{"select * from readmodel.rows", true, true},
	{"insert into readmodel.rows values (1)", true, false},
	{"update readmodel.rows set id = 2", true, false},
	{"delete from readmodel.rows", true, false},
	{"truncate readmodel.rows", false, false},
	{"drop table readmodel.rows", false, false},
	{"alter table readmodel.rows add column x int", false, false},
	{"create index on readmodel.rows (id)", false, false},
	{"create table readmodel.mine ()", false, false},
	{"create table reeve.mine ()", false, false},
	{"create table public.mine ()", false, false},
	{"create schema mine", false, false},
	{"select * from reeve.cursors", true, true},
	{"insert into reeve.cursors (name, position, version, state) values ('x', 0, 1, 'live')", true, false},
	{"update reeve.cursors set position = 1", true, false},
	{"delete from reeve.cursors", false, false},
	{"truncate reeve.cursors", false, false},
	{"select * from reeve.schema_migrations", false, false},
}

func checkPrivileges(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	for _, p := range privileges {
		if got := may(t, conn, "reeve_projector", p.statement); got != p.projector {
			t.Errorf("projector: %s: %v, want %v", p.statement, got, p.projector)
		}
		if got := may(t, conn, "reeve_query", p.statement); got != p.query {
			t.Errorf("query: %s: %v, want %v", p.statement, got, p.query)
		}
		if !may(t, conn, "reeve_owner", p.statement) && p.statement != "create schema mine" && p.statement != "create table public.mine ()" {
			t.Errorf("owner: %s refused", p.statement)
		}
	}
}

func TestPrivileges(t *testing.T) {
	conn, _ := migrated(t)
	checkPrivileges(t, conn)
}

func TestReadModelSchemaCanBeMadeAnew(t *testing.T) {
	conn, _ := migrated(t)
	run(t, conn, "drop schema readmodel cascade", ReadModelSchema, ReadModelSchema)
	makeReadModel(t, conn)
	checkPrivileges(t, conn)
}

// The engine narrows some tables; making sure of the schema must not widen them.
func TestReadModelSchemaKeepsNarrowedTables(t *testing.T) {
	conn, _ := migrated(t)
	run(t, conn, "revoke update, delete on readmodel.rows from reeve_projector", ReadModelSchema)
	if may(t, conn, "reeve_projector", "delete from readmodel.rows") {
		t.Error("the projector may delete again")
	}
}

func TestNothingBelongsToALogin(t *testing.T) {
	conn, _ := migrated(t)
	rows, err := conn.Query(t.Context(), `
		select relname::text from pg_class join pg_roles on pg_roles.oid = relowner
		where relnamespace in ('reeve'::regnamespace, 'readmodel'::regnamespace) and rolname <> 'reeve_owner'`)
	if err != nil {
		t.Fatal(err)
	}
	if names, err := pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(names) > 0 {
		t.Errorf("%v, %v", names, err)
	}
}

// loginAs makes a login that owns the database of url and is no superuser.
func loginAs(t *testing.T, url, name, attribute string) string {
	t.Helper()
	admin := connect(t, url)
	config := admin.Config()
	run(t, admin,
		fmt.Sprintf("create role %s login %s password 'm'", name, attribute),
		fmt.Sprintf("alter database %s owner to %s", config.Database, name))
	t.Cleanup(func() { dropRole(t, url, name) })
	return fmt.Sprintf("postgres://%s:m@%s:%d/%s?sslmode=disable", name, config.Host, config.Port, config.Database)
}

func checkLogin(t *testing.T, login string) {
	t.Helper()
	for range 2 {
		if err := Up(t.Context(), login); err != nil {
			t.Fatal(err)
		}
	}
	conn := connect(t, login)
	run(t, conn, "drop schema readmodel cascade", ReadModelSchema)
	makeReadModel(t, conn)
	checkPrivileges(t, conn)
}

func TestUpAsALoginThatMayCreateRoles(t *testing.T) {
	url := pgtest.Shared(t)
	run(t, connect(t, url), "drop role if exists "+allRoles)
	checkLogin(t, loginAs(t, url, "creator", "createrole"))
}

func TestUpAsALoginThatWasGivenTheRoles(t *testing.T) {
	url := pgtest.Shared(t)
	admin := connect(t, url)
	run(t, admin, roles, "drop schema reeve")
	login := loginAs(t, url, "member", "nocreaterole")
	run(t, admin, "grant "+allRoles+" to member")
	checkLogin(t, login)
}

func dropRole(t *testing.T, url, role string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, s := range []string{"reassign owned by %s to current_user", "drop owned by %s", "drop role %s"} {
		if _, err := conn.Exec(context.Background(), fmt.Sprintf(s, role)); err != nil {
			t.Error(err)
		}
	}
}
