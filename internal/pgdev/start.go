package pgdev

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	retryFor  = 5 * time.Second // a fresh crash is cleaned up by then
	readyFor  = 2 * time.Minute // recovery replays the log since the last checkpoint
	pollEvery = 50 * time.Millisecond
)

// start runs the server until it answers, again when it dies on the way.
func (c cluster) start(ctx context.Context) (*process, int, error) {
	for began := time.Now(); ; {
		p, port, err := c.attempt(ctx)
		if err == nil {
			return p, port, nil
		}
		if !errors.Is(err, errDied) || time.Since(began) > retryFor {
			return nil, 0, fmt.Errorf("%w; the server's log is %s", err, c.logPath())
		}
		if err := pause(ctx, 4*pollEvery); err != nil {
			return nil, 0, err
		}
	}
}

var errDied = errors.New("postgres ended while starting")

func (c cluster) attempt(ctx context.Context) (*process, int, error) {
	port, err := freePort()
	if err != nil {
		return nil, 0, err
	}
	out, err := os.OpenFile(c.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, 0, err
	}
	defer out.Close()
	cmd := c.command(context.WithoutCancel(ctx), "postgres", c.settings(port)...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr.Setpgid = true // an interrupt from the terminal is for us; we then stop it
	dieWithParent(cmd.SysProcAttr)
	p, err := spawn(cmd)
	if err != nil {
		return nil, 0, err
	}
	if err := c.ready(ctx, p, port); err != nil {
		return nil, 0, errors.Join(err, halt(p.cmd.Process.Signal, p.done))
	}
	return p, port, nil
}

// settings are given on the command line, so that they hold whatever the
// configuration file says.
func (c cluster) settings(port int) []string {
	set := []string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(port), "unix_socket_directories=",
		"max_connections=100", "shared_buffers=128MB", "logging_collector=off", "log_line_prefix=%m [%p] %u@%d ",
	}
	safety := "on"
	if c.unsafe {
		safety = "off"
	}
	set = append(set, "synchronous_commit=on", "fsync="+safety, "full_page_writes="+safety)
	args := []string{"-D", c.data()}
	for _, s := range set {
		args = append(args, "-c", s)
	}
	return args
}

func freePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// ready waits until the database exists and answers.
func (c cluster) ready(ctx context.Context, p *process, port int) error {
	ctx, cancel := context.WithTimeout(ctx, readyFor)
	defer cancel()
	for {
		err := c.ensureDatabase(ctx, port)
		if err == nil || refused(err) {
			return err
		}
		select {
		case <-p.done:
			return fmt.Errorf("%w: %w", errDied, p.err)
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pollEvery):
		}
	}
}

// refused tells a final answer of the server, such as a wrong password, from
// silence and from "I am starting".
func refused(err error) bool {
	const cannotConnectNow = "57P03"
	var answer *pgconn.PgError
	return errors.As(err, &answer) && answer.Code != cannotConnectNow
}

func (c cluster) ensureDatabase(ctx context.Context, port int) error {
	conn, err := pgx.Connect(ctx, c.url(port, "postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var exists bool
	err = conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", database).Scan(&exists)
	if err != nil || exists {
		return err
	}
	_, err = conn.Exec(ctx, "create database "+database)
	return err
}

func (c cluster) url(port int, name string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(owner, c.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Path:     "/" + name,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
