// Package pgtest gives tests a real PostgreSQL.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		pool, err := pgxpool.New(t.Context(), pgtest.Shared(t))
//
// One server runs per test binary, started by the first call of Shared. Its
// cluster is kept in the temporary directory for the next run, which saves the
// second that creating one takes; databases and roles are not kept.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/internal/pgdev"
)

const prefix = "test_"

var server = sync.OnceValues(start)

var started *pgdev.Server // what Main has to stop

// Main runs the tests of a binary and stops the server. Without it, the kernel
// (Linux) or the next run (elsewhere) stops the server.
func Main(m *testing.M) {
	code := m.Run()
	if started != nil {
		if err := started.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// Shared returns the URL of a fresh, empty database of the test's own, for a
// superuser. The database is dropped when the test ends. Roles belong to the
// server and are shared by the tests of the binary.
func Shared(t testing.TB) string {
	t.Helper()
	s, err := server()
	if err != nil {
		t.Fatal(err)
	}
	name := prefix + strings.ToLower(rand.Text())
	if err := exec(t.Context(), s.URL(), "create database "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := exec(context.Background(), s.URL(), "drop database "+name+" with (force)"); err != nil {
			t.Error(err)
		}
	})
	return within(s.URL(), name)
}

func within(server, database string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(err) // pgdev printed it
	}
	u.Path = "/" + database
	return u.String()
}

// start takes the first free slot. The binaries of packages tested side by
// side hold one each.
func start() (*pgdev.Server, error) {
	root := filepath.Join(os.TempDir(), fmt.Sprintf("reeve-pgtest-%d", os.Geteuid()))
	if err := ours(root); err != nil {
		return nil, err
	}
	for slot := 0; ; slot++ {
		s, err := open(filepath.Join(root, fmt.Sprint(slot)))
		if errors.Is(err, pgdev.ErrRunning) {
			continue
		}
		started = s
		return s, err
	}
}

// ours makes a directory and refuses one that somebody else made.
func ours(dir string) error {
	if err := os.Mkdir(dir, 0o711); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("pgtest: %s is not a directory of ours", dir)
	}
	return os.Chmod(dir, 0o711)
}

// open starts the cluster of a slot, anew when a crash of the machine damaged
// it: it runs without fsync.
func open(dir string) (*pgdev.Server, error) {
	s, err := clean(dir)
	if err == nil || errors.Is(err, pgdev.ErrRunning) || errors.Is(err, pgdev.ErrMissing) {
		return s, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	return clean(dir)
}

func clean(dir string) (*pgdev.Server, error) {
	s, err := pgdev.Start(context.Background(), pgdev.Options{Dir: dir, Unsafe: true})
	if err != nil {
		return nil, err
	}
	if err := sweep(s.URL()); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// sweep drops what earlier runs left: databases first, they depend on roles.
func sweep(url string) error {
	const leftDatabases = `select format('drop database %I with (force)', datname) from pg_database where starts_with(datname, $1)`
	const leftRoles = `select format('drop role %I', rolname) from pg_roles where not starts_with(rolname, $1) and rolname <> current_user`
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return errors.Join(each(ctx, conn, leftDatabases, prefix), each(ctx, conn, leftRoles, "pg_"))
}

func each(ctx context.Context, conn *pgx.Conn, query, arg string) error {
	rows, err := conn.Query(ctx, query, arg)
	if err != nil {
		return err
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, s := range statements {
		_, failed := conn.Exec(ctx, s)
		err = errors.Join(err, failed)
	}
	return err
}

func exec(ctx context.Context, url, statement string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}
