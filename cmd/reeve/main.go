// Command reeve is the whole product in one binary: the server, the embedded
// log, and a verb for everything the server can be asked.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/logserver"
	"github.com/reeve-platform/reeve/internal/pgdev"
	"github.com/reeve-platform/reeve/readapi"
)

// version is stamped by the build.
var version = "dev"

// A terminal is where a verb reads and writes: data on out, chatter on err.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	log      *slog.Logger
}

// operations are the verbs that run the product; the verbs that ask it
// something are read off the catalogues.
type operations struct {
	Dev         devCommand       `cmd:"" group:"Run" help:"Run everything here: embedded log, local Postgres, server. Loopback only."`
	Serve       serveCommand     `cmd:"" group:"Run" help:"Run the server on the log and database that are configured."`
	Log         logCommands      `cmd:"" group:"Run" help:"The embedded event log alone."`
	Bootstrap   bootstrapCommand `cmd:"" group:"Operate" help:"Become the first administrator of a server whose log has none."`
	Token       tokenCommands    `cmd:"" group:"Ask" help:"Access tokens."`
	Migrate     migrateCommands  `cmd:"" group:"Operate" help:"The database's schema."`
	Projections projectionsVerbs `cmd:"" group:"Operate" help:"State, rebuild and checksums of the read models."`
	Generate    generateCommand  `cmd:"" hidden:"" help:"Write the contracts and reference pages of this source tree."`
	Version     versionCommand   `cmd:"" group:"Operate" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t := &terminal{os.Stdin, os.Stdout, os.Stderr, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	os.Exit(run(ctx, t, os.Args[1:]))
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, t *terminal, args []string) int {
	parser, err := grammar(ctx, t)
	if err != nil {
		return t.fail(err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return t.usage(err)
	}
	if err := parsed.Run(); err != nil {
		return t.fail(err)
	}
	return 0
}

// Exit codes beyond those of an answer (package edge).
const (
	exitUsage   = 2
	exitCorrupt = 3
	exitRunning = 4
)

// fail prints what went wrong and gives the exit code for it.
func (t *terminal) fail(err error) int {
	var corrupt *logserver.CorruptionError
	var config errConfig
	fmt.Fprintln(t.err, "reeve:", err)
	switch {
	case errors.As(err, &corrupt), errors.Is(err, logserver.ErrHopeless):
		return exitCorrupt
	case errors.Is(err, logserver.ErrLocked), errors.Is(err, pgdev.ErrRunning), errors.Is(err, syscall.EADDRINUSE):
		return exitRunning
	case errors.As(err, &config):
		return exitUsage
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		err = readapi.ErrNoDatabase.Because(err)
	}
	if coded, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err); ok {
		return coded.ExitCode()
	}
	if e, ok := domain.AsError(err); ok {
		for _, f := range e.Fields {
			fmt.Fprintf(t.err, "  %s: %s\n", f.Pointer, f.Detail)
		}
		return edge.OutcomeOf(err).Exit
	}
	return 1
}

func (t *terminal) usage(err error) int {
	fmt.Fprintln(t.err, "reeve:", err)
	if parse, ok := errors.AsType[*kong.ParseError](err); ok {
		parse.Context.Stdout = t.err
		_ = parse.Context.PrintUsage(true)
	}
	return exitUsage
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(t *terminal) error {
	_, err := fmt.Fprintln(t.out, version)
	return err
}
