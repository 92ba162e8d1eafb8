package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/internal/pgdev"
	"github.com/reeve-platform/reeve/migrations"
)

// A world is a running Reeve: the binary with its embedded log, and a PostgreSQL
// of its own with durable settings, in a directory that goes when it closes.
type world struct {
	dir    string
	pg     *pgdev.Server
	pool   *pgxpool.Pool
	reader string // URL of the login that reads
	server *process
	http   string // address of the API
	log    string // address of the embedded log

	mu     sync.Mutex
	tokens map[string]token // by what they are for
}

// open starts a world and waits until it is ready.
func open(ctx context.Context, p plan) (*world, error) {
	w, err := openDatabase(ctx)
	if err != nil {
		return nil, err
	}
	if err = migrations.Up(ctx, w.pg.URL()); err == nil {
		w.reader, err = migrations.Reader(ctx, w.pg.URL(), "reeve_reader", rand.Text())
	}
	if err == nil {
		err = w.start(p, func() bool { return answers(ctx, "http://"+w.http+"/readyz") })
	}
	if err == nil {
		err = w.appoint(ctx, p)
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// openDatabase starts the PostgreSQL of a world, and nothing else.
func openDatabase(ctx context.Context) (*world, error) {
	dir, err := os.MkdirTemp("", "reeve-bench-")
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir}
	if w.pg, err = pgdev.Start(ctx, pgdev.Options{Dir: w.dir}); err == nil {
		w.pool, err = poolOf(ctx, w.pg.URL(), 8)
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// enough is a limit that costs what limits cost, and is never reached.
const enough = "1000000000/s"

func (w *world) start(p plan, ready func() bool) (err error) {
	key := filepath.Join(w.dir, "kek")
	if err := os.WriteFile(key, []byte(strings.Repeat("5e", 32)), 0o600); err != nil {
		return err
	}
	if w.http, w.log, err = twoPorts(); err != nil {
		return err
	}
	w.server, err = spawn([]string{
		"REEVE_DATA_DIR=" + filepath.Join(w.dir, "data"), "REEVE_KEK_FILE=" + key, "REEVE_DATABASE_URL=" + w.pg.URL(), "REEVE_READER_DATABASE_URL=" + w.reader,
		"REEVE_LOG_URL=", "REEVE_LOG_ADDR=" + w.log, "REEVE_HTTP_ADDR=" + w.http, "REEVE_ADMIN_ADDR=127.0.0.1:0", "REEVE_CONFIG=",
		"REEVE_RATE_PRINCIPAL=" + enough, "REEVE_RATE_TENANT=" + enough, "REEVE_RATE_ANONYMOUS=" + enough, "REEVE_CONCURRENT_TENANT=0", "REEVE_CONNECTIONS_ADDRESS=0",
	}, p.binary, "serve")
	if err != nil {
		return err
	}
	return w.server.until(ready)
}

// appoint makes the benchmark the administrator of a new world.
func (w *world) appoint(ctx context.Context, p plan) error {
	_, err := w.reeve(ctx, p, "bootstrap")
	return err
}

// reeve runs a verb against the world's server.
func (w *world) reeve(ctx context.Context, p plan, args ...string) (string, error) {
	c := exec.CommandContext(ctx, p.binary, args...)
	c.Env = append(os.Environ(), "REEVE_SERVER=http://"+w.http, "REEVE_DATA_DIR="+filepath.Join(w.dir, "data"),
		"REEVE_CREDENTIALS="+filepath.Join(w.dir, "credentials.json"), "REEVE_CONFIG=", "REEVE_TOKEN=")
	out, err := c.Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		err = fmt.Errorf("%v: %w: %s", args, err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

// dial connects as the administrator, with a token for everything.
func (w *world) dial(ctx context.Context, p plan) (*wire, error) { return w.dialFor(ctx, p, "") }

// dialFor connects with a token for what is needed and nothing else, as programs
// have them. It is made anew before it expires.
func (w *world) dialFor(ctx context.Context, p plan, scopes string) (*wire, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.tokens[scopes]
	if time.Since(t.minted) > 5*time.Minute {
		mint := []string{"token", "mint"}
		if scopes != "" {
			mint = append(mint, "--scope", scopes)
		}
		text, err := w.reeve(ctx, p, mint...)
		if err != nil {
			return nil, err
		}
		t = token{text, time.Now()}
		if w.tokens == nil {
			w.tokens = map[string]token{}
		}
		w.tokens[scopes] = t
	}
	conn, err := dial(ctx, w.http)
	if err == nil {
		conn.token = t.text
	}
	return conn, err
}

// A token of the administrator.
type token struct {
	text   string
	minted time.Time
}

func poolOf(ctx context.Context, url string, size int32) (*pgxpool.Pool, error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	c.MaxConns, c.MinConns = size, size
	return pgxpool.NewWithConfig(ctx, c)
}

// twoPorts finds addresses that are free now.
func twoPorts() (a, b string, err error) {
	first, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer first.Close()
	second, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	return first.Addr().String(), second.Addr().String(), second.Close()
}

func answers(ctx context.Context, url string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
}

// close stops everything and removes it.
func (w *world) close() {
	if w.server != nil {
		w.server.stop()
	}
	if w.pool != nil {
		w.pool.Close()
	}
	if w.pg != nil {
		if err := w.pg.Stop(); err != nil {
			say("PostgreSQL did not stop as it should: %v", err)
		}
		if data := w.pg.DataDir(); !strings.HasPrefix(data, w.dir) {
			_ = os.RemoveAll(filepath.Dir(data))
		}
	}
	_ = os.RemoveAll(w.dir)
}

func (w *world) logURL() string { return esdbURL(w.log) }

// postgresCPU is how much CPU time PostgreSQL has used.
func (w *world) postgresCPU() time.Duration {
	b, _ := os.ReadFile(filepath.Join(w.pg.DataDir(), "postmaster.pid"))
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return cpuBelow(pid)
}

// cpu is how much CPU time both servers have used.
func (w *world) cpu() time.Duration { return w.server.cpu() + w.postgresCPU() }

// settled waits until every read model has read up to a position, so that what
// comes next has the machine for itself.
func (w *world) settled(ctx context.Context, position uint64) error {
	const behind = `select count(*) from reeve.cursors where position < $1 or state <> 'live'`
	for {
		var n int
		if err := w.pool.QueryRow(ctx, behind, position).Scan(&n); err != nil || n == 0 {
			return err
		}
		select {
		case <-w.server.gone:
			return errors.New("the server has ended: " + w.server.said.String())
		case <-ctx.Done():
			return fmt.Errorf("waiting for the read models: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
